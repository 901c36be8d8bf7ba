import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { z } from "zod";
import { run } from "../process";
import { cacheFolder, root } from "../project";
import type { SuiteName } from "./suites";

/** That all tests of a file passed, and with what. */
const passSchema = z.strictObject({
  /** Digest of everything that the file depends on. */
  inputs: z.string(),
  tests: z.number().int().positive(),
  /** When, in milliseconds since 1970. */
  at: z.number(),
});

export type Pass = z.infer<typeof passSchema>;

/** What a machine is besides its digest of inputs changes by itself: after so long a file is run again. */
const MAX_AGE_MS = 7 * 24 * 3_600_000;

/** What no slow test reads: texts for people, and the other suites. Everything else counts. */
const IRRELEVANT =
  /^(docs|bench|\.ci|\.github)\/|\.md$|^test\/(unit|golden|checks|manifests|engine|recorded)\//;

/** The files that a test file may depend on, itself among them. @param tracked paths below the checkout's top */
export const inputsOf = (file: string, tracked: readonly string[]): readonly string[] =>
  tracked.filter((path) => path === file || !(IRRELEVANT.test(path) || path.endsWith(".test.ts")));

/** Remembers which files of a slow suite passed, with what. */
export class Remembered {
  private constructor(
    private readonly suite: SuiteName,
    /** Digests of the checkout's files; undefined where it is no checkout, and nothing is remembered. */
    private readonly files: ReadonlyMap<string, string> | undefined,
    private readonly machine: string,
  ) {}

  static async of(suite: SuiteName): Promise<Remembered> {
    const [files, machine] = await Promise.all([digests(), describeMachine()]);
    return new Remembered(suite, files, machine);
  }

  /** @param file its path. @returns undefined where it has to run */
  pass(file: string, now: number): Pass | undefined {
    let text: string;
    try {
      text = readFileSync(this.record(file), "utf8");
    } catch {
      return undefined;
    }
    const pass = parsed(text);
    const holds =
      pass !== undefined && pass.inputs === this.inputs(file) && now - pass.at < MAX_AGE_MS;
    return holds ? pass : undefined;
  }

  note(file: string, tests: number, at: number): void {
    const inputs = this.inputs(file);
    if (inputs === undefined) return;
    const record = this.record(file);
    mkdirSync(dirname(record), { recursive: true });
    writeFileSync(record, `${JSON.stringify({ inputs, tests, at } satisfies Pass)}\n`);
  }

  private inputs(file: string): string | undefined {
    const { files } = this;
    if (files === undefined) return undefined;
    const hash = createHash("sha256").update(this.machine);
    for (const path of inputsOf(relative(root, file), [...files.keys()])) {
      hash.update(`\n${path} ${files.get(path)}`);
    }
    return hash.digest("hex");
  }

  private readonly record = (file: string): string =>
    join(cacheFolder(), "results", this.suite, `${basename(file)}.json`);
}

function parsed(text: string): Pass | undefined {
  try {
    return passSchema.parse(JSON.parse(text));
  } catch {
    // Half written, or of another version.
    return undefined;
  }
}

async function digests(): Promise<ReadonlyMap<string, string> | undefined> {
  const listed = await run("git", ["ls-files", "-z", "-co", "--exclude-standard"], { cwd: root });
  if (listed.code !== 0) return undefined;
  return new Map(
    listed.stdout
      .split("\0")
      .filter((path) => path !== "")
      .sort()
      .flatMap((path): [string, string][] => {
        try {
          const content = readFileSync(join(root, path));
          return [[path, createHash("sha256").update(content).digest("hex")]];
        } catch {
          // Deleted, and not yet committed so.
          return [];
        }
      }),
  );
}

/** What the tests stand on besides the checkout. */
async function describeMachine(): Promise<string> {
  const engine = await run("docker", ["version", "--format", "{{.Server.Version}}"]);
  const settings = Object.entries(process.env)
    .filter(([name]) => /^ATALAYA_(?!TEST_(RESULTS|DEADLINE))|^DOCKER_/.test(name))
    .sort();
  return JSON.stringify([process.version, release(), engine.stdout.trim(), settings]);
}
