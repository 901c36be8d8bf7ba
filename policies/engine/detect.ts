import * as preset from "@secretlint/secretlint-rule-preset-recommend";

/** What a text gives away: of what kind, and how long; never the text itself. */
export interface Sighting {
  /** For a sentence. @example "a password in a URL" */
  readonly what: string;
  /** Characters. */
  readonly length: number;
}

/**
 * Whether a text holds a secret: by the formats of known tokens and keys (a kept set of rules,
 * docs/decisions/0014), by its name, by a password in a URL, or by how random it looks.
 * @param name of the variable, label or key that has it
 */
export function secretIn(text: string, name?: string): Sighting | undefined {
  if (isHarmless(text)) return undefined;
  // A variable of a template that is not there: what stands for it then.
  const instead = /^\$\{\w+:?-(.*)\}$/s.exec(text)?.[1];
  if (instead !== undefined) return secretIn(instead, name);
  if (name !== undefined && isSensitive(name)) {
    // A name says it all, unless the value is plainly a setting.
    if (!isSetting(text) && !isDefault(text))
      return { what: `the value of ${name}`, length: text.length };
    return undefined;
  }
  return inUrl(text) ?? known(text) ?? assigned(text) ?? random(text);
}

/** Names whose value is a secret: they end in such a word, and not in what leads to one (`_FILE`, `_NAME`). */
const SENSITIVE =
  /(?:^|[_.\-\s/]|(?<=[a-z])(?=[A-Z]))(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|(?:api|access|secret|private|signing|encryption|master|auth|jwt|session|cookie|hmac)[_-]?key(?:[_-]?base)?|apikey|requirepass)(?:[_-]?(?:value|raw|base64|b64|\d+))?$|^(?:pg|my|db|ssh|ftp|smtp|ldap|root|admin|user|redis)pass(?:word)?$/i;

export const isSensitive = (name: string): boolean => SENSITIVE.test(name);

