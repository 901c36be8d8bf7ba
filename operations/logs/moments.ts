import { missingDay } from "../../model/units";

const UNITS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * A moment as people type it: how long ago (`90s`, `15m`, `1h30m`, `2d`), or itself with its zone, of a day that there is.
 * @returns milliseconds since 1970; undefined where it is neither
 */
export function momentOf(text: string, now: number): number | undefined {
  if (/^(?:\d+[smhd])+$/.test(text)) {
    const ago = [...text.matchAll(/(\d+)([smhd])/g)].reduce(
      (sum, [, number, unit]) => sum + Number(number) * UNITS[unit!]!,
      0,
    );
    return now - ago;
  }
  if (!/^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/.test(text)) {
    return undefined;
  }
  if (missingDay(text) !== undefined) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}
