import { createHash, createHmac, pbkdf2Sync } from "node:crypto";

/**
 * Typed holes: a text may hold the place of a secret whose value is not known while a system is
 * described and lowered. The hole is plain data; only the registration fills it.
 */
export interface SecretHole {
  /** Name of a secret of the same system. */
  readonly secret: string;
  /**
   * What goes into the text: the value itself, its SHA-256 in hex (a Redis ACL's `#` form), or a
   * SCRAM-SHA-256 verifier as PostgreSQL stores it. @default "plain"
   */
  readonly form?: "plain" | "sha256" | "scram-sha-256";
  /** The hole stands inside a JSON string: its value is escaped for it. @default false */
  readonly json?: boolean;
}

/** Literal text, or literal parts with holes between them. */
export type Text = string | readonly (string | SecretHole)[];

export const isHole = (part: unknown): part is SecretHole =>
  typeof part === "object" && part !== null && "secret" in part && !Array.isArray(part);

/** The names of the secrets that a text needs, each once, in order of appearance. */
export function secretsOf(text: Text): string[] {
  if (typeof text === "string") return [];
  return [...new Set(text.filter(isHole).map((hole) => hole.secret))];
}

/**
 * Fills every hole of a text.
 * @param values secret name → value
 * @throws RangeError when a value is missing; the message names the secret, never a value
 */
export function fillText(text: Text, values: ReadonlyMap<string, string>): string {
  if (typeof text === "string") return text;
  return text
    .map((part) => {
      if (typeof part === "string") return part;
      const value = values.get(part.secret);
      if (value === undefined) throw new RangeError(`no value for the secret "${part.secret}"`);
      const formed = inForm(value, part.form ?? "plain", part.secret);
      return part.json ? JSON.stringify(formed).slice(1, -1) : formed;
    })
    .join("");
}

/** Serialises plain data whose strings may be holes, as a text that is JSON once it is filled. */
export function jsonText(value: unknown): Text {
  const holes: SecretHole[] = [];
  // U+0000 stays escaped in JSON output, so no literal text can be mistaken for a marker.
  const json = JSON.stringify(
    value,
    (_key, v: unknown) => {
      if (!isHole(v)) return v;
      holes.push({ ...v, json: true });
      return `\u0000${holes.length - 1}\u0000`;
    },
    2,
  );
  return json
    .split(/\\u0000(\d+)\\u0000/)
    .map((part, i) => (i % 2 === 0 ? part : holes[Number(part)]!))
    .filter((part) => part !== "");
}

function inForm(value: string, form: NonNullable<SecretHole["form"]>, name: string): string {
  switch (form) {
    case "plain":
      return value;
    case "sha256":
      return createHash("sha256").update(value).digest("hex");
    case "scram-sha-256":
      return scramVerifier(value, name);
  }
}

const scramCache = new Map<string, string>();

/**
 * A password as PostgreSQL keeps it: `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`
 * (RFC 5802 and 7677; 4096 iterations are PostgreSQL's own default).
 * The salt is derived from the password and a label, so that the same password gives the same
 * text at every run; passwords here are random, so that nothing can be precomputed.
 * @param password printable ASCII (what we generate; SASLprep then changes nothing)
 */
export function scramVerifier(password: string, label: string): string {
  const cacheKey = createHash("sha256").update(`${label}\0${password}`).digest("hex");
  const known = scramCache.get(cacheKey);
  if (known !== undefined) return known;
  const iterations = 4096;
  const salt = createHmac("sha256", password)
    .update(`scram salt:${label}`)
    .digest()
    .subarray(0, 16);
  const salted = pbkdf2Sync(password, salt, iterations, 32, "sha256");
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  const storedKey = createHash("sha256").update(clientKey).digest("base64");
  const serverKey = createHmac("sha256", salted).update("Server Key").digest("base64");
  const verifier = `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${storedKey}:${serverKey}`;
  scramCache.set(cacheKey, verifier);
  return verifier;
}

/**
 * A short name for a secret's value that tells nothing about it: keyed, so that nobody can try
 * guesses against it (`design.md`, decision 5).
 * @param key a random key of the system, itself a secret
 * @returns 10 hex digits
 */
export const keyedDigest = (key: string, value: string): string =>
  createHmac("sha256", key).update(value).digest("hex").slice(0, 10);

/** A short name for content that is no secret. @returns 10 hex digits */
export const contentDigest = (content: string): string =>
  createHash("sha256").update(content).digest("hex").slice(0, 10);
