import fc from "fast-check";
import { bytes, milliseconds, missingDay, seconds, type Size } from "../../model/units";
import { goDuration } from "../../platforms/swarm/durations";

test("sizes are binary", () => {
  expect(bytes("20 GiB")).toBe(20 * 2 ** 30);
  expect(bytes("1.5 MiB")).toBe(1_572_864);
});

test("times are milliseconds or seconds", () => {
  expect(milliseconds("1.5 s")).toBe(1_500);
  expect(seconds("2 min")).toBe(120);
});

test.each(["", "20", "20 GB", "-1 GiB", "GiB", "1 e3 GiB", "20 gib"])(
  "%j is no size, and the message says what one is",
  (text) => {
    expect(() => bytes(text as Size)).toThrow(/is no size: write a number.*GiB/);
  },
);

test("a time is written as the engine reads it back", () => {
  expect(goDuration(60)).toBe("1m");
  expect(goDuration(90)).toBe("1m30s");
  expect(goDuration(0)).toBe("0s");
  expect(goDuration(1.5)).toBe("1.5s");
  expect(goDuration(0.2)).toBe("200ms");
  expect(goDuration(seconds("2 h"))).toBe("2h");
});

test("Go's form keeps the value (property)", () => {
  const value = (text: string): number =>
    [...text.matchAll(/([\d.]+)(ms|h|m|s)/g)].reduce(
      (sum, [, n, unit]) => sum + Number(n) * { h: 3600, m: 60, s: 1, ms: 0.001 }[unit as "h"],
      0,
    );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 90_000_000 }), (ms) => {
      expect(value(goDuration(ms / 1_000))).toBeCloseTo(ms / 1_000, 3);
    }),
  );
});

test("a day that no calendar has is found, and no other one", () => {
  for (const day of ["2026-02-30", "2026-02-29", "2100-02-29", "2026-04-31", "2026-13-01"]) {
    expect(missingDay(`${day}T10:00:00Z`)).toBe(day);
    expect(missingDay(`${day} 10:00`)).toBe(day);
  }
  for (const text of ["2028-02-29T10:00:00+02:00", "2026-12-31", "latest", ""]) {
    expect(missingDay(text)).toBeUndefined();
  }
});
