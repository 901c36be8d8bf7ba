import type { Problem } from "../model/problems";
import { kubernetes } from "../platforms/kubernetes/kubernetes";
import {
  leftOutSecrets,
  type LeftOutSecret,
  type RenderedFile,
  renderSystem,
} from "../platforms/kubernetes/render";
import type { DescribedStack } from "./describe";
import { kubernetesSite } from "./sites";

export interface RenderedStack {
  readonly files: readonly RenderedFile[];
  /** What is in none of them. */
  readonly secrets: readonly LeftOutSecret[];
  /** What the platform cannot honour, and what would be better otherwise. */
  readonly notices: readonly Problem[];
}

/**
 * All manifests of a Kubernetes stack: the same objects that `up` creates, without the Pulumi engine, a
 * cluster or a credential. Secrets are left out.
 * @throws NotOnKubernetes
 */
export function renderStack({ stack, config, systems }: DescribedStack): RenderedStack {
  const { platform } = config.site;
  if (platform !== "kubernetes") throw new NotOnKubernetes(platform);
  const site = kubernetesSite(stack, config.site);
  const lowered = systems.map((model) => ({ model, ...kubernetes.lower(model, site) }));
  return {
    files: lowered.flatMap(({ model, objects }) => renderSystem(model, objects)),
    secrets: lowered.flatMap(({ model, objects }) => leftOutSecrets(model, objects)),
    notices: [...config.notices, ...lowered.flatMap(({ notices }) => notices)],
  };
}

/** The stack has no manifests. */
export class NotOnKubernetes extends Error {
  constructor(readonly platform: string) {
    super(`the stack is on ${platform}, which has no manifests`);
  }
}
