import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import { ExitCode, UserError } from "../errors";
import { say } from "../output";
import { must } from "../process";
import { cacheFolder } from "../project";
import { buildKey, goVersion } from "./toolchain-build";

/** Something that is made once from pinned packages and kept in the cache: a checker, a set of schemas. */
export interface Part {
  readonly name: string;
  /** Its folder; every file in it decides about what is made. */
  readonly sources: string;
  /** The folder of the cache that keeps it, for example `checks`. */
  readonly kept: string;
}

/** Milliseconds for a build with nothing in Go's cache, on a slow line. */
export const BUILD_MS = 20 * 60_000;

/**
 * The folder of a part, made now where it is not there. It is kept by the hash of its sources. Each has a
 * folder of its own, and is put there whole: processes that run side by side may make the same.
 */
export async function made(
  part: Part,
  make: (folder: string) => Promise<unknown>,
): Promise<string> {
  // Whichever Go builds them, they answer the same: a machine that has them needs none.
  const key = buildKey(part.sources, "");
  const folder = join(cacheFolder(), part.kept, `${part.name}-${key}`);
  // Made last: whoever finds it finds all.
  const complete = join(folder, "complete");
  if (existsSync(complete)) return folder;
  say(`  making ${part.name} from its pinned packages: some minutes, once`);
  mkdirSync(dirname(folder), { recursive: true });
  const draft = mkdtempSync(`${folder}-`);
  try {
    await make(draft);
    writeFileSync(join(draft, "complete"), "");
    // What is left of one that was interrupted, before drafts had a name of their own.
    if (!existsSync(complete)) rmSync(folder, { recursive: true, force: true });
    if (!existsSync(folder)) renameSync(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return folder;
}

/**
 * A Go program at the version of its `go.mod`, every package held to its `go.sum`.
 * @param source the package to build
 * @param ldflags more of them, for example the version that it tells of itself
 * @returns the program's path
 */
export async function goProgram(part: Part, source: string, ldflags = ""): Promise<string> {
  const folder = await made(part, (into) =>
    go(part.sources, [
      ...["build", "-mod=readonly", "-ldflags", `-s -w ${ldflags}`.trim()],
      ...["-o", join(into, part.name), source],
    ]),
  );
  return join(folder, part.name);
}

/** @throws UserError when there is no Go to build a part with */
export async function needGo(name: string): Promise<void> {
  if ((await goVersion()) !== undefined) return;
  throw new UserError(
    `${name} has to be built once, and Go is not installed.`,
    "Install Go from https://go.dev/dl and run the same command again.\n" +
      "Or, where this is a tool of `atalaya check`, put the tool itself on the PATH, as its own page says.",
    ExitCode.missing,
  );
}

/**
 * Go with the settings that make the same program everywhere.
 * @throws UserError when Go is missing, or says no
 */
export async function go(cwd: string, args: readonly string[]): Promise<string> {
  await needGo(basename(cwd));
  return must("go", args, {
    cwd,
    env: { CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false -trimpath", GOWORK: "off" },
    timeoutMs: BUILD_MS,
  });
}
