import type { Manifest } from "../../platforms/kubernetes/objects";

/** Where two sets of manifests differ, a line each: what the first has, and what the second has. */
export function differences(ones: readonly Manifest[], others: readonly Manifest[]): string[] {
  const name = ({ kind, metadata }: Manifest): string =>
    // A content's digest at its end is no part of who it is.
    `${kind} ${metadata.name.replace(/-[0-9a-f]{10}$/, "")}`;
  const of = new Map(others.map((manifest) => [name(manifest), manifest]));
  const mine = new Set(ones.map(name));
  return [
    ...ones.flatMap((manifest) => fields(manifest, of.get(name(manifest)), name(manifest))),
    ...[...of.keys()]
      .filter((other) => !mine.has(other))
      .map((other) => `${other}: absent → there`),
  ];
}

/**
 * Where two values differ, a line each.
 * @param path how the values are called
 * @param more what the second has beside: `told` as a difference, or `allowed`
 */
export function fields(
  one: unknown,
  other: unknown,
  path: string,
  more: "told" | "allowed" = "told",
): string[] {
  const text = (value: unknown): string => (value === undefined ? "absent" : JSON.stringify(value));
  const plain = (value: unknown): boolean => typeof value !== "object" || value === null;
  if (plain(one) || plain(other)) {
    if (one === other) return [];
    const both = [one, other].map((value) => (plain(value) ? text(value) : "there"));
    // A file's whole content would hide the rest.
    return [
      both.join("").length > 200 ? `${path}: another content` : `${path}: ${both.join(" → ")}`,
    ];
  }
  const added = more === "told" ? Object.keys(other as object) : [];
  return [...new Set([...Object.keys(one as object), ...added])].flatMap((key) =>
    fields(
      (one as Record<string, unknown>)[key],
      (other as Record<string, unknown>)[key],
      `${path}.${key}`,
      more,
    ),
  );
}
