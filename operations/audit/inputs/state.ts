import { fromPulumi } from "../../../policies/engine/subject";
import type { Gathered } from "../gathered";
import { isRecord } from "../values";
import type { Node } from "../yaml";
import { sealed } from "./sealed";

interface Resource {
  readonly urn: string;
  readonly type: string;
  readonly custom?: boolean;
  readonly delete?: boolean;
  readonly external?: boolean;
  readonly protect?: boolean;
  readonly retainOnDelete?: boolean;
  readonly inputs?: unknown;
  readonly outputs?: unknown;
}

/**
 * The way to the resources in a state: of `pulumi stack export`, of a file of Pulumi's own backend, or of
 * a deployment by itself; undefined where it is none.
 */
export function pathOfResources(value: unknown): readonly string[] | undefined {
  for (const path of [
    ["deployment", "resources"],
    ["checkpoint", "latest", "resources"],
    ["resources"],
  ]) {
    const found = path.reduce<unknown>((of, key) => (isRecord(of) ? of[key] : undefined), value);
    // One that is broken does not make it something else.
    if (Array.isArray(found) && (found.length === 0 || found.some(isResource))) return path;
  }
  // A stack without resources is a state, too.
  if (!isRecord(value)) return undefined;
  const { deployment } = value;
  return isRecord(deployment) && isRecord(deployment["manifest"]) && !("resources" in deployment)
    ? ["deployment", "resources"]
    : undefined;
}

const isResource = (of: unknown): of is Resource =>
  isRecord(of) &&
  typeof of["urn"] === "string" &&
  of["urn"].startsWith("urn:pulumi:") &&
  typeof of["type"] === "string";

/** Judges a state as it is: secrets stay sealed. */
export function gatherState(
  value: unknown,
  into: Gathered,
  from: { readonly file?: string; readonly node?: Node } = {},
): void {
  const path = pathOfResources(value) ?? [];
  const found = path.reduce<unknown>((of, key) => (isRecord(of) ? of[key] : undefined), value);
  const resources: readonly unknown[] = Array.isArray(found) ? found : [];
  let node = from.node;
  for (const key of path) node = node?.get(key);
  const nodes = node?.items() ?? [];
  resources.forEach((resource, i) => {
    if (!isResource(resource)) {
      const line = nodes[i]?.line;
      into.unreadable.push({
        source: { file: from.file ?? "", ...(line === undefined ? {} : { line }) },
        reason: `resource ${i} of the state has no urn and type`,
      });
      return;
    }
    const isStack = resource.type === "pulumi:pulumi:Stack";
    // What is on its way out, or only read, is nobody's to mend; components are the sum of their children.
    if (resource.delete || resource.external || !(resource.custom || isStack)) return;
    const { props, secretPaths } = sealed(isStack ? resource.outputs : resource.inputs);
    const inputs = nodes[i]?.get(isStack ? "outputs" : "inputs");
    into.add(
      {
        ...(from.file === undefined ? {} : { file: from.file }),
        ...(inputs === undefined ? {} : { node: inputs }),
      },
      (source) =>
        fromPulumi({
          type: resource.type,
          name: resource.urn.split("::").at(-1)!,
          props,
          facts: {
            urn: resource.urn,
            protect: resource.protect === true,
            ...(resource.retainOnDelete === undefined
              ? {}
              : { retainOnDelete: resource.retainOnDelete }),
            secretPaths,
          },
          source,
        }),
    );
  });
}
