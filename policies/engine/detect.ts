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
  return ofFormat(text) ?? assigned(text) ?? inCommands(text)[0] ?? random(text);
}

/** What is a secret by its format alone, whatever it is called and wherever it stands. */
export const ofFormat = (text: string): Sighting | undefined =>
  isHarmless(text) ? undefined : (inUrl(text) ?? known(text));

/** Whether a text gives somebody a password that everybody knows, as its value or in a line that is no comment. */
export const defaultIn = (text: string, name?: string): boolean =>
  (name !== undefined && isSensitive(name) && isDefault(text)) ||
  // In a file, what begins with a capital is what a form says to people.
  assignments(text.replace(/^[ \t]*(?:#|;|\/\/).*$/gm, "")).some(
    ({ value }) => isDefault(value) && !/^[A-Z]/.test(value),
  );

/** What the word before another says that this is: `--password VALUE`. */
export function flagBefore(words: readonly string[], i: number): string | undefined {
  const flag = /^--?([\w-]+)$/.exec(words[i - 1] ?? "")?.[1];
  return flag !== undefined && isSensitive(flag) ? flag : undefined;
}

/** Names whose value is a secret: they end in such a word, and not in what leads to one (`_FILE`, `_NAME`). */
const SENSITIVE =
  /(?:^|[_.\-\s/]|(?<=[a-z])(?=[A-Z]))(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|(?:api|access|account|storage|secret|private|signing|encryption|master|auth|jwt|session|cookie|hmac)[_-]?key(?:[_-]?base)?|apikey|requirepass|masterauth)(?:[_-]?(?:value|raw|base64|b64|\d+))?$|^(?:pg|my|db|ssh|ftp|smtp|ldap|root|admin|user|redis)pass(?:word)?$/i;

/** Such a word, but of what is named and not of what is secret: a chart's `existingSecret`. */
const NAMES_ONE = /(?:existing|pull|tls|ca|cert(?:ificate)?)[_-]?secret$/i;

export const isSensitive = (name: string): boolean => SENSITIVE.test(name) && !NAMES_ONE.test(name);

/** What stands where a secret will be, and what is public by nature. */
export function isHarmless(text: string): boolean {
  return (
    text.length < 4 ||
    /^(?:\$[A-Za-z_]\w*|\$\{\w+(?::?\?[^}]*)?\}|\$\([A-Za-z_]\w*\)|\{\{.*\}\}|<[^>]*>|%\w+%|\[[\w .-]*\]|\{[\w.]+\})$/.test(
      text,
    ) ||
    /^[x*•.\-_#?]+$/i.test(text) ||
    /^(?:your|insert|replace|put|enter|example|dummy|fake|sample|todo|redacted|masked|hidden)[ _.-][^\n]{0,80}$/i.test(
      text,
    ) ||
    // People do begin passwords with it.
    /^my[\s_.-][a-z\s_.-]*(?:pass(?:word|phrase)?|secret|token|key)$/i.test(text) ||
    /^(?:redacted|placeholder|unset|none|null|undefined|required|optional)$/i.test(text) ||
    UUID.test(text) ||
    // Sealed: by SOPS, by Ansible.
    /^(?:ENC\[|\$ANSIBLE_VAULT;)/.test(text)
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
  ELSEWHERE.test(text) ||
  (PUBLIC.test(text) && !PRIVATE_KEY.test(text)) ||
  /^(?:HS|RS|ES|PS)(?:256|384|512)$|^(?:scram-sha-256|md5|bcrypt|argon2id?|bearer|basic|jwt|file|env|vault)$/i.test(
    text,
  );

/** Where a secret is to be had, as the tools that fetch it write that. */
const ELSEWHERE =
  /^(?:(?:vault|env|file|secret|ssm|op|ref\+[\w-]+):|arn:aws[\w-]*:|projects\/[^/]+\/secrets\/|@Microsoft\.KeyVault\()/i;

/** Passwords that everybody tries first. */
const DEFAULTS = new Set(
  "admin administrator password passwd passw0rd postgres root toor changeme changeit secret guest test testing 1234 12345 123456 12345678 minioadmin mysql mariadb mongo mongodb redis grafana example letmein qwerty user pass default rabbitmq elastic docker demo welcome supersecret".split(
    " ",
  ),
);

export const isDefault = (text: string): boolean =>
  DEFAULTS.has(text.toLowerCase().replace(/[\s_-]/g, ""));

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
  for (const { what, form } of FORMS) {
    const [word] = form.exec(text) ?? [];
    if (word !== undefined) return { what, length: word.length };
  }
  for (const { what, scan } of scanners) {
    found.length = 0;
    scan(source);
    if (found.length > 0) return { what, length: found[0]!.length };
  }
  return authorization(text);
}

const PRIVATE_KEY = /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----/;

/** Formats that the kept rules do not have. */
const FORMS: readonly { readonly what: string; readonly form: RegExp }[] = [
  { what: "a signed token (JWT)", form: /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}/ },
  { what: "a credential of stripe", form: /\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}/ },
  { what: "a credential of google", form: /\bAIza[\w-]{35}/ },
];

/** A header of HTTP that lets somebody in. */
function authorization(text: string): Sighting | undefined {
  for (const [, scheme = "", value = ""] of text.matchAll(
    /\b(Basic|Bearer)[ \t]+([\w+/.~-]{8,}={0,2})/gi,
  )) {
    const real =
      scheme.toLowerCase() === "basic"
        ? decoded(value)?.includes(":")
        : value.length >= 16 && /\d/.test(value);
    if (real && !isHarmless(value))
      return { what: "the credentials of a request", length: value.length };
  }
  return undefined;
}

/** `password = …`, `"token": "…"`, `--api-key=…`, `--api-key …`, `<password>…</password>` in a longer text. */
function assigned(text: string): Sighting | undefined {
  for (const { name, value } of assignments(text)) {
    if (isHarmless(value) || isSetting(value) || isDefault(value)) continue;
    // Code and expressions name what they read.
    if (/^(?:process\.|os\.|env[.[]|\$)/.test(value)) continue;
    return { what: `the value of ${name}`, length: value.length };
  }
  return undefined;
}

/** A name, and what stands between it and its value. */
const ASSIGNS = [
  /(?<![\w.-])["']?-{0,2}([A-Za-z][\w.-]{0,60})["']?[ \t]*(?:[:=]|=>|:=)[ \t]*["']?/g,
  // `--secret` of docker and kubectl is a secret's name.
  /(?<=^|\s)--(?!secret\s)([A-Za-z][\w-]{0,60})[ \t]+["']?(?!-)/g,
  /^[ \t]*(requirepass|masterauth)[ \t]+["']?/gm,
  /<([A-Za-z][\w.-]{0,60})>(?=[^<]{1,200}<\/)/g,
];
const VALUE = /[^\s"',;{}[\]()<>]{4,200}/y;

/** Values that a text gives to names of secrets. */
function assignments(text: string): readonly { readonly name: string; readonly value: string }[] {
  return ASSIGNS.flatMap((form) =>
    [...text.matchAll(form)].flatMap(({ 0: all, 1: name = "", index }) => {
      if (!isSensitive(name)) return [];
      VALUE.lastIndex = index + all.length;
      const [value] = VALUE.exec(text) ?? [];
      if (value === undefined) return [];
      // In a URL's query it ends where the next one begins.
      const inQuery = /[?&]/.test(text.charAt(index - 1));
      return [{ name, value: inQuery ? value.split("&")[0]! : value }];
    }),
  );
}

/** A password among the words of a command, where no name says that it is one. */
export interface InCommand extends Sighting {
  /** Characters before it. */
  readonly at: number;
}

/** Programs that are given a password by a letter. */
const COMMANDS = [
  /\b(?:mysql|mysqladmin|mysqldump|mysqlcheck|mariadb(?:-\w+)?)\s(?:[^|;&\n]{0,500}?\s)?-p["']?([^\s"'|;&]{4,200})/g,
  /\bredis-cli\s(?:[^|;&\n]{0,500}?\s)?-a\s+["']?([^\s"'|;&]{4,200})/g,
  /\bsshpass\s+-p\s*["']?([^\s"'|;&]{4,200})/g,
  /\b(?:curl|wget|http|https|ab)\s(?:[^|;&\n]{0,500}?\s)?(?:-u|-A|--user)[\s=]*["']?[\w.@-]{1,60}:([^\s"'|;&]{4,200})/g,
];

/** Every password that a command line, or a script of several, gives to a program. */
export function inCommands(text: string): readonly InCommand[] {
  return COMMANDS.flatMap((form) =>
    [...text.matchAll(form)].flatMap(({ 0: all, 1: value = "", index }) =>
      value.startsWith("$") || value.startsWith("`") || isHarmless(value) || isSetting(value)
        ? []
        : [
            {
              what: "a password for a program",
              length: value.length,
              at: index + all.length - value.length,
            },
          ],
    ),
  );
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

/** A picture or a font within a text. */
const DATA = /^data:[\w.+-]+\/[\w.+-]+[;,]/;

function random(text: string): Sighting | undefined {
  if (text.length < RANDOM.length || PUBLIC.test(text) || DATA.test(text)) return undefined;
  for (const [word] of text.matchAll(/[A-Za-z0-9+/_=-]{24,}/g)) {
    if (looksRandom(word)) return { what: "a text that looks random", length: word.length };
  }
  return undefined;
}

function looksRandom(word: string): boolean {
  // Digests, commit ids, MAC addresses: hexadecimal alone is mostly public.
  if (/^[0-9a-f]+$/i.test(word) || UUID.test(word)) return false;
  // An alphabet.
  if (/abcdefghijklm|ABCDEFGHIJKLM/.test(word)) return false;
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
