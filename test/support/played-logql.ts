/** What a stored line is found by, and what it has besides. */
export interface Found {
  readonly labels: Readonly<Record<string, string>>;
  /** Loki's structured metadata: no stream of its own. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly line: string;
}

/** A text between double quotes, as Go reads it and `JSON.stringify` writes it. */
const TEXT = String.raw`"(?:[^"\\\n]|\\(?:["\\bfnrt]|u[0-9a-f]{4}))*"`;
const MATCHER = new RegExp(String.raw`^(\w+)(=~?)(${TEXT})`);
const CONTAINS = new RegExp(String.raw`^ \|= (${TEXT})`);
const FILTER = new RegExp(String.raw`^ \| (\w+)=(${TEXT})`);

/**
 * So much of LogQL as `atalaya logs` says, and not a word more: labels that are equal or fit a pattern, then texts
 * that stand in the line and attributes that are equal. It cannot be right by mistake about what it does not know.
 *
 * @throws Error for every other query
 */
export function understand(query: string): (of: Found) => boolean {
  let rest = query;
  const take = (pattern: RegExp): string[] | undefined => {
    const found = pattern.exec(rest);
    if (found === null) return undefined;
    rest = rest.slice(found[0].length);
    return found.slice(1);
  };
  const wrong = (): Error => new Error(`parse error at ${JSON.stringify(rest.slice(0, 60))}`);
  const text = (quoted: string | undefined): string => JSON.parse(quoted!) as string;

  const tests: ((of: Found) => boolean)[] = [];
  let selective = false;
  if (take(/^\{/) === undefined) throw wrong();
  do {
    const [name, operator, quoted] = take(MATCHER) ?? [];
    if (name === undefined) throw wrong();
    const wanted = text(quoted);
    // Loki has patterns fit the whole value.
    const pattern = operator === "=~" ? new RegExp(`^(?:${wanted})$`, "su") : undefined;
    const fits = (value: string): boolean => pattern?.test(value) ?? value === wanted;
    selective ||= !fits("");
    tests.push(({ labels }) => fits(labels[name] ?? ""));
  } while (take(/^, /) !== undefined);
  if (take(/^\}/) === undefined) throw wrong();
  if (!selective) throw new Error("queries require a matcher that does not fit the empty value");
  while (rest !== "") {
    const [contained] = take(CONTAINS) ?? [];
    if (contained !== undefined) {
      const wanted = text(contained);
      tests.push(({ line }) => line.includes(wanted));
      continue;
    }
    const [name, value] = take(FILTER) ?? [];
    if (name === undefined) throw wrong();
    const wanted = text(value);
    tests.push(({ labels, attributes }) => (labels[name] ?? attributes[name] ?? "") === wanted);
  }
  return (of) => tests.every((fits) => fits(of));
}
