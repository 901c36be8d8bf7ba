/** A mapping, as YAML and JSON have it. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * A copy of a value with each scalar exchanged. What an alias stands for several times is made once; a
 * value must not hold itself.
 */
export function mapScalars(value: unknown, exchange: (scalar: unknown) => unknown): unknown {
  const made = new Map<object, unknown>();
  const copy = (of: unknown): unknown => {
    if (typeof of !== "object" || of === null) return exchange(of);
    const known = made.get(of);
    if (known !== undefined) return known;
    const copied: unknown = Array.isArray(of)
      ? of.map(copy)
      : Object.fromEntries(Object.entries(of).map(([key, part]) => [key, copy(part)]));
    made.set(of, copied);
    return copied;
  };
  return copy(value);
}
