import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { parseAllDocuments } from "yaml";
import { keyedDigest } from "../../model/text";
import {
  type LeftOutSecret,
  openSecret,
  type OpenSecret,
  toYaml,
} from "../../platforms/kubernetes/render";
import { ExitCode, UserError } from "../errors";
import { lastLines, run } from "../process";
import { redact } from "../stack/redact";

/** Values of secrets by system and name. */
export type SecretValues = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Milliseconds that a tool may take for one Secret: one that asks a key service far away needs some. */
const PATIENCE = 60_000;

/** Characters that a value must have for digests to be keyed by it; generated passwords have 32. */
const KEY_LENGTH = 32;

/** How much of what a failed tool said is shown. */
const LINES = 5;

const EXPECTED =
  "Give what `pulumi stack output passwords --show-secrets --json` prints (`npx atalaya pulumi -s <stack> …`).";

/**
 * Reads the values of secrets: JSON as the stack's output `passwords` has it, `{ system: { name: value } }`.
 * @param source a file, or `-` for standard input
 * @param systems those of the stack: another one's values are a mistake
 * @throws UserError with every problem, and no value
 */
export async function readSecretValues(
  source: string,
  systems: readonly string[],
): Promise<SecretValues> {
  let document: unknown;
  try {
    document = JSON.parse(
      source === "-" ? await text(process.stdin) : readFileSync(source, "utf8"),
    );
  } catch (error) {
    // What JSON.parse says would quote the text.
    const { code } = error as NodeJS.ErrnoException;
    const what = code === undefined ? "is no JSON" : `cannot be read (${code})`;
    throw new UserError(`--secrets ${source} ${what}.`, EXPECTED, ExitCode.usage);
  }
  const problems: string[] = [];
  const isObject = (of: unknown): of is object =>
    typeof of === "object" && of !== null && !Array.isArray(of);
  if (!isObject(document)) problems.push("is no object");
  const values = new Map<string, Map<string, string>>();
  for (const [system, given] of isObject(document) ? Object.entries(document) : []) {
    if (!systems.includes(system)) {
      problems.push(`${system}: the stack has no such system, it has ${systems.join(", ")}`);
    } else if (!isObject(given)) problems.push(`${system}: is no object`);
    else {
      const own = new Map<string, string>();
      for (const [name, value] of Object.entries(given)) {
        if (typeof value === "string" && value !== "") own.set(name, value);
        else problems.push(`${system}.${name}: is ${value === "" ? "empty" : "no text"}`);
      }
      values.set(system, own);
    }
  }
  if (problems.length === 0) return values;
  throw new UserError(
    [`--secrets ${source}: ${problems.length} problems`, ...problems].join("\n  "),
    EXPECTED,
    ExitCode.usage,
  );
}

/** A Secret with the values that it is made from. */
export interface Sealable {
  readonly secret: LeftOutSecret;
  readonly open: OpenSecret;
  /** Whatever of it may be seen nowhere. */
  readonly values: readonly string[];
  /** Tells whether it is another one than before, and nothing else; absent where nothing keys it. */
  readonly digest?: string;
}

/** Fills a Secret, where every value that it needs is known. */
export function sealable(secret: LeftOutSecret, of: SecretValues): Sealable | undefined {
  const known = of.get(secret.system) ?? new Map<string, string>();
  if (!secret.needs.every((name) => known.has(name))) return undefined;
  const open = openSecret(secret, known);
  const key = secret.keyedBy === undefined ? undefined : known.get(secret.keyedBy);
  return {
    secret,
    open,
    values: [
      ...secret.needs.map((name) => known.get(name)!),
      ...Object.values(open.data).map((data) => Buffer.from(data, "base64").toString()),
    ],
    // Without a good key anybody could try guesses against the digest.
    ...(key === undefined || key.length < KEY_LENGTH
      ? {}
      : { digest: keyedDigest(key, `sealed ${JSON.stringify(open)}`) }),
  };
}

/**
 * Has a tool of the user seal a Secret: its manifest goes in through standard input, the sealed form comes back.
 * @param command a line for the shell
 * @throws UserError when it fails, or gives back what is no sealed form; no value stands in the message
 */