/** What stands where a secret will be, and what is public by nature. */
export function isHarmless(text: string): boolean {
  return (
    text.length < 4 ||
    /^(?:\$[A-Za-z_]\w*|\$\{\w+(?::?\?[^}]*)?\}|\$\([A-Za-z_]\w*\)|\{\{.*\}\}|<[^>]*>|%\w+%|\[[\w .-]*\]|\{[\w.]+\})$/s.test(
      text,
    ) ||
    /^[x*•.\-_#?]+$/i.test(text) ||
    /^(?:your|my|insert|replace|put|enter|example|dummy|fake|sample|todo|redacted|masked|hidden)[\W_]/i.test(
      text,
    ) ||
    /^(?:redacted|placeholder|unset|none|null|undefined|required|optional)$/i.test(text) ||
    UUID.test(text)
  );
}

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** A setting and no secret, whatever its name: a switch, a number, a time, a path, an address. */
const isSetting = (text: string): boolean =>
  /^(?:true|false|yes|no|on|off|enabled|disabled)$/i.test(text) ||
  /^\d{1,5}(?:\.\d+)?(?:ms|s|m|h|d|min|Mi|Gi)?$/.test(text) ||
  // A path, and a URL without a password.
  /^(?:\.{0,2}\/[\w./@-]+|[A-Za-z]:\\.*)$/.test(text) ||
  (/^[a-z][a-z0-9+.-]*:\/\//i.test(text) && inUrl(text) === undefined) ||
  /^(?:HS|RS|ES|PS)(?:256|384|512)$|^(?:scram-sha-256|md5|bcrypt|argon2id?|bearer|basic|jwt|file|env|vault)$/i.test(
    text,
  );

/** Passwords that everybody tries first. */
const DEFAULTS = new Set(
  "admin administrator password passwd passw0rd postgres root toor changeme change-me changeit secret guest test testing 1234 12345 123456 12345678 minioadmin mysql mariadb mongo mongodb redis grafana example letmein qwerty user pass default rabbitmq elastic docker demo welcome supersecret".split(
    " ",
  ),
);

export const isDefault = (text: string): boolean => DEFAULTS.has(text.toLowerCase());

/** `scheme://user:password@host`, where the password is no placeholder. */
function inUrl(text: string): Sighting | undefined {
  for (const [, user = "", password = ""] of text.matchAll(
    /\b[a-z][a-z0-9+.-]{1,30}:\/\/([^\s:@/'"]{0,100}):([^\s@/'"]{1,200})@[\w[]/gi,
  )) {
    const template = /^(?:\$|\{|<|%[A-Z_]+%)/.test(password) || /[{$]/.test(user);
    if (template || isHarmless(password.padEnd(4, "a"))) continue;
    return { what: "a password in a URL", length: password.length };
  }
  return undefined;
}

/** What the preset's rules are; it declares them by types of a package that it does not depend on. */
interface Kept {
  readonly meta: { readonly id: string };
  readonly create: (
    context: {
      readonly sharedOptions: object;
      readonly createTranslator: () => (messageId: string) => object;
      readonly report: (descriptor: { readonly range: readonly [number, number] }) => void;
      readonly ignore: () => void;
    },
    options: object,
  ) => { readonly file?: (source: object) => unknown };
}

const { rules: kept } = preset as unknown as { readonly rules: readonly Kept[] };

interface Scanner {
  readonly what: string;
  readonly scan: (source: object) => unknown;
}

const WHAT: Readonly<Record<string, string>> = {
  privatekey: "a private key",
  basicauth: "a password in a URL",
  "database-connection-string": "a password in a database's URL",
};

/** Files and comments are not what stands in a property. */
const NOT_FOR_TEXT = /-(?:gcp|filter-comments)$/;

const found: { length: number }[] = [];

const scanners = kept
  .filter(({ meta }) => !NOT_FOR_TEXT.test(meta.id))
  .flatMap(({ meta, create }): Scanner[] => {
    const handlers = create(
      {
        sharedOptions: {},
        createTranslator: () => (messageId) => ({ messageId, message: messageId }),
        report: ({ range: [from, to] }) => void found.push({ length: to - from }),
        ignore: () => undefined,
      },
      {},
    );
    const vendor = meta.id.replace(/^.*secretlint-rule-/, "");
    const what = WHAT[vendor] ?? `a credential of ${vendor}`;
    return handlers.file === undefined ? [] : [{ what, scan: (source) => handlers.file?.(source) }];
  });

/** Tokens and keys whose format somebody published. */
function known(text: string): Sighting | undefined {
  // Each of the formats has a long word, a URL or a key's header in it.
  if (text.length < 16 || !/[A-Za-z0-9+/_.-]{16}|:\/\/|-----BEGIN/.test(text)) return undefined;
  if (PRIVATE_KEY.test(text)) return { what: "a private key", length: text.length };
  const source = { filePath: "property.txt", content: text, contentType: "text", ext: ".txt" };
  for (const { what, scan } of scanners) {
    found.length = 0;
    scan(source);
    if (found.length > 0) return { what, length: found[0]!.length };
  }
  if (JWT.test(text)) return { what: "a signed token (JWT)", length: JWT.exec(text)![0].length };
  return undefined;
}

const PRIVATE_KEY = /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----/;
const JWT = /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}/;

/** `password = …`, `"token": "…"`, `--api-key=…` in a longer text. */
function assigned(text: string): Sighting | undefined {
  for (const [, name = "", value = ""] of text.matchAll(
    /(?<![\w.-])["']?-{0,2}([A-Za-z][\w.-]{0,60})["']?[ \t]*(?:[:=]|=>|:=)[ \t]*["']?([^\s"',;{}[\]()<>]{4,})/g,
  )) {
    if (!isSensitive(name) || isHarmless(value) || isSetting(value) || isDefault(value)) continue;
    // Code and expressions name what they read.
    if (/^(?:process\.|os\.|env[.[]|file:|secret:|vault:|ref\+)/.test(value)) continue;
    return { what: `the value of ${name}`, length: value.length };
  }
  return undefined;
}

/** Bits for each character. */
export function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const letter of text) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values())
    bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

/**
 * Least length and entropy of what nobody writes by hand. 24 random characters of base64 have 4.2 bits and
 * more in 99 of 100 cases; identifiers of programs stay below, or fall apart into words.
 */
const RANDOM = { length: 24, bits: 4 };

/** Where public, random-looking things stand: certificates, public keys, checksums. */
const PUBLIC =
  /-----BEGIN (?:[A-Z0-9 ]*CERTIFICATE|PUBLIC KEY|X509)|\bssh-(?:rsa|ed25519)\s|\bsha(?:1|256|384|512)[:-]/i;

function random(text: string): Sighting | undefined {
  if (text.length < RANDOM.length || PUBLIC.test(text)) return undefined;
  for (const [word] of text.matchAll(/[A-Za-z0-9+/_=-]{24,}/g)) {
    if (looksRandom(word)) return { what: "a text that looks random", length: word.length };
  }
  return undefined;
}

function looksRandom(word: string): boolean {
  // Digests, commit ids, MAC addresses: hexadecimal alone is mostly public.
  if (/^[0-9a-f]+$/i.test(word) || UUID.test(word)) return false;
  if (!/[a-z]/.test(word) || !/[A-Z]/.test(word) || !/\d/.test(word)) return false;
  // Paths, names with hyphens, identifiers: they fall apart into words and numbers.
  const parts = word.split(/[/_=+-]+|(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])/);
  const words = parts
    .filter((part) => /^(?:[A-Z]?[a-z]{3,}|[A-Z]{3,}|\d+)$/.test(part))
    .join("").length;
  if (words > word.length * 0.6) return false;
  return entropy(word) >= RANDOM.bits;
}

/** Text that is base64 of printable text, decoded; undefined where it is none. */
export function decoded(text: string): string | undefined {
  if (text.length < 8 || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text))
    return undefined;
  const bytes = Buffer.from(text, "base64").toString("utf8");
  return /^[\t\n\r\x20-\x7e\u00a0-\uffff]*$/.test(bytes) && !bytes.includes("\ufffd")
    ? bytes
    : undefined;
}
