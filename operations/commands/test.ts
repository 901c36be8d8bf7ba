import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ExitCode, UserError } from "../errors";
import { colour, coloured, duration, result, resultJson, say } from "../output";
import { attach } from "../process";
import { root } from "../project";
import { prepare } from "../setup/prepare";
import { jestCounts, type SuiteCounts, suites, type SuiteName, total } from "./test-suites";

/** Options of `test`. */
export interface TestOptions {
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** Runs the test suites, each announced with the time it takes, and counts their tests. */
export async function test(names: readonly string[], options: TestOptions): Promise<void> {
  const chosen = choose(names);
  const folder = resultsFolder();
  const counts: Partial<Record<SuiteName, SuiteCounts>> = {};
  for (const name of chosen) {
    const suite = suites[name];
    const started = Date.now();
    say(colour.bold(`\n${name}: ${suite.what} (${suite.time})`));
    if (suite.needs) await prepare({ ...suite.needs, yes: options.yes });
    const file = join(folder, `${name}.json`);
    // Of an earlier run, which would be counted again.
    rmSync(file, { force: true });
    await attach(
      process.execPath,
      [
        join(root, "node_modules", "jest", "bin", "jest.js"),
        ...["--selectProjects", ...suite.projects],
        ...["--json", `--outputFile=${file}`],
        // Live tests share one engine: one after another. What a failed one has left open ends with it.
        ...(suite.serial ? ["--runInBand", "--forceExit"] : []),
      ],
      { cwd: root, env: { FORCE_COLOR: coloured ? "1" : "0" }, quietStdout: true },
    );
    counts[name] = countsIn(file);
    say(`${name}: ${summary(counts[name])} in ${duration(Date.now() - started)}`);
  }
  const all = total(Object.values(counts));
  if (options.json) resultJson({ suites: counts, ...all });
  else result(summary(all));
  if (all.failed > 0 || all.passed === 0) process.exitCode = ExitCode.failed;
}

function summary({ passed, failed }: SuiteCounts): string {
  return `${passed} passed, ${failed} failed`;
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

/** A suite that ended without a result, because nothing was found or jest broke down, has failed. */
function countsIn(file: string): SuiteCounts {
  try {
    return jestCounts(readFileSync(file, "utf8"));
  } catch {
    return { passed: 0, failed: 1 };
  }
}
