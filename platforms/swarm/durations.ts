/**
 * A time as the engine reads it back: Go's form without its zero parts. Any other spelling of the
 * same time shows as a change at every preview.
 * @param seconds with fractions down to milliseconds
 * @example goDuration(90) // "1m30s"
 */
export function goDuration(seconds: number): string {
  const ms = Math.round(seconds * 1_000);
  if (ms === 0) return "0s";
  if (ms < 1_000) return `${ms}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor((ms % 3_600_000) / 60_000);
  const rest = (ms % 60_000) / 1_000;
  return `${hours > 0 ? `${hours}h` : ""}${minutes > 0 ? `${minutes}m` : ""}${rest > 0 ? `${rest}s` : ""}`;
}
