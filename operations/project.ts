import { readFileSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { dirname, join } from "node:path";

import { parse } from "yaml";

/** The checkout's top folder: where Pulumi.yaml is. */
export const root = dirname(__dirname);

/**
 * Name of the Pulumi project; a laptop's state is kept under it. Two clones on one machine share the
 * state on purpose: they declare the same engine objects, whose names are deterministic.
 */
export function projectName(folder = root): string {
  const project: unknown = parse(readFileSync(join(folder, "Pulumi.yaml"), "utf8"));
  const name = (project as { readonly name?: unknown } | null)?.name;
  if (typeof name !== "string") throw new Error(`${join(folder, "Pulumi.yaml")}: no name`);
  return name;
}

/** Folder for what must survive: Pulumi's state and its passphrase. `XDG_STATE_HOME` is honoured. */
export function stateFolder(project: string, env: NodeJS.ProcessEnv = process.env): string {
  const base = env.XDG_STATE_HOME || join(env.HOME || homedir(), ".local", "state");
  return join(base, "atalaya", project);
}

/** Folder for what can be made again: toolchain, logs. `XDG_CACHE_HOME` is honoured. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), ".cache"), "atalaya");
}

/** Folder of the logs that messages refer to. */
export function logFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(cacheFolder(env), "log");
}

/**
 * Folder of Pulumi's own settings. Pulumi takes the home folder of the user's account here, whatever
 * HOME says.
 */
export function pulumiHome(env: NodeJS.ProcessEnv = process.env): string {
  return env.PULUMI_HOME || join(userInfo().homedir, ".pulumi");
}
