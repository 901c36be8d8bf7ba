import { type LoadReport, slowest, together } from "../support/load";

/** What the cases of updates know of the load beside them. */
const report = (from: number, sent: readonly number[]): LoadReport => ({
  sent: sent.reduce((total, count) => total + count, 0),
  seconds: sent.length + 0.5,
  rate: 20,
  eachSecond: { from, sent },
  ...{ lost: [], posted: [] },
  latency: { p50: from, p95: from, p99: from, max: from },
});

describe("load", () => {
  test("clients together: the seconds in which all of them ran, the shortest time, the worst latency", () => {
    const load = together([report(100, [20, 20, 0, 20, 20]), report(101, [20, 20, 20])]);
    expect(load.eachSecond).toEqual({ from: 101, sent: [40, 20, 40] });
    expect([load.sent, load.seconds, load.rate, load.latency.p95]).toEqual([140, 3.5, 40, 101]);
  });

  test("the slowest span is found wherever it begins, and an average does not hide it", () => {
    const steady = Array.from({ length: 40 }, () => 60);
    const hole = [...steady, 60, 0, 0, 0, 60, ...steady];
    expect(slowest(report(0, steady), 5)).toBe(60);
    expect(slowest(report(0, hole), 5)).toBe(24);
    expect(hole.reduce((a, b) => a + b) / hole.length).toBeGreaterThan(55);
  });

  test("a load too short for a span has none that was fast enough", () => {
    expect(slowest(report(0, [60, 60]), 5)).toBe(0);
    expect(together([report(0, [60]), report(5, [60])]).eachSecond.sent).toEqual([]);
  });
});
