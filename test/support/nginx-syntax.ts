/** A directive as Nginx would read it. */
export interface Block {
  readonly words: readonly string[];
  readonly inside?: readonly Block[];
}

/**
 * Reads a configuration as Nginx does (`ngx_conf_read_token`), independent of what writes it. A variable `$name`
 * is shown as `\0name\0`; `${dollar}` is what it stands for, a dollar.
 * @throws Error where Nginx would refuse it
 */
export function parseNginx(text: string): Block[] {
  let at = 0;
  const blocks = (depth: number): Block[] => {
    const found: Block[] = [];
    let words: string[] = [];
    for (;;) {
      while (/\s/.test(text[at] ?? "")) at++;
      const next = text[at];
      if (next === undefined) {
        if (depth > 0 || words.length > 0) throw new Error("unexpected end");
        return found;
      }
      if (next === "#") {
        while (at < text.length && text[at] !== "\n") at++;
      } else if (next === ";") {
        at++;
        if (words.length === 0) throw new Error('unexpected ";"');
        found.push({ words });
        words = [];
      } else if (next === "{") {
        at++;
        if (words.length === 0) throw new Error('unexpected "{"');
        found.push({ words, inside: blocks(depth + 1) });
        words = [];
      } else if (next === "}") {
        at++;
        if (depth === 0 || words.length > 0) throw new Error('unexpected "}"');
        return found;
      } else {
        words.push(variables(next === '"' || next === "'" ? quoted(next) : bare()));
      }
    }
  };
  const escaped = (): string => {
    const special: Record<string, string> = {
      '"': '"',
      "'": "'",
      "\\": "\\",
      t: "\t",
      r: "\r",
      n: "\n",
    };
    const meant = special[text[at + 1] ?? ""];
    at += 2;
    return meant ?? `\\${text[at - 1] ?? ""}`;
  };
  const quoted = (quote: string): string => {
    let word = "";
    at++;
    while (text[at] !== quote) {
      if (text[at] === undefined) throw new Error("an open quote");
      word += text[at] === "\\" ? escaped() : text[at++]!;
    }
    at++;
    if (!/[\s;{)]/.test(text[at] ?? " ")) throw new Error(`unexpected ${JSON.stringify(text[at])}`);
    return word;
  };
  const bare = (): string => {
    let word = "";
    while (!/[\s;{]/.test(text[at] ?? " ") || (text[at] === "{" && word.endsWith("$"))) {
      word += text[at] === "\\" ? escaped() : text[at++]!;
    }
    return word;
  };
  return blocks(0);
}

const variables = (word: string): string =>
  word.replace(/\$\{(\w+)\}|\$(\w+)/g, (_all, braced?: string, plain?: string) =>
    braced === "dollar" ? "$" : `\0${braced ?? plain}\0`,
  );

/** Names of all directives with their places, in order: what stays when only values change. */
export const shape = (blocks: readonly Block[], place = ""): string[] =>
  blocks.flatMap(({ words, inside }) => {
    const own = `${place}/${words[0]}${words[0] === "set" ? ` ${words[1]!.replaceAll("\0", "$")}` : ""} (${words.length})`;
    return [own, ...(inside === undefined ? [] : shape(inside, own))];
  });
