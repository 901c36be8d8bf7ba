import { setTimeout as sleep } from "node:timers/promises";

export interface PollOptions {
  /** Milliseconds until it has to hold. */
  readonly within: number;
  /** Milliseconds between two attempts. @default 250 */
  readonly every?: number;
}

/**
 * Asks again and again until there is an answer.
 * @param what the condition in words, for the error
 * @param check undefined, false or an error mean: not yet
 * @returns the answer, and how many milliseconds it took
 * @throws Error with the last error when the time is over
 */
export async function until<T>(
  what: string,
  options: PollOptions,
  check: () => Promise<T | undefined | false>,
): Promise<{ value: T; milliseconds: number }> {
  const begun = Date.now();
  let last: unknown;
  for (;;) {
    try {
      const value = await check();
      if (value !== undefined && value !== false) {
        return { value, milliseconds: Date.now() - begun };
      }
    } catch (error) {
      last = error;
    }
    if (Date.now() - begun > options.within) {
      throw new Error(`not within ${options.within} ms: ${what}`, { cause: last });
    }
    await sleep(options.every ?? 250);
  }
}
