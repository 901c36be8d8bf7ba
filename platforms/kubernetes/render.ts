import { stringify } from "yaml";
import { runnables, secretsRead, type SystemModel } from "../../model/system";
import { fillText, secretsOf, type Text } from "../../model/text";
import type { KubernetesObject, Manifest } from "./objects";

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

/** A Secret that is left out of the files: it can be sealed once its values are known. */
export interface LeftOutSecret {
  readonly system: string;
  /** Path of its sealed form. No component is named like that: a name has no dot. */
  readonly path: string;
  /** Without its content. */
  readonly manifest: Manifest;
  /** By key. */
  readonly content: Readonly<Record<string, Text>>;
  /** Secrets of the system whose values its content is made from. */
  readonly needs: readonly string[];
  /**
   * A secret of the system that is random and kept as long as its data, so that digests of others may be keyed
   * by it; absent where there is none.
   */
  readonly keyedBy?: string;
}

/** Every Secret of a system. */
export function leftOutSecrets(
  model: SystemModel,
  objects: readonly KubernetesObject[],
): LeftOutSecret[] {
  const lasting = model.secrets.find(({ source }) => source.kind === "generated" && source.protect);
  return objects.flatMap(({ manifest, content }) =>
    content === undefined
      ? []
      : [
          {
            system: model.name,
            path: `${model.name}/${manifest.metadata.name}.sealed.yaml`,
            manifest,
            content,
            needs: [...new Set(Object.values(content).flatMap(secretsOf))],
            ...(lasting === undefined ? {} : { keyedBy: lasting.name }),
          },
        ],
  );
}

/** A Secret with its content, as a cluster takes it: for memory only. */
export interface OpenSecret extends Manifest {
  /** By key, in base64. */
  readonly data: Readonly<Record<string, string>>;
}

/**
 * Fills a Secret.
 * @param values what it needs, by name
 * @throws RangeError when one is missing; the message names the secret, never a value
 */
export const openSecret = (
  { manifest, content }: LeftOutSecret,
  values: ReadonlyMap<string, string>,
): OpenSecret => ({
  ...manifest,
  data: Object.fromEntries(
    Object.entries(content).map(([key, text]) => [
      key,
      Buffer.from(fillText(text, values)).toString("base64"),
    ]),
  ),
});

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

Their values are never written to a file. \`pulumi up\` makes them; with GitOps, a tool of your own does, or their
sealed forms stand beside this file (\`atalaya render --seal\`, docs/operations.md).

${lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}
`;
}

function origin(model: SystemModel, name: string, parts: readonly string[]): string {
  const source = model.secrets.find((s) => s.name === name)?.source;
  switch (source?.kind) {
    case "generated":
      // `atalaya compare` reads the second half.
      return `${source.length} random letters and digits${source.protect ? ", part of the data" : ""}`;
    case "configured":
      return `the stack's \`${source.key}\``;
    default:
      return `made from ${parts.map((part) => told(model, part)).join(", ")}`;
  }
}

/** What is in no Secret of its own has no row either. */
function told(model: SystemModel, name: string): string {
  const own = model.secrets.some((secret) => secret.name === name);
  if (!own || secretsRead(model).some((secret) => secret.name === name)) return name;
  return `${name} (${origin(model, name, [])})`;
}
