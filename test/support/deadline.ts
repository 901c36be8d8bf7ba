/**
 * `describe`, left out where the run has no time left for it. CI has a limit and names its end by
 * `ATALAYA_TEST_DEADLINE` (seconds since 1970): a first run on a bare machine builds so much that the last
 * suites would not fit, and finds all of it built the next time. Nobody else sets it.
 *
 * @param minutes what it takes on a slow day
 */
export function describeInTime(name: string, minutes: number, body: () => void): void {
  const deadline = Number(process.env["ATALAYA_TEST_DEADLINE"] ?? Infinity);
  const fits = Date.now() / 1_000 + minutes * 60 <= deadline;
  if (!fits) process.stderr.write(`  left out, no time for its ${minutes} min: ${name}\n`);
  (fits ? describe : describe.skip)(name, body);
}
