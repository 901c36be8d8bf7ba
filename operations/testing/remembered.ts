import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { basename, dirname, join, normalize, relative } from "node:path";
import { z } from "zod";
import { must, run } from "../process";
import { cacheFolder, root } from "../project";
import { DEADLINE, RETRY_DEADLINE, SECOND_TRY, type SuiteName } from "./suites";

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

/** What none of their tests reads unless it names it by its path: texts for people, and the other suites. */
const ELSEWHERE =
  /^(docs|bench|\.ci|\.github)\/|\.md$|^test\/(unit|golden|checks|manifests|engine|recorded)\//;

/** What tests alone are made of; it names each other by its files' names. */
const OF_TESTS = /^test\/.+\.ts$/;

/** Settings that have a part in no result: where results go, how long a run may take, how often a case is tried. */
const LIMITS: readonly string[] = ["ATALAYA_TEST_RESULTS", DEADLINE, RETRY_DEADLINE, SECOND_TRY];

/** Names the suite's set-up, which no test file names. */
const JEST_CONFIG = "jest.config.js";

/**
 * The files that a test file may depend on, itself among them: the product, and of what tests are made of that which
 * it names, or which something does that it names. A name is taken for one whatever folder it is in, so rather too
 * many files count than too few; what lies elsewhere, another suite's for example, counts where it is named by its
 * path, or its folder is.
 *
 * @param tracked paths below the checkout's top
 * @param text content of one of them
 */
export function inputsOf(
  file: string,
  tracked: readonly string[],
  text: (path: string) => string,
): readonly string[] {
  const parts = tracked.filter((path) => OF_TESTS.test(path) && !path.endsWith(".test.ts"));
  const reached = new Set([file]);
  const paths = new Set<string>();
  // In a folder that is named nobody reads texts for people.
  const named = (path: string): boolean =>
    paths.has(path.replace(/\.ts$/, "")) ||
    (!path.endsWith(".md") && foldersOf(path).some((folder) => paths.has(folder)));
  const read = (path: string): void => {
    const program = text(path);
    const names = namesIn(program);
    for (const of of pathsIn(program, path)) paths.add(of);
    for (const part of parts) {
      if (reached.has(part)) continue;
      if (!named(part) && (ELSEWHERE.test(part) || !names.has(basename(part, ".ts")))) continue;
      reached.add(part);
      read(part);
    }
  };
  read(file);
  if (tracked.includes(JEST_CONFIG)) read(JEST_CONFIG);
  return tracked.filter(
    (path) => reached.has(path) || (!OF_TESTS.test(path) && (!ELSEWHERE.test(path) || named(path))),
  );
}

/** Last parts of whatever is quoted in a program: `begin` of `"<rootDir>/test/cluster/begin.ts"`. */
const namesIn = (program: string): ReadonlySet<string> =>
  new Set(
    [...program.matchAll(/["'`/]([\w-]+)(?:\.ts)?(?=["'`])/g)].map(([, name]) => name as string),
  );

/**
 * Whatever is quoted in a program, but by backquotes as in comments, as paths below the checkout's top, without `.ts`:
 * seen from its own folder, and, of more than one part, from the top. Pieces side by side are those of one path:
 * `"..", "manifests", "tools"`.
 */
function pathsIn(program: string, own: string): readonly string[] {
  const quoted = /(["'])[\w./<>-]+\1(?:\s*,\s*(["'])[\w./-]+\2)*/g;
  const above = foldersOf(own);
  return (
    [...program.matchAll(quoted)]
      .map(([pieces]) => pieces.replace(/["']\s*,\s*["']/g, "/").slice(1, -1))
      .map((path) => path.replace(/^<rootDir>\//, "").replace(/\.ts$/, ""))
      .filter((path) => !path.startsWith("/"))
      .flatMap((path) => [
        join(dirname(own), path),
        ...(/^\w.*\//.test(path) ? [normalize(path)] : []),
      ])
      .map((path) => path.replace(/\/$/, ""))
      // What it lies in itself is where a path begins, not what is meant by it.
      .filter((path) => path !== "." && !above.includes(path))
  );
}

/** Every folder that a path is in. @example foldersOf("a/b/c.ts") // ["a", "a/b"] */
const foldersOf = (path: string): readonly string[] =>
  path
    .split("/")
    .slice(0, -1)
    .map((_, i, names) => names.slice(0, i + 1).join("/"));

/** Remembers which files of a slow suite passed, with what. */
export class Remembered {
  private constructor(
    private readonly suite: SuiteName,
    /** Digests of the checkout's files; undefined where it is no checkout, and nothing is remembered. */
    private readonly files: ReadonlyMap<string, string> | undefined,
    private readonly machine: string,
  ) {}

  /** @param onEngine whether what it runs on is a Docker engine, too */
  static async of(suite: SuiteName, onEngine: boolean): Promise<Remembered> {
    const [files, machine] = await Promise.all([digests(), describeMachine(onEngine)]);
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
    const text = (path: string): string => readFileSync(join(root, path), "utf8");
    for (const path of inputsOf(relative(root, file), [...files.keys()], text)) {
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

/** Of an environment, what a test's result may depend on. */
export const settingsOf = (
  env: NodeJS.ProcessEnv,
): readonly (readonly [string, string | undefined])[] =>
  Object.entries(env)
    .filter(([name]) => /^ATALAYA_|^DOCKER_/.test(name) && !LIMITS.includes(name))
    .sort();

/** What the tests stand on besides the checkout. */
async function describeMachine(onEngine: boolean): Promise<string> {
  const engine = onEngine
    ? await must("docker", ["version", "--format", "{{.Server.Version}}"])
    : "none";
  const settings = settingsOf(process.env);
  return JSON.stringify([process.version, release(), engine.trim(), settings]);
}
