import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join, relative, sep } from "node:path";

import { ExitCode, UserError } from "../errors";
import { duration } from "../output";
import { must, run } from "../process";
import type { StepControl } from "../steps";
import { compareVersions, type Versions } from "./versions";

/** One program of the toolchain, and how it is built. */
interface Part {
  /** The program's name. */
  readonly program: string;
  /** Its folder in `toolchain/`. */
  readonly folder: string;
  /** The package to build. */
  readonly package: string;
  readonly ldflags: string;
  /** Bridged providers embed a schema that a generator of their own writes first. */
  readonly tags?: string;
  readonly bridged: boolean;
  /** A script in its folder that stands before the program under its name. */
  readonly wrapper?: string;
  /** Minutes on one core with an empty build cache: measured, on a machine of 2026. */
  readonly minutes: number;
}

function parts(versions: Versions): readonly Part[] {
  const bridged = (name: string, minutes: number, tags?: string): Part => ({
    program: `pulumi-resource-${name}`,
    folder: name,
    package: ".",
    ldflags: "-s -w",
    bridged: true,
    minutes,
    ...(tags === undefined ? {} : { tags }),
  });
  return [
    {
      program: "pulumi",
      folder: "pulumi",
      package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
      ldflags: `-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${versions.pulumi}`,
      bridged: false,
      minutes: 5.4,
    },
    {
      program: "pulumi-language-nodejs",
      folder: "language-nodejs",
      package: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
      ldflags: "-s -w",
      bridged: false,
      wrapper: "pulumi-language-nodejs.sh",
      minutes: 0.4,
    },
    bridged("random", 4.5),
    bridged("docker", 1, "no_compose"),
    {
      program: "pulumi-resource-kubernetes",
      folder: "kubernetes",
      package: ".",
      ldflags: `-s -w -X main.version=${versions.plugins["kubernetes"]} -X github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version=${versions.plugins["kubernetes"]}`,
      bridged: false,
      minutes: 4,
    },
  ];
}

/** All files under a folder, sorted, relative to it, with `/` between the parts. */
export function filesUnder(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();
}

/**
 * The key under which a build is kept: a hash over Go's version and every file of `toolchain/` that
 * decides about the result.
 */
export function buildKey(folder: string, goVersion: string): string {
  const hash = createHash("sha256").update(`${goVersion}\0`);
  for (const file of filesUnder(folder)) {
    if (file.endsWith(".md")) continue;
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(folder, file)))
      .update("\0");
  }
  return hash.digest("hex").slice(0, 16);
}

/** Version of the installed Go, or undefined without one. */
export async function goVersion(): Promise<string | undefined> {
  const said = await run("go", ["env", "GOVERSION"]);
  return said.code === 0 ? said.stdout.trim() : undefined;
}

/** The folder of the finished build for these inputs, whether it exists or not. */
export function buildFolder(root: string, cache: string, go: string): string {
  return join(cache, "toolchain", buildKey(join(root, "toolchain"), go));
}

/** Whether a build stands there complete. Builds are renamed into place whole, so one file tells. */
export function isBuilt(folder: string): boolean {
  return existsSync(join(folder, "bin", "pulumi"));
}

/**
 * Builds the toolchain from its pinned Go modules. An interrupted build leaves no result; what Go
 * compiled until then stays in Go's own cache and makes the next run shorter.
 *
 * @param target the folder that will hold `bin/`
 * @throws UserError when Go is missing or too old, or a module cannot be had.
 */
export async function build(
  root: string,
  target: string,
  versions: Versions,
  logFile: string,
  control: Pick<StepControl, "progress">,
): Promise<void> {
  await checkGo(versions);
  mkdirSync(dirname(target), { recursive: true });
  removeAbandoned(dirname(target));
  const work = mkdtempSync(join(dirname(target), `.build-${process.pid}-`));
  try {
    mkdirSync(join(work, "bin"));
    cpSync(join(root, "toolchain"), join(work, "src"), { recursive: true });
    const all = parts(versions);
    const started = Date.now();
    for (const [i, part] of all.entries()) {
      const left = all.slice(i).reduce((sum, { minutes }) => sum + minutes, 0);
      control.progress(
        `building ${part.program} (${i + 1} of ${all.length}; with an empty cache ${estimate(left)} left)`,
      );
      await buildPart(join(work, "src", part.folder), join(work, "bin"), part, logFile);
    }
    writeFileSync(join(work, "built.json"), `${JSON.stringify({ ...versions }, null, 2)}\n`);
    rmSync(join(work, "src"), { recursive: true });
    control.progress(`built in ${duration(Date.now() - started)}`);
    publish(work, target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Two cores halve the time; beyond four the linker's serial part decides. */
function estimate(minutes: number): string {
  return `about ${Math.max(1, Math.round(minutes / Math.min(availableParallelism(), 4)))} min`;
}

async function checkGo(versions: Versions): Promise<void> {
  const found = await goVersion();
  const fix = `Install Go ${versions.go} or newer (https://go.dev/dl), or the Pulumi CLI itself (https://www.pulumi.com/docs/install).`;
  if (found === undefined) {
    throw new UserError(
      "The Pulumi CLI has to be built here, and Go is not installed.",
      fix,
      ExitCode.missing,
    );
  }
  // From 1.21 on Go fetches the version that go.mod asks for by itself.
  if (compareVersions(found, "1.21") < 0) {
    throw new UserError(
      `The Pulumi CLI has to be built here, and Go is ${found}: too old.`,
      fix,
      ExitCode.missing,
    );
  }
}

async function buildPart(folder: string, bin: string, part: Part, logFile: string): Promise<void> {
  const options = {
    cwd: folder,
    logFile,
    // The same flags for all parts: they share most of their packages in Go's cache.
    env: { CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false -trimpath", GOWORK: "off" },
    fix:
      "A module that cannot be had: check the Go module proxy (`go env GOPROXY`). " +
      "Run the same command again to go on where this stopped.",
  };
  const tags = part.tags === undefined ? [] : ["-tags", part.tags];
  if (part.bridged) {
    for (const file of ["schema.json", "bridge-metadata.json"]) {
      writeFileSync(join(folder, file), "{}\n");
    }
    await must("go", ["build", ...tags, "-o", "gen-bin", "./gen"], options);
    await must(
      join(folder, "gen-bin"),
      ["schema", "--out", ".", "--skip-docs", "--skip-examples"],
      options,
    );
  }
  const output = join(bin, part.wrapper === undefined ? part.program : `${part.program}.real`);
  await must(
    "go",
    ["build", ...tags, "-ldflags", part.ldflags, "-o", output, part.package],
    options,
  );
  if (part.wrapper !== undefined) cpSync(join(folder, part.wrapper), join(bin, part.program));
}

function publish(work: string, target: string): void {
  try {
    renameSync(work, target);
  } catch (error) {
    // Another run finished the same build first.
    if (!isBuilt(target)) throw error;
  }
}

/** Removes what a killed build left; a build that still runs keeps its folder. */
function removeAbandoned(folder: string): void {
  for (const name of readdirSync(folder)) {
    const pid = /^\.build-(\d+)-/.exec(basename(name))?.[1];
    if (pid === undefined || existsAlive(Number(pid))) continue;
    if (statSync(join(folder, name)).isDirectory()) {
      rmSync(join(folder, name), { recursive: true, force: true });
    }
  }
}

function existsAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
