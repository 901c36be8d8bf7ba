import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import { ProblemsError } from "../model/problems";
import { type Config, type ConfigInput, loadConfig } from "./engine/config";

/** What holds for every stack of a project, beside its `Pulumi.yaml`. */
export const PROJECT_FILE = "policies.yaml";

/** The stack's own key in its file. */
const KEY = "atalaya:policies";

/**
 * The policies' configuration as a project has it: `policies.yaml`, over that the stack's own
 * (`atalaya:policies`, with its profile as the environment), over that what somebody gives by hand.
 * Exemptions add up, levels and thresholds are taken over by their names.
 * @param from a folder of the project, or below it; one that is in no project has no configuration
 * @throws ProblemsError with everything that is wrong in one of them, which its message names
 */
export function readConfig(
  { from, stack, given = {} }: { from: string; stack?: string; given?: object },
  ids: readonly string[],
): Config {
  const root = projectOf(from);
  const sources: [where: string, input: unknown][] =
    root === undefined ? [] : [projectSource(root), ...stackSource(root, stack)];
  sources.push(["the policies' configuration given by hand", given]);
  // Each by itself first, so that a message says where something is wrong.
  for (const [where, input] of sources) loadConfig(input, ids, where);
  return loadConfig(sources.map(([, input]) => (input ?? {}) as ConfigInput).reduce(over), ids);
}

function projectSource(root: string): [string, unknown] {
  const input = read(join(root, PROJECT_FILE));
  if (!isRecord(input) || !Array.isArray(input["exemptions"])) return [PROJECT_FILE, input];
  const exemptions = input["exemptions"].map((one: unknown) =>
    isRecord(one) ? { ...one, shared: true } : one,
  );
  return [PROJECT_FILE, { ...input, exemptions }];
}

/** What a stack's file configures, secrets still encrypted; undefined where a project has no such file. */
export function configOfStack(from: string, stack: string): Record<string, unknown> | undefined {
  const root = projectOf(from);
  const file = root === undefined ? undefined : read(join(root, `Pulumi.${stack}.yaml`));
  return file === undefined ? undefined : configOf(file);
}

function stackSource(root: string, stack: string | undefined): [string, unknown][] {
  if (stack === undefined) return [];
  const name = `Pulumi.${stack}.yaml`;
  const file = read(join(root, name));
  const config = configOf(file);
  const profile = config["atalaya:profile"] ?? defaultProfile(root);
  return [
    [`${name}, atalaya:profile`, typeof profile === "string" ? { environment: profile } : {}],
    [`${name}, ${KEY}`, config[KEY]],
  ];
}

/** What the project gives a stack that names no profile. */
function defaultProfile(root: string): unknown {
  const { profile } = configOf(read(join(root, "Pulumi.yaml")));
  return isRecord(profile) ? profile["default"] : undefined;
}

const configOf = (file: unknown): Record<string, unknown> =>
  isRecord(file) && isRecord(file["config"]) ? file["config"] : {};

/** The nearest folder with a Pulumi project, this one or above. */
function projectOf(from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "Pulumi.yaml"))) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}

function read(file: string): unknown {
  if (!existsSync(file)) return undefined;
  try {
    return parse(readFileSync(file, "utf8"), { merge: true });
  } catch (error) {
    const message = error instanceof Error ? error.message.split("\n")[0]! : String(error);
    throw new ProblemsError(file, [{ path: "(all)", message: `is no YAML: ${message}` }]);
  }
}

const over = (base: ConfigInput, one: ConfigInput): ConfigInput => ({
  ...base,
  ...one,
  levels: { ...base.levels, ...one.levels },
  thresholds: { ...base.thresholds, ...one.thresholds },
  exemptions: [...(base.exemptions ?? []), ...(one.exemptions ?? [])],
});

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
