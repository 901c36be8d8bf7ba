import type { Field } from "./field";

/** A text that somebody wrote under a name: a label, an annotation, a build argument. */
export interface NamedText {
  readonly name: string;
  readonly at: Field;
  readonly text: string;
}

/**
 * Named texts in each of the forms that engines have: a map, a list of `{ label, value }`, a list of
 * `name=value`. What is not known yet is left out.
 */
export function namedTexts(field: Field): NamedText[] {
  const { raw } = field;
  if (typeof raw !== "object" || raw === null) return [];
  if (!Array.isArray(raw)) {
    return field
      .entries()
      .flatMap(([name, at]) => (typeof at.raw === "string" ? [{ name, at, text: at.raw }] : []));
  }
  return field.items().flatMap((item): NamedText[] => {
    if (typeof item.raw === "string") {
      const cut = item.raw.indexOf("=");
      return cut < 0
        ? []
        : [{ name: item.raw.slice(0, cut), at: item, text: item.raw.slice(cut + 1) }];
    }
    const name = item.get("label").raw;
    const value = item.get("value");
    return typeof name === "string" && typeof value.raw === "string"
      ? [{ name, at: value, text: value.raw }]
      : [];
  });
}
