/** Marks a secret in an exported state, as Pulumi's wire format defines it. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

/** Shorter values would blot out half of every line, and are no secrets worth the name. */
const SHORTEST = 6;

/** All secret strings of a state that was exported with its secrets in plain text. */
export function secretValues(state: unknown): ReadonlySet<string> {
  const found = new Set<string>();
  const collect = (value: unknown): void => {
    if (typeof value === "string") {
      for (const part of [value, ...value.split(/\s+/)]) {
        if (part.length >= SHORTEST) found.add(part);
      }
    } else if (typeof value === "object" && value !== null) {
      Object.values(value).forEach(collect);
    }
  };
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    const record = value as Readonly<Record<string, unknown>>;
    if (record[SIGNATURE] === SECRET && typeof record.plaintext === "string") {
      try {
        collect(JSON.parse(record.plaintext));
      } catch {
        collect(record.plaintext);
      }
      return;
    }
    Object.values(record).forEach(walk);
  };
  walk(state);
  return found;
}

/** A text in which no secret's value stands any more. */
export function redact(text: string, secrets: Iterable<string>): string {
  // The longest first: one secret may be part of another.
  return [...secrets]
    .sort((a, b) => b.length - a.length)
    .reduce((rest, secret) => rest.replaceAll(secret, "[secret]"), text);
}
