import { SECOND_TRY } from "../../operations/testing/suites";

/**
 * Set-up of the slow suites. A shared machine stands still for seconds at times, which a case that measures takes
 * for a fault: with `atalaya test --retry`, one that failed is tried once more within its file, since there is
 * no time to run the whole of a long file again for it. Nothing is tried again whose `beforeAll` failed; that is
 * left to the second run of the file.
 *
 * At once, not after the other cases of its `describe` as jest would: cases of a file share one system and build on
 * what those before them have made of it, the last one removes it.
 */
function allow(): void {
  if (!process.env[SECOND_TRY]) return;
  jest.retryTimes(1, {
    retryImmediately: true,
    // What the machine put off meanwhile comes first.
    waitBeforeRetry: 5_000,
    // Also kept as the reason in jest's results.
    logErrorsBeforeRetry: true,
  });
}

allow();

/**
 * In a `describe`: its cases are not tried again, because the first try changes what the second one would see. Jest
 * reads how often to try when a `describe` begins, after its `beforeAll`.
 */
export function noSecondTry(): void {
  beforeAll(() => {
    jest.retryTimes(0);
  });
  afterAll(allow);
}
