import type { Json, JsonObject } from "./field";

/** What is judged: one object of an engine, or one resource of a Pulumi program. */
export interface Subject {
  /**
   * What it is: a Kubernetes `apiVersion/kind` (`apps/v1/Deployment`), a Pulumi type
   * (`docker:index/service:Service`, `random:index/randomPassword:RandomPassword`), or `compose:service`,
   * `compose:network`, `compose:volume`, `compose:secret`, `compose:config`, `pulumi:config`.
   */
  readonly type: string;
  readonly world: "kubernetes" | "docker" | "compose" | "pulumi";
  /** For people: `Deployment`, `Service`, `Network` … */
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  /** A manifest, a Docker resource's arguments, a service of a compose file. */
  readonly props: JsonObject;
  /** Where it is written, for code scanning. */
  readonly source?: Source;
  /** What Pulumi knows of it beyond its properties. */
  readonly pulumi?: PulumiFacts;
}

export interface Source {
  readonly file: string;
  /** From 1. */
  readonly line?: number;
}

export interface PulumiFacts {
  readonly urn: string;
  readonly protect: boolean;
  readonly retainOnDelete?: boolean;
  /**
   * Paths of properties that are kept as secrets, as `a.b[0]`; `[""]` means all. Absent where nobody can
   * tell (a validation sees plain values): then nothing is said about it.
   */
  readonly secretPaths?: readonly string[];
}

/** An object of Kubernetes as YAML has it. Anything that is no object with a kind is nobody's subject. */
export function fromManifest(
  manifest: unknown,
  source?: Source,
  pulumi?: PulumiFacts,
): Subject | undefined {
  if (!isObject(manifest)) return undefined;
  const { apiVersion, kind, metadata } = manifest;
  if (typeof kind !== "string" || typeof apiVersion !== "string") return undefined;
  const meta = isObject(metadata) ? metadata : {};
  const name = meta["name"] ?? meta["generateName"];
  return {
    type: `${apiVersion}/${kind}`,
    world: "kubernetes",
    kind,
    ...(typeof meta["namespace"] === "string" ? { namespace: meta["namespace"] } : {}),
    name: typeof name === "string" ? name : "(no name)",
    props: manifest,
    ...(source === undefined ? {} : { source }),
    ...(pulumi === undefined ? {} : { pulumi }),
  };
}

/** Whether a manifest is a list of others (`kubectl get -o yaml`), whose items are the subjects. */
export const listItems = (manifest: unknown): readonly unknown[] | undefined =>
  isObject(manifest) &&
  typeof manifest["kind"] === "string" &&
  manifest["kind"].endsWith("List") &&
  Array.isArray(manifest["items"])
    ? (manifest["items"] as readonly unknown[])
    : undefined;

export interface PulumiResource {
  readonly type: string;
  /** Its name in the program. */
  readonly name: string;
  readonly props: JsonObject;
  readonly facts: PulumiFacts;
  readonly source?: Source;
}

/** A resource of a Pulumi program: from an analyzer's call, a state or a preview's plan. */
export function fromPulumi({ type, name, props, facts, source }: PulumiResource): Subject {
  const [, group = "", kind = ""] = /^kubernetes:(.+):([^:]+)$/.exec(type) ?? [];
  if (kind !== "") {
    const whole = { apiVersion: apiVersionOf(group), kind, ...props };
    const subject = fromManifest(whole, source, facts);
    if (subject !== undefined) {
      return subject.name === "(no name)" ? { ...subject, name } : subject;
    }
  }
  const world = type.startsWith("docker:") ? "docker" : "pulumi";
  const own = props["name"];
  return {
    type,
    world,
    kind: type.split(":").at(-1) ?? type,
    name: world === "docker" && typeof own === "string" ? own : name,
    props,
    ...(source === undefined ? {} : { source }),
    pulumi: facts,
  };
}

/** The type of a stack's configuration, as it stands in `Pulumi.<stack>.yaml`: no resource, but judged like one. */
export const CONFIG = "pulumi:config";

/** A stack's configuration: values by key, what is encrypted as `{ secure }`. */
export const fromConfig = (stack: string, config: unknown, source?: Source): Subject => ({
  type: CONFIG,
  world: "pulumi",
  kind: "Config",
  name: stack,
  props: isObject(config) ? config : {},
  ...(source === undefined ? {} : { source }),
});

/** A service, network, volume, secret or config of a compose file. */
export const fromCompose = (
  kind: "service" | "network" | "volume" | "secret" | "config",
  name: string,
  props: unknown,
  source?: Source,
): Subject => ({
  type: `compose:${kind}`,
  world: "compose",
  kind: kind[0]!.toUpperCase() + kind.slice(1),
  name,
  props: isObject(props) ? props : {},
  ...(source === undefined ? {} : { source }),
});

/** Pulumi calls the core group `core/v1`. */
const apiVersionOf = (group: string): string => group.replace(/^core\//, "");

const isObject = (value: unknown): value is JsonObject & Record<string, Json | undefined> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
