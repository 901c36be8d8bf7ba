import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";

import { ExitCode, UserError } from "../errors";
import { colour, coloured, duration, result, resultJson, say } from "../output";
import { attach, must } from "../process";
import { root } from "../project";
import { prepare } from "../setup/prepare";
import { Remembered } from "../testing/remembered";
import {
  type Counts,
  countsOf,
  failuresOf,
  filesThatFailed,
  type JestResults,
  NONE,
  remarks,
  summary,
  total,
  unsteadyOf,
  wholeFiles,
  withSecondRun,
} from "../testing/results";
import {
  DEADLINE,
  RETRY_DEADLINE,
  SECOND_TRY,
  type Suite,
  type SuiteName,
  suites,
} from "../testing/suites";

/** Options of `test`. */
export interface TestOptions {
  readonly yes?: boolean;
  readonly json?: boolean;
  readonly fresh?: boolean;
  readonly retry?: boolean;
}

/** What came of a suite. */
interface Outcome {
  readonly counts: Counts;
  readonly failures: readonly string[];
  /** Tests that failed, and passed when they, or their file, were run again. */
  readonly unsteady: readonly string[];
}

/** What is left to run of a suite. */
interface Left {
  /** Of the files that need not run. */
  readonly counts: Counts;
  readonly left: readonly string[];
}

const JEST = join(root, "node_modules", "jest", "bin", "jest.js");

/** Runs the test suites, each announced with the time it takes, and counts their tests. */
export async function test(names: readonly string[], options: TestOptions): Promise<void> {
  const chosen = choose(names);
  const folder = resultsFolder();
  const outcomes = new Map<SuiteName, Outcome>();
  for (const [name, only] of chosen) {
    const suite = suites[name];
    const started = Date.now();
    say(colour.bold(`\n${name}: ${suite.what} (${suite.time})`));
    if (suite.needs) await prepare({ ...suite.needs, yes: options.yes });
    const outcome = await runSuite(name, suite, join(folder, `${name}.json`), only, options);
    outcomes.set(name, outcome);
    say(`${name}: ${summary(outcome.counts)} in ${duration(Date.now() - started)}`);
  }
  const failures = [...outcomes.values()].flatMap((of) => of.failures);
  for (const { unsteady } of outcomes.values()) {
    for (const failure of unsteady) say(`PASSED AT THE SECOND TRY ONLY ${failure}`);
  }
  for (const failure of failures) say(`FAILED ${failure}`);
  const all = total([...outcomes.values()].map(({ counts }) => counts));
  if (options.json) {
    const counts = Object.fromEntries([...outcomes].map(([name, of]) => [name, of.counts]));
    resultJson({ suites: counts, ...all });
  } else {
    for (const remark of remarks(all)) say(remark);
    result(summary(all));
  }
  if (all.failed > 0 || all.passed === 0) process.exitCode = ExitCode.failed;
}

/**
 * @param file where jest's results go
 * @param only the files to run, by the beginning of their names; none for all
 */
async function runSuite(
  name: SuiteName,
  suite: Suite,
  file: string,
  only: readonly string[],
  options: TestOptions,
): Promise<Outcome> {
  const onEngine = suite.needs?.engine === true;
  const remembered = suite.remembered ? await Remembered.of(name, onEngine) : undefined;
  const files =
    remembered === undefined && only.length === 0 ? undefined : await filesOf(name, suite, only);
  const { counts: before, left } =
    remembered === undefined || files === undefined || options.fresh
      ? { counts: NONE, left: files }
      : whatPassed(files, remembered);
  if (left?.length === 0) return { counts: before, failures: [], unsteady: [] };
  // Only where a case takes minutes: a quick one has no time to meet a machine that stands still.
  const retry = options.retry === true && onEngine;
  const run = async (
    paths: readonly string[] | undefined,
    env: NodeJS.ProcessEnv,
  ): Promise<JestResults | undefined> => {
    const results = await jest(suite, file, paths, env);
    for (const [path, tests] of results === undefined ? [] : wholeFiles(results)) {
      remembered?.note(path, tests, Date.now());
    }
    return results;
  };
  const env = retry ? { [SECOND_TRY]: "1" } : {};
  const first = await run(left, env);
  // A suite that ended without a result, because jest broke down, has failed.
  if (first === undefined) {
    return {
      counts: total([before, { ...NONE, failed: 1 }]),
      failures: [`${name}: jest ended without a result`],
      unsteady: [],
    };
  }
  const failed = filesThatFailed(first);
  const again = retry && failed.length > 0;
  if (again)
    say(`${name}: once more what failed, ${failed.map((path) => basename(path)).join(", ")}`);
  const later = process.env[RETRY_DEADLINE];
  const second = again
    ? await run(failed, later === undefined ? env : { ...env, [DEADLINE]: later })
    : undefined;
  const results = second === undefined ? first : withSecondRun(first, second);
  return {
    counts: total([before, countsOf(results)]),
    failures: failuresOf(results),
    unsteady: unsteadyOf(first, second),
  };
}

