import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";

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
  type JestResults,
  NONE,
  remarks,
  summary,
  total,
  wholeFiles,
} from "../testing/results";
import { type Suite, type SuiteName, suites } from "../testing/suites";

/** Options of `test`. */
export interface TestOptions {
  readonly yes?: boolean;
  readonly json?: boolean;
  readonly fresh?: boolean;
}

/** What came of a suite. */
interface Outcome {
  readonly counts: Counts;
  readonly failures: readonly string[];
}

/** What is left to run of a suite. */
interface Left {
  /** Of the files that need not run. */
  readonly counts: Counts;
  /** Paths; undefined for all. */
  readonly left?: readonly string[];
}

const ALL: Left = { counts: NONE };
const JEST = join(root, "node_modules", "jest", "bin", "jest.js");

/** Runs the test suites, each announced with the time it takes, and counts their tests. */
export async function test(names: readonly string[], options: TestOptions): Promise<void> {
  const chosen = choose(names);
  const folder = resultsFolder();
  const outcomes = new Map<SuiteName, Outcome>();
  for (const name of chosen) {
    const suite = suites[name];
    const started = Date.now();
    say(colour.bold(`\n${name}: ${suite.what} (${suite.time})`));
    if (suite.needs) await prepare({ ...suite.needs, yes: options.yes });
    const outcome = await runSuite(name, suite, join(folder, `${name}.json`), options);
    outcomes.set(name, outcome);
    say(`${name}: ${summary(outcome.counts)} in ${duration(Date.now() - started)}`);
  }
  const failures = [...outcomes.values()].flatMap((of) => of.failures);
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

/** @param file where jest's results go */
async function runSuite(
  name: SuiteName,
  suite: Suite,
  file: string,
  options: TestOptions,
): Promise<Outcome> {
  // Of an earlier run, which would be counted again.
  rmSync(file, { force: true });
  const remembered = suite.remembered ? await Remembered.of(name) : undefined;
  const { counts: before, left } =
    remembered === undefined || options.fresh ? ALL : await whatPassed(suite, remembered);
  if (left?.length === 0) return { counts: before, failures: [] };
  await attach(
    process.execPath,
    [
      JEST,
      ...["--selectProjects", ...suite.projects],
      ...["--json", `--outputFile=${file}`],
      // Live tests share one engine: one after another. What a failed one has left open ends with it.
      ...(suite.serial ? ["--runInBand", "--forceExit"] : []),
      ...(left === undefined ? [] : ["--runTestsByPath", ...left]),
    ],
    { cwd: root, env: { FORCE_COLOR: coloured ? "1" : "0" }, quietStdout: true },
  );
  const results = resultsIn(file);
  // A suite that ended without a result, because jest broke down, has failed.
  if (results === undefined) {
    return {
      counts: total([before, { ...NONE, failed: 1 }]),
      failures: [`${name}: jest ended without a result`],
    };
  }
  for (const [path, tests] of wholeFiles(results)) remembered?.note(path, tests, Date.now());
  return { counts: total([before, countsOf(results)]), failures: failuresOf(results) };
}

/** The files of a suite that need not run, told one by one, as counts; and the others. */
async function whatPassed(suite: Suite, remembered: Remembered): Promise<Left> {
  const listed = await must(
    process.execPath,
    [JEST, "--selectProjects", ...suite.projects, "--listTests", "--json"],
    { cwd: root },
  );
  const files = JSON.parse(listed) as string[];
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

function choose(names: readonly string[]): readonly SuiteName[] {
  const known = Object.keys(suites) as SuiteName[];
  const unknown = names.filter((name) => !known.includes(name as SuiteName));
  if (unknown.length > 0) {
    throw new UserError(
      `There is no test suite named ${unknown.join(", ")}.`,
      `There are ${known.join(", ")}; without a name all of them run.`,
      ExitCode.usage,
    );
  }
  return names.length === 0 ? known : known.filter((name) => names.includes(name));
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
