import { stringify } from "yaml";
import { runnables, type SystemModel } from "../../model/system";
import { secretsOf } from "../../model/text";
import type { KubernetesObject } from "./objects";

/** A file to be written, by its path below the folder of a stack. */
export interface RenderedFile {
  readonly path: string;
  readonly text: string;
}

/**
 * All manifests of a system, for people and for `kubectl apply`: a file a component, and one before
 * them for the namespace. Secrets are left out; a table says which there have to be.
 */
export function renderSystem(
  model: SystemModel,
  objects: readonly KubernetesObject[],
): RenderedFile[] {
  const visible = objects.filter((object) => object.content === undefined);
  const of = (component: string | undefined): string =>
    visible
      .filter((object) => object.component === component)
      .map(({ manifest }) => `---\n${toYaml(manifest)}`)
      .join("");
  return [
    { path: `${model.name}/00-namespace.yaml`, text: of(undefined) },
    ...model.components
      .map(({ name }) => ({ path: `${model.name}/${name}.yaml`, text: of(name) }))
      .filter(({ text }) => text !== ""),
    { path: `${model.name}/secrets.md`, text: secretsTable(model, objects) },
  ];
}

/**
 * One object as YAML, with nothing folded, so that a difference shows as one line. Kubernetes reads
 * YAML 1.1, where a bare `Off` is no text.
 */
export const toYaml = (value: unknown): string =>
  stringify(value, { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false });

function secretsTable(model: SystemModel, objects: readonly KubernetesObject[]): string {
  const rows = objects
    .filter((object) => object.content !== undefined)
    .map(({ manifest: { metadata }, content = {} }) => {
      const readers = runnables(model)
        .filter((r) => r.secrets.some((mount) => mount.secret === metadata.name))
        .map((r) => r.name);
      return [
        metadata.name,
        Object.keys(content).join(", "),
        origin(model, metadata.name, Object.values(content).flatMap(secretsOf)),
        readers.join(", ") || "the kubelet",
      ];
    });
  const lines = [["Secret", "key", "content", "read by"], ["---", "---", "---", "---"], ...rows];
  return `# Secrets that have to be in the namespace

Their values are never written to a file. \`pulumi up\` makes them; with GitOps, a tool of your own does.

${lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}
`;
}

function origin(model: SystemModel, name: string, parts: readonly string[]): string {
  const source = model.secrets.find((s) => s.name === name)?.source;
  switch (source?.kind) {
    case "generated":
      return `${source.length} random letters and digits`;
    case "configured":
      return `the stack's \`${source.key}\``;
    default:
      return `made from ${parts.join(", ")}`;
  }
}
