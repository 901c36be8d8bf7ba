/**
 * Nginx's configuration language, written from data. A text is always one word that means itself: quoted, and
 * with no variable in it. What Nginx is to fill in is a `Template`, which only code can write.
 */
export type Word = string | number | Template;

/** Text with variables of Nginx: made by the tag `nginx` alone. */
export class Template {
  /** @param parts code's own words, where `$name` is a variable */
  constructor(
    private readonly parts: readonly string[],
    private readonly values: readonly (string | number)[],
  ) {}

  /** As Nginx has to see it after unquoting. */
  get text(): string {
    return this.parts
      .map((part, i) => (i === 0 ? part : `${literal(String(this.values[i - 1]))}${part}`))
      .join("");
  }
}

/**
 * Text with variables; what is put into it is text without any.
 * @example nginx`https://$host:${port}$request_uri`
 */
export const nginx = (
  parts: TemplateStringsArray,
  ...values: readonly (string | number)[]
): Template => new Template(parts.raw, values);

/** Text of our own code's that was put together: never with anything in it that an author wrote. */
export const expression = (text: string): Template => new Template([text], []);

/** A directive: `words;`, or `words { … }`. The first word is its name, or a `map`'s key. */
export interface Directive {
  readonly words: readonly Word[];
  readonly inside?: readonly Directive[];
}

export const directive = (...words: readonly Word[]): Directive => ({ words });

export const block = (words: readonly Word[], inside: readonly Directive[]): Directive => ({
  words,
  inside,
});

/** What Nginx reads as one word at most (NGX_CONF_BUFFER), less the quotes. */
const MAX_WORD = 4_000;

/** Nginx cannot write a dollar but as a variable's value: `geo $dollar { default "$"; }` stands in the file. */
const literal = (text: string): string => text.replaceAll("$", "${dollar}");

/**
 * The text of a configuration.
 * @throws RangeError for a word with a control character, or longer than Nginx reads
 */
export function write(directives: readonly Directive[], indent = ""): string {
  return directives
    .map(({ words, inside }) => {
      const head = words.map(quoted).join(" ");
      return inside === undefined
        ? `${indent}${head};\n`
        : `${indent}${head} {\n${write(inside, `${indent}  `)}${indent}}\n`;
    })
    .join("");
}

function quoted(word: Word): string {
  const text = word instanceof Template ? word.text : literal(String(word));
  // eslint-disable-next-line no-control-regex -- these are what is looked for
  if (/[\x00-\x1f\x7f]/.test(text)) throw new RangeError("a control character in a configuration");
  // No longer in bytes than in characters times four; a word of ours is never near.
  if (Buffer.byteLength(text) > MAX_WORD) {
    throw new RangeError(`a word of ${Buffer.byteLength(text)} bytes, at most ${MAX_WORD}`);
  }
  if (/^[\w./:=@$~*+-]+$/.test(text)) return text;
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/**
 * A regular expression for paths that begin so, at a slash.
 * @param kind what Nginx wants before it: `~*` in a `map`
 */
export const below = (path: string, kind = ""): Template =>
  new Template([`${kind}^${path.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")}(?:/|$)`], []);
