import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";

import { parseDocument, visit } from "yaml";

import { ExitCode, UserError } from "../errors";

/** `Pulumi.<stack>.yaml` as it stands; secret values stay encrypted. */
export interface StackFile {
  readonly secretsprovider?: string;
  readonly config?: Readonly<Record<string, unknown>>;
}

/**
 * Reads a stack's file; an absent one is empty.
 * @throws UserError where it is no YAML: where, and never what stands there
 */
export function readStackFile(root: string, stack: string): StackFile {
  const name = `Pulumi.${stack}.yaml`;
  const file = join(root, name);
  if (!existsSync(file)) return {};
  const document = parseDocument(readFileSync(file, "utf8"), { logLevel: "error" });
  const [wrong] = document.errors;
  if (wrong !== undefined) {
    const [at] = wrong.linePos ?? [];
    throw noYaml(name, at === undefined ? "" : ` (line ${at.line})`);
  }
  try {
    const { config, ...rest } = (document.toJS() as StackFile | null) ?? {};
    // A head with nothing below it is none.
    return { ...rest, ...(config && { config }) };
  } catch {
    throw noYaml(name, " (a value that begins with * stands in quotes)");
  }
}

const noYaml = (name: string, where: string): UserError =>
  new UserError(
    `${name} is no YAML${where}.`,
    "Correct it there; nothing was changed. `pulumi config set` puts values where they belong.",
    ExitCode.usage,
  );

/** The stacks that a checkout has files of; a laptop's own is nobody else's business. */
export function stackFiles(root: string): readonly string[] {
  return readdirSync(root)
    .flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? [])
    .filter((stack) => stack !== "dev")
    .sort();
}

/** The engine's address in a stack's configuration; without one it is DOCKER_HOST's or the docker command's. */
export function configuredEngine(root: string, stack: string): string | undefined {
  const engine = readStackFile(root, stack).config?.["atalaya:engine"];
  return typeof engine === "string" && engine !== "" ? engine : undefined;
}

/** The platform in a stack's configuration; what is wrong with it, the stack's own validation says. */
export function configuredPlatform(root: string, stack: string): "swarm" | "kubernetes" {
  const platform = readStackFile(root, stack).config?.["atalaya:platform"];
  return platform === "kubernetes" ? "kubernetes" : "swarm";
}

/** The folder for copies of the stack's own state in its configuration (`atalaya:backups`, `state`). */
export function configuredStateFolder(root: string, stack: string): string | undefined {
  const backups = readStackFile(root, stack).config?.["atalaya:backups"];
  if (typeof backups !== "object" || backups === null) return undefined;
  const { state } = backups as { readonly state?: unknown };
  return typeof state === "string" && isAbsolute(state) ? state : undefined;
}

/**
 * The text of a stack's file without the mark of its passphrase (`encryptionsalt`), or undefined when
 * there is no mark, or encrypted values that belong to it.
 */
export function withoutSalt(text: string): string | undefined {
  if (!/^encryptionsalt:/m.test(text) || /\bsecure:/.test(text)) return undefined;
  return text.replace(/^encryptionsalt:.*\n?/m, "");
}

/**
 * Takes the mark of another passphrase out of a stack's file that holds nothing encrypted: left by a
 * state that is gone, or by another machine. Pulumi marks it anew then.
 *
 * @returns whether there was one to take out.
 */
export function forgetSalt(root: string, stack: string): boolean {
  const file = join(root, `Pulumi.${stack}.yaml`);
  const rest = existsSync(file) ? withoutSalt(readFileSync(file, "utf8")) : undefined;
  if (rest === undefined) return false;
  writeFileSync(file, rest);
  return true;
}

/**
 * Sets a value in a stack's file and leaves the rest of it as it stands, comments included.
 * @param path below `config`
 * @returns puts the file back as it was
 * @throws Error where the path leads through something that is no object
 */
export function setInStackFile(
  root: string,
  stack: string,
  path: readonly string[],
  value: object,
): () => void {
  const file = join(root, `Pulumi.${stack}.yaml`);
  const before = readFileSync(file, "utf8");
  const document = parseDocument(before);
  const node = document.createNode(value);
  // Pulumi would read a bare moment as something else than text.
  visit(node, { Scalar: (_, scalar) => void (scalar.type = textType(scalar.value)) });
  document.setIn(["config", ...path], node);
  writeFileSync(file, document.toString());
  return () => {
    writeFileSync(file, before);
  };
}

const textType = (value: unknown): "QUOTE_DOUBLE" | "PLAIN" =>
  typeof value === "string" && !/^[a-zA-Z]+$/.test(value) ? "QUOTE_DOUBLE" : "PLAIN";

/** The registry in a stack's configuration (`atalaya:registry`); its password is encrypted elsewhere. */
export function configuredRegistry(
  root: string,
  stack: string,
): { readonly server: string; readonly username: string } | undefined {
  const registry = readStackFile(root, stack).config?.["atalaya:registry"];
  if (typeof registry !== "object" || registry === null) return undefined;
  const { server, username } = registry as {
    readonly server?: unknown;
    readonly username?: unknown;
  };
  // What is wrong with it, the stack's own validation says, with every other problem at once.
  return typeof server === "string" && typeof username === "string"
    ? { server, username }
    : undefined;
}
