import { decoded } from "./detect";
import type { Field } from "./field";
import type { Subject } from "./subject";

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

/**
 * Every text below a place, under its key; `{ name, value }` under that name. What is not known yet is left out.
 * @param skip parts that somebody else looks at
 */
export function allTexts(field: Field, skip: (field: Field) => boolean, name = ""): NamedText[] {
  const { raw } = field;
  if (skip(field)) return [];
  if (typeof raw === "string") return [{ name, at: field, text: raw }];
  if (typeof raw !== "object" || raw === null) return [];
  if (Array.isArray(raw)) return field.items().flatMap((item) => allTexts(item, skip, name));
  const entries = field.entries();
  const own = field.get("name").raw ?? field.get("key").raw;
  return entries.flatMap(([key, at]) =>
    allTexts(at, skip, key === "value" && typeof own === "string" ? own : key),
  );
}

/** The files, or variables, that a ConfigMap or a config of Docker has. */
export function files(field: Field, { world, kind, type }: Subject): NamedText[] {
  if (world === "kubernetes") {
    return kind === "ConfigMap"
      ? [...namedTexts(field.get("data")), ...namedTexts(field.get("binaryData")).map(asText)]
      : [];
  }
  if (type !== "compose:config" && type !== "docker:index/serviceConfig:ServiceConfig") return [];
  const content = field.get(type === "compose:config" ? "content" : "data");
  // Of its own name nothing is known: it is a file.
  return typeof content.raw === "string"
    ? [asText({ name: "", at: content, text: content.raw })]
    : [];
}

/** Docker and Kubernetes carry some of them as base64. */
const asText = (of: NamedText): NamedText => ({ ...of, text: decoded(of.text) ?? of.text });
