/** Sizes, times, rates and days as people write them, checked by the compiler where it can. */

/** An amount of memory or storage in binary units, for example `"20 GiB"`. */
export type Size = `${number} ${"KiB" | "MiB" | "GiB" | "TiB"}`;

/** A span of time, for example `"30 s"`. */
export type Duration = `${number} ${"ms" | "s" | "min" | "h" | "d"}`;

const BYTES: Record<string, number> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };
const MILLISECONDS: Record<string, number> = {
  ms: 1,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

function parse(text: string, units: Record<string, number>, what: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([A-Za-z]+)$/.exec(text.trim());
  const factor = match?.[2] === undefined ? undefined : units[match[2]];
  if (!match || factor === undefined) {
    throw new RangeError(
      `${JSON.stringify(text)} is no ${what}: write a number, a space and one of ${Object.keys(units).join(", ")}`,
    );
  }
  return Math.round(Number(match[1]) * factor);
}

/**
 * @returns bytes
 * @throws RangeError when the text is no size
 */
export const bytes = (size: Size): number => parse(size, BYTES, "size");

/**
 * @returns milliseconds
 * @throws RangeError when the text is no duration
 */
export const milliseconds = (duration: Duration): number => parse(duration, MILLISECONDS, "time");

/**
 * @returns seconds, with fractions
 * @throws RangeError when the text is no duration
 */
export const seconds = (duration: Duration): number => milliseconds(duration) / 1_000;

/** Whether a text is a size; the reason otherwise is what `bytes` throws. */
export const isSize = (text: string): text is Size => canBeRead(text, BYTES, "size");

/** Whether a text is a time such as `"90 s"`; the reason otherwise is what `milliseconds` throws. */
export const isDuration = (text: string): text is Duration => canBeRead(text, MILLISECONDS, "time");

/**
 * The day with which a text begins, where no calendar has it: `Date.parse` takes 30 February for 2 March.
 * @example missingDay("2026-02-30T10:00:00Z") // "2026-02-30"
 */
export function missingDay(text: string): string | undefined {
  const day = /^\d{4}-\d\d-\d\d/.exec(text)?.[0];
  if (day === undefined) return undefined;
  const at = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(day) ? undefined : day;
}

/** Why a text with such a day is no moment, as the end of a message; empty where that is not the reason. */
export function noSuchDay(text: string): string {
  const day = missingDay(text);
  return day === undefined ? "" : `: no calendar has ${day}`;
}

function canBeRead(...args: Parameters<typeof parse>): boolean {
  try {
    parse(...args);
    return true;
  } catch {
    return false;
  }
}
