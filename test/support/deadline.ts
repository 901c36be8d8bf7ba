import { DEADLINE } from "../../operations/testing/suites";

/**
 * `describe`, left out where the run has no time left for it: CI's runs end before all slow files have run
 * again, and the next one goes on with those left out.
 *
 * @param minutes what it takes on a slow day: some 20 % more than alone on two cores
 */
export function describeInTime(name: string, minutes: number, body: () => void): void {
  const deadline = Number(process.env[DEADLINE] ?? Infinity);
  const fits = Date.now() / 1_000 + minutes * 60 <= deadline;
  if (!fits) process.stderr.write(`  left out, no time for its ${minutes} min: ${name}\n`);
  (fits ? describe : describe.skip)(name, body);
}
