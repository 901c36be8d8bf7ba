/** CPU as Kubernetes reads it back. @param cores @example cpu(0.25) // "250m" */
export function cpu(cores: number): string {
  const milli = Math.max(1, Math.round(cores * 1_000));
  return milli % 1_000 === 0 ? String(milli / 1_000) : `${milli}m`;
}

/** Memory or storage as Kubernetes reads it back: the largest unit without a fraction. */
export function size(bytes: number): string {
  const units = ["", "Ki", "Mi", "Gi", "Ti"];
  let value = Math.ceil(bytes);
  let unit = 0;
  while (unit < units.length - 1 && value >= 1_024 && value % 1_024 === 0) {
    value /= 1_024;
    unit += 1;
  }
  return `${value}${units[unit]!}`;
}