/**
 * @param files to run; all of the suite's when undefined
 * @param env what the tests are told beside what we were
 * @returns undefined where jest broke down
 */
async function jest(
  suite: Suite,
  file: string,
  files: readonly string[] | undefined,
  env: NodeJS.ProcessEnv,
): Promise<JestResults | undefined> {
  // Of an earlier run, which would be counted again.
  rmSync(file, { force: true });
  await attach(
    process.execPath,
    [
      JEST,
      ...["--selectProjects", ...suite.projects],
      ...["--json", `--outputFile=${file}`],
      // Live tests share one engine: one after another. What a failed one has left open ends with it.
      ...(suite.serial ? ["--runInBand", "--forceExit"] : []),
      ...(files === undefined ? [] : ["--runTestsByPath", ...files]),
    ],
    {
      cwd: root,
      env: { FORCE_COLOR: coloured ? "1" : "0", ...env },
      quietStdout: true,
    },
  );
  return resultsIn(file);
}

/**
 * Paths of a suite's files, those alone whose names begin with one of `only` where there is one.
 * @throws UserError when one of `only` names no file
 */
async function filesOf(
  name: SuiteName,
  suite: Suite,
  only: readonly string[],
): Promise<readonly string[]> {
  const listed = await must(
    process.execPath,
    [JEST, "--selectProjects", ...suite.projects, "--listTests", "--json"],
    { cwd: root },
  );
  const files = JSON.parse(listed) as string[];
  const is = (beginning: string, file: string): boolean =>
    basename(file).startsWith(`${beginning}.`);
  const unknown = only.filter((beginning) => !files.some((file) => is(beginning, file)));
  if (unknown.length > 0) {
    throw new UserError(
      `Suite ${name} has no file named ${unknown.join(", ")}.`,
      `Those there are: ${files
        .map((file) => basename(file).split(".")[0])
        .sort()
        .join(", ")}.`,
      ExitCode.usage,
    );
  }
  return only.length === 0
    ? files
    : files.filter((file) => only.some((beginning) => is(beginning, file)));
}

/** The files that need not run, told one by one, as counts; and the others. */
function whatPassed(files: readonly string[], remembered: Remembered): Left {
  let unchanged = 0;
  const left = files.filter((file) => {
    const pass = remembered.pass(file, Date.now());
    if (pass === undefined) return true;
    unchanged += pass.tests;
    const since = new Date(pass.at).toISOString().slice(0, 16).replace("T", " ");
    say(`${relative(root, file)}: ${pass.tests} tests passed at ${since} UTC, unchanged since`);
    return false;
  });
  return { counts: { ...NONE, passed: unchanged, unchanged }, left };
}

/** Suites, each with the files to run of it: `live` or `live/links`. */
function choose(names: readonly string[]): ReadonlyMap<SuiteName, readonly string[]> {
  const known = Object.keys(suites) as SuiteName[];
  const wanted = names.map((name) => name.split("/") as [SuiteName, string?]);
  const unknown = wanted.filter(([suite]) => !known.includes(suite)).map(([suite]) => suite);
  if (unknown.length > 0) {
    throw new UserError(
      `There is no test suite named ${unknown.join(", ")}.`,
      `There are ${known.join(", ")}; without a name all of them run.`,
      ExitCode.usage,
    );
  }
  const chosen = names.length === 0 ? known : known.filter((of) => wanted.some(([s]) => s === of));
  return new Map(
    chosen.map((suite) => {
      const own = wanted.filter(([of]) => of === suite).map(([, file]) => file);
      return [suite, own.includes(undefined) ? [] : own.filter((file) => file !== undefined)];
    }),
  );
}

/** Where the results of the suites go, as jest's JSON; `ATALAYA_TEST_RESULTS` names a folder. */
function resultsFolder(): string {
  const named = process.env.ATALAYA_TEST_RESULTS;
  if (!named) return mkdtempSync(join(tmpdir(), "atalaya-results-"));
  mkdirSync(named, { recursive: true });
  return named;
}

function resultsIn(file: string): JestResults | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as JestResults;
  } catch {
    return undefined;
  }
}
