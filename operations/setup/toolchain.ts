import { existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";

import { ExitCode, messageOf, UserError } from "../errors";
import { type Environment, onPath, run } from "../process";
import { cacheFolder, logFolder, pulumiHome, root } from "../project";
import type { StepControl } from "../steps";
import { build, buildFolder, goVersion, isBuilt } from "./toolchain-build";
import { type Source, sourcesToTry, type ToolchainFacts } from "./toolchain-choice";
import { download, downloadFolder, isDownloaded } from "./toolchain-download";
import { compareVersions, readVersions, type Versions } from "./versions";

/** How long `pulumi plugin install` may take, in milliseconds; a plugin has some 40 MB. */
const PLUGIN_MS = 5 * 60_000;

/** A Pulumi CLI with its plugins, ready to be used. */
export interface Toolchain {
  readonly source: Source;
  /** Version of the CLI. */
  readonly version: string;
  /** The CLI's folder. */
  readonly bin: string;
  /** For every Pulumi command: the PATH that finds the CLI, the language host and the plugins. */
  readonly env: Environment;
}

interface Folders {
  readonly downloaded: string;
  /** Undefined without Go: the key of a build contains Go's version. */
  readonly built?: string;
}

async function look(versions: Versions): Promise<{ facts: ToolchainFacts; folders: Folders }> {
  const cache = cacheFolder();
  const go = await goVersion();
  const folders: Folders = {
    downloaded: downloadFolder(cache, versions.pulumi),
    ...(go === undefined ? {} : { built: buildFolder(root, cache, go) }),
  };
  const onPathVersion = await cliVersion(process.env.PATH ?? "");
  return {
    folders,
    facts: {
      downloaded: isDownloaded(folders.downloaded),
      built: folders.built !== undefined && isBuilt(folders.built),
      ...(process.env.ATALAYA_TOOLCHAIN ? { forced: process.env.ATALAYA_TOOLCHAIN } : {}),
      ...(onPathVersion === undefined ? {} : { onPath: onPathVersion }),
    },
  };
}

/**
 * What this machine has, without fetching anything: for `doctor`.
 *
 * @returns the toolchain that `up` would take as it is, or undefined when it would have to fetch one,
 * and the sources that it would try then.
 */
export async function inspectToolchain(): Promise<{
  readonly ready?: { readonly source: Source; readonly version: string };
  readonly tries: readonly Source[];
  readonly go?: string;
}> {
  const versions = readVersions(root);
  const { facts } = await look(versions);
  const tries = sourcesToTry(facts, versions.pulumi);
  const there = { path: true, download: facts.downloaded, build: facts.built };
  const first = tries[0]!;
  const go = await goVersion();
  return {
    tries,
    ...(go === undefined ? {} : { go }),
    ...(there[first]
      ? {
          ready: {
            source: first,
            version: first === "path" ? (facts.onPath ?? "") : versions.pulumi,
          },
        }
      : {}),
  };
}

/**
 * Finds the Pulumi CLI, the Node.js language host and the resource plugins, fetching or building what
 * is not there. `ATALAYA_TOOLCHAIN` forces one source.
 *
 * @throws UserError that says for each source why it could not be used.
 */
export async function findToolchain(control: StepControl): Promise<Toolchain> {
  const versions = readVersions(root);
  const { facts, folders } = await look(versions);
  const refused: string[] = [];
  for (const source of sourcesToTry(facts, versions.pulumi)) {
    try {
      const bin = await binFolder(source, folders, versions, control);
      const env = environmentFor(bin);
      await ensurePrograms(bin, env, versions, control);
      const version = (await cliVersion(env.PATH ?? "")) ?? versions.pulumi;
      control.done(`Pulumi ${version} (${wording[source]})`);
      return { source, version, bin, env };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      refused.push(`${source}: ${messageOf(error)}\n${indent(error.fix)}`);
      control.progress(`${source}: ${messageOf(error)}`);
    }
  }
  throw new UserError(
    "No Pulumi CLI with its plugins could be had on this machine.",
    refused.join("\n"),
    ExitCode.missing,
  );
}

const wording: Readonly<Record<Source, string>> = {
  path: "the one on the PATH",
  download: "the official download",
  build: "built from Go modules",
};

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}

async function binFolder(
  source: Source,
  folders: Folders,
  versions: Versions,
  control: StepControl,
): Promise<string> {
  if (source === "path") return dirname((await onPath("pulumi"))!);
  if (source === "download") {
    if (!isDownloaded(folders.downloaded)) {
      control.progress(`downloading Pulumi ${versions.pulumi} (some 100 MB)`);
      await download(folders.downloaded, versions.pulumi, control);
    }
    return join(folders.downloaded, "bin");
  }
  const target = folders.built ?? buildFolder(root, cacheFolder(), "no go");
  if (!isBuilt(target)) {
    const logFile = join(logFolder(), `toolchain-${new Date().toISOString().slice(0, 10)}.log`);
    await build(root, target, versions, logFile, control);
  }
  return join(target, "bin");
}

function environmentFor(bin: string): Environment {
  return {
    PATH: [bin, process.env.PATH].filter(Boolean).join(delimiter),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    // A language host or plugin of our own build is found on the PATH alone.
    PULUMI_IGNORE_AMBIENT_PLUGINS: undefined,
  };
}

/** Version of the first `pulumi` on a PATH. */
async function cliVersion(path: string): Promise<string | undefined> {
  const said = await run("pulumi", ["version"], {
    env: { PATH: path, PULUMI_SKIP_UPDATE_CHECK: "true" },
    timeoutMs: 20_000,
  });
  return said.code === 0 ? said.stdout.trim().replace(/^v/, "") : undefined;
}

/** Makes sure of the language host and the plugins, with Pulumi's own downloader where one is missing. */
async function ensurePrograms(
  bin: string,
  env: Environment,
  versions: Versions,
  control: StepControl,
): Promise<void> {
  if ((await onPath("pulumi-language-nodejs", env)) === undefined) {
    throw new UserError(
      `The Pulumi CLI in ${bin} came without pulumi-language-nodejs.`,
      "Install the whole release (https://www.pulumi.com/docs/install), not the CLI's program alone.",
      ExitCode.missing,
    );
  }
  for (const [name, version] of Object.entries(versions.plugins)) {
    if (await hasPlugin(name, version, env)) continue;
    control.progress(`downloading the ${name} plugin ${version}`);
    const got = await run("pulumi", ["plugin", "install", "resource", name, `v${version}`], {
      env,
      timeoutMs: PLUGIN_MS,
    });
    if (got.code !== 0) {
      throw new UserError(
        `The ${name} plugin ${version} could not be downloaded.`,
        `\`pulumi plugin install resource ${name} v${version}\` says: ${got.stderr.trim().split("\n").at(-1) ?? ""}`,
        ExitCode.missing,
      );
    }
  }
}

async function hasPlugin(name: string, version: string, env: Environment): Promise<boolean> {
  if (existsSync(join(pulumiHome(), "plugins", `resource-${name}-v${version}`))) return true;
  return (await onPath(`pulumi-resource-${name}`, env)) !== undefined;
}

/** Whether a Go that can build the toolchain is there. */
export function goIsUsable(found: string | undefined): boolean {
  return found !== undefined && compareVersions(found, "1.21") >= 0;
}
