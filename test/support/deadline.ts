import { DEADLINE } from "../../operations/testing/suites";

/**
 * `describe`, left out where the run has no time left for it: a first run of CI on a bare machine builds so much
 * that the last suites would not fit, and finds all of it built the next time.
 *
 * @param minutes what it takes on a slow day: some 20 % more than alone on two cores
 */
export function describeInTime(name: string, minutes: number, body: () => void): void {
  const deadline = Number(process.env[DEADLINE] ?? Infinity);
  const fits = Date.now() / 1_000 + minutes * 60 <= deadline;
  if (!fits) process.stderr.write(`  left out, no time for its ${minutes} min: ${name}\n`);
  (fits ? describe : describe.skip)(name, body);
}
