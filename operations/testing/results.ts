/** How many tests passed and failed. A test file that could not be loaded counts as one failure. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  /** Left out, for lack of time for example. */
  readonly skipped: number;
  /** Of those that passed: not run again, because nothing that they depend on has changed since. */
  readonly unchanged: number;
}

/** What jest's `--json` says, as far as it is read. */
export interface JestResults {
  readonly numTotalTests: number;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly {
    /** The file. */
    readonly name: string;
    /** Why it failed, where it could not be loaded. */
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[] | null;
    }[];
  }[];
}

export const NONE: Counts = { passed: 0, failed: 0, skipped: 0, unchanged: 0 };

/** Counts of a suite; one that found no test at all has failed. */
export function countsOf(results: JestResults): Counts {
  const broken = results.numRuntimeErrorTestSuites + (results.numTotalTests === 0 ? 1 : 0);
  return {
    passed: results.numPassedTests,
    failed: results.numFailedTests + broken,
    skipped: results.numPendingTests,
    unchanged: 0,
  };
}

/** The sum over several suites. */
export const total = (counts: readonly Counts[]): Counts =>
  counts.reduce(
    (sum, of) => ({
      passed: sum.passed + of.passed,
      failed: sum.failed + of.failed,
      skipped: sum.skipped + of.skipped,
      unchanged: sum.unchanged + of.unchanged,
    }),
    NONE,
  );

/** What failed, each with the beginning of its reason: whoever reads the end of a long log finds what to look for. */
export const failuresOf = ({ testResults }: JestResults): readonly string[] =>
  testResults.flatMap(({ name, message, assertionResults }) => {
    if (assertionResults.length === 0 && message) return [`${name}\n  ${beginning(message)}`];
    return assertionResults
      .filter(({ status }) => status === "failed")
      .map((of) => `${of.fullName}\n  ${beginning((of.failureMessages ?? []).join("\n"))}`);
  });

const beginning = (text: string): string => text.slice(0, 1_000);

/** The files all of whose tests passed, with their number. */
export const wholeFiles = ({ testResults }: JestResults): ReadonlyMap<string, number> =>
  new Map(
    testResults
      .filter(
        ({ assertionResults }) =>
          assertionResults.length > 0 &&
          assertionResults.every(({ status }) => status === "passed"),
      )
      .map(({ name, assertionResults }) => [name, assertionResults.length]),
  );

/** One line on a suite, or on all of them. */
export const summary = ({ passed, failed }: Counts): string => `${passed} passed, ${failed} failed`;

/** What a summary leaves out; empty where there is nothing. */
export function remarks({ skipped, unchanged }: Counts): readonly string[] {
  return [
    ...(unchanged > 0
      ? [
          `${unchanged} of those that passed were not run again: nothing that they depend on has changed since ` +
            "(--fresh runs them)",
        ]
      : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ];
}
