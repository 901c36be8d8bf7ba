/** Longest pause between two attempts of a program that waits. */
const LONGEST_BACKOFF_MS = 5_000;

/** Doubling pauses from 100 ms on, with a fifth of chance so that replicas do not march in step. */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const pause = Math.min(LONGEST_BACKOFF_MS, 100 * 2 ** Math.min(attempt, 10));
  return Math.round(pause * (0.8 + 0.2 * random()));
}

/** Rejects with ETIMEDOUT after `ms`; the work itself is not stopped. */
export async function withTimeout<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = Object.assign(new Error(`no answer within ${ms} ms`), { code: "ETIMEDOUT" });
    timer = setTimeout(() => reject(error), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Shares one result among all who ask within `ms` of its start, and among all who wait for it. */
export function cached<T>(work: () => Promise<T>, ms: number, now = Date.now): () => Promise<T> {
  let last: { readonly at: number; readonly result: Promise<T> } | undefined;
  return () => {
    if (!last || now() - last.at >= ms) last = { at: now(), result: work() };
    return last.result;
  };
}