export async function seal(command: string, { secret, open, values }: Sealable): Promise<string> {
  const { name } = open.metadata;
  const ran = await run("sh", ["-c", command], { input: toYaml(open), timeoutMs: PATIENCE });
  const fail = (what: string): UserError => {
    const said = redact(lastLines(ran.stderr.trim(), LINES), values.flatMap(readableForms));
    return new UserError(
      `Secret ${secret.system}/${name} was not sealed: ${what}.`,
      [
        ...(said === "" ? [] : [said]),
        `Nothing was written. The command was: ${command}`,
        "It has to read a Secret as YAML from standard input and to print its sealed manifest.",
      ].join("\n"),
    );
  };
  if (ran.code === 124) throw fail(`the command did not end within ${PATIENCE / 1_000} s`);
  if (ran.code !== 0) throw fail(`the command ended with exit code ${ran.code}`);
  if (ran.stdout.trim() === "") throw fail("the command printed nothing");
  // First of all: whatever else is wrong with it, this is what somebody has to know.
  if (shows(ran.stdout, open, values)) throw fail("the command gave a value back that can be read");
  const sealed = manifestsIn(ran.stdout);
  if (sealed === undefined) throw fail("what the command printed is no manifest");
  if (!sealed.some(({ metadata }) => metadata?.name === name)) {
    throw fail("what the command printed is the manifest of something else");
  }
  return ran.stdout.endsWith("\n") ? ran.stdout : `${ran.stdout}\n`;
}

interface Sealed {
  readonly apiVersion?: unknown;
  readonly kind?: unknown;
  readonly metadata?: { readonly name?: unknown };
  readonly data?: Readonly<Record<string, unknown>>;
  readonly stringData?: Readonly<Record<string, unknown>>;
}

/** The objects of a YAML text; undefined when it has none, or something else besides. */
function manifestsIn(text: string): readonly Sealed[] | undefined {
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents) || documents.some(({ errors }) => errors.length > 0)) {
    return undefined;
  }
  const objects = documents.map((document) => document.toJS() as Sealed | null);
  const all = objects.every(
    (object) => typeof object?.apiVersion === "string" && typeof object.kind === "string",
  );
  return all ? (objects as readonly Sealed[]) : undefined;
}

/** Shorter ones stand in any text by chance; {@link shows} finds them where they would be. */
const SHORTEST = 6;

/** Whether somebody could read a value in a text. */
function shows(text: string, open: OpenSecret, values: readonly string[]): boolean {
  // Encoders break lines where they like.
  const bare = (of: string): string => of.replaceAll(/\s/g, "");
  const all = bare(text);
  const found = values
    .flatMap(readableForms)
    .map(bare)
    .some((form) => form.length >= SHORTEST && all.includes(form));
  if (found) return true;
  return (manifestsIn(text) ?? []).some(({ data, stringData }) =>
    Object.entries(open.data).some(
      ([key, value]) =>
        data?.[key] === value || stringData?.[key] === Buffer.from(value, "base64").toString(),
    ),
  );
}

/**
 * What a value looks like in a text that hides nothing: as it is, escaped, in hex, in base64 wherever that
 * begins; and once more, since in the manifest it stands in base64 already.
 */
function readableForms(value: string): string[] {
  const encoded = [value, Buffer.from(value).toString("base64")].flatMap((one) => [
    Buffer.from(one).toString("hex"),
    Buffer.from(one).toString("hex").toUpperCase(),
    ...[0, 1, 2].map((offset) => inBase64(one, offset)),
  ]);
  return [
    ...new Set([
      value,
      JSON.stringify(value).slice(1, -1),
      ...encoded,
      ...encoded.map((one) => one.replaceAll("+", "-").replaceAll("/", "_")),
    ]),
  ].filter((form) => form.length >= SHORTEST);
}

/** The digits that a text has in base64 so many bytes after the begin, whatever stands around it. */
function inBase64(text: string, offset: number): string {
  const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(text)]);
  return bytes
    .toString("base64")
    .slice(Math.ceil((offset * 8) / 6), Math.floor((bytes.length * 8) / 6));
}
