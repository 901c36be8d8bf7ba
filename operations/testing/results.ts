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
  readonly testResults: readonly {
    /** The file. */
    readonly name: string;
    /** Why it failed, where it could not be loaded. */
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[] | null;
      /** How often it was tried; absent where it was left out. */
      readonly invocations?: number;
      /** Why the tries before the last one failed. */
      readonly retryReasons?: readonly string[];
    }[];
  }[];
}

export const NONE: Counts = { passed: 0, failed: 0, skipped: 0, unchanged: 0 };

/** Counts of a suite; a file without any test has failed, and so has a suite without any. */
export function countsOf({ testResults }: JestResults): Counts {
  const all = testResults.flatMap(({ assertionResults }) => assertionResults);
  const count = (status: string): number => all.filter((of) => of.status === status).length;
  const [passed, failed] = [count("passed"), count("failed")];
  const empty = testResults.filter(({ assertionResults }) => assertionResults.length === 0).length;
  return {
    passed,
    failed: failed + (all.length === 0 ? Math.max(empty, 1) : empty),
    skipped: all.length - passed - failed,
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

/** The files in which something failed, or which could not be loaded. */
export const filesThatFailed = ({ testResults }: JestResults): readonly string[] =>
  testResults
    .filter(
      ({ assertionResults }) =>
        assertionResults.length === 0 || assertionResults.some(({ status }) => status === "failed"),
    )
    .map(({ name }) => name);

/**
 * Results with those of a second run of what failed: a file counts by it where every test passed in it. One of which
 * something was left out then, for lack of time for example, is as failed as before.
 */
export function withSecondRun(first: JestResults, second: JestResults): JestResults {
  const whole = wholeFiles(second);
  const mended = second.testResults.filter(({ name }) => whole.has(name));
  return {
    testResults: first.testResults.map((of) => mended.find(({ name }) => name === of.name) ?? of),
  };
}

/**
 * What passed at its second try only, within its file or in the second run of it, each with the beginning of why it
 * failed before.
 *
 * @param second results of a second run of the files that failed, where there was one
 */
export function unsteadyOf(first: JestResults, second?: JestResults): readonly string[] {
  const late = ({ testResults }: JestResults): readonly string[] =>
    testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .filter(({ status, invocations = 1 }) => status === "passed" && invocations > 1)
      .map((of) => `${of.fullName}\n  ${beginning((of.retryReasons ?? []).join("\n"))}`);
  if (second === undefined) return late(first);
  const failures = failuresOf(withSecondRun(first, second));
  const mended = failuresOf(first).filter((failure) => !failures.includes(failure));
  return [...new Set([...late(first), ...mended, ...late(second)])];
}

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
