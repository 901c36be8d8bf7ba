import { type LoadReport, slowest } from "../../support/load";
import { measured } from "../../support/measurements";

/** Requests a second, over all clients, that the load keeps up during every update. */
export const LOAD = 60;
const AT_LEAST = 50;

/**
 * The floor for each span of the load, since an average hides a hole. Not for each second: two busy cores stand still
 * for up to two seconds at times, clients included, which leaves three fifths of the load of five seconds.
 */
const SPAN_SECONDS = 5;
const SPAN_AT_LEAST = LOAD / 2;

/**
 * No request was lost, and there were enough of them all the time.
 * @param name what was done meanwhile
 * @param milliseconds how long that took
 */
export function expectNoneLost(name: string, load: LoadReport, milliseconds: number): void {
  const slowestSpan = slowest(load, SPAN_SECONDS);
  measured(name, {
    sent: load.sent,
    lost: load.lost.length,
    seconds: Math.round(load.seconds),
    updateSeconds: Math.round(milliseconds / 1_000),
    perSecond: Math.round(load.rate),
    perSecondInSlowestSpan: slowestSpan,
    latencyMs: load.latency,
    ...(load.lost.length > 0 ? { firstLost: load.lost.slice(0, 10) } : {}),
  });
  expect(load.lost).toEqual([]);
  expect(load.rate).toBeGreaterThanOrEqual(AT_LEAST);
  expect(slowestSpan).toBeGreaterThanOrEqual(SPAN_AT_LEAST);
  // The load begins before it, so it was there to its end.
  expect(load.seconds * 1_000).toBeGreaterThanOrEqual(milliseconds);
}
