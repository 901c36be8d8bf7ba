import type { Problem } from "../model/problems";
import { kubernetes } from "../platforms/kubernetes/kubernetes";
import { type RenderedFile, renderSystem } from "../platforms/kubernetes/render";
import { readConfigFile } from "./config-file";
import { type Deployable, describeStack } from "./describe";
import { kubernetesSite } from "./sites";

export interface RenderedStack {
  readonly files: readonly RenderedFile[];
  /** What the platform cannot honour. */
  readonly notices: readonly Problem[];
}

/**
 * All manifests of a Kubernetes stack: the same objects that `up` creates, without the Pulumi engine, a
 * cluster or a credential. Secrets are left out.
 * @param file the stack's configuration, `Pulumi.<stack>.yaml`
 * @throws ProblemsError with everything that is wrong with the configuration
 */
export function renderStack(
  stack: string,
  project: string,
  file: string,
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as for describeStack
  offered: readonly Deployable<any>[],
): RenderedStack {
  const { config, systems } = describeStack(stack, readConfigFile(file, project), offered);
  const { platform } = config.site;
  if (platform !== "kubernetes") throw new NotOnKubernetes(platform);
  const site = kubernetesSite(stack, config.site);
  const lowered = systems.map((model) => ({ model, ...kubernetes.lower(model, site) }));
  return {
    files: lowered.flatMap(({ model, objects }) => renderSystem(model, objects)),
    notices: lowered.flatMap(({ notices }) => notices),
  };
}

/** The stack has no manifests. */
export class NotOnKubernetes extends Error {
  constructor(readonly platform: string) {
    super(`the stack is on ${platform}, which has no manifests`);
  }
}
