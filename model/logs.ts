import { didYouMean, type Problem } from "./problems";

/** How bad a line is, the worst first. */
export const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug"] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * What a line may say of itself. `level` becomes a label; each other one is searched by, and no label: `time` as the
 * line has it (what orders lines is the engine's own), the session, the user, the request.
 */
export const LOG_FIELDS = ["level", "time", "session_id", "user", "request_id"] as const;

export type LogField = (typeof LOG_FIELDS)[number];

/**
 * How a component's lines are read. What it does not name is found by the usual spellings; a line that does not look
 * like this is kept as it is, and read by them alone.
 */
export interface LogFormat {
  /**
   * Of lines that are JSON objects: where a field is, names with dots between; the first place that has something
   * counts. A number is a place in a list. @example { level: "lvl", request_id: ["req.id", "headers.X-Request-Id.0"] }
   */
  readonly json?: Readonly<Partial<Record<LogField, string | readonly string[]>>>;
  /**
   * Of all others: regular expressions (RE2) with groups that are called as fields; the first that fits counts.
   * @example "^(?P<time>\\S+) (?P<level>[A-Z]+) (?:session (?P<session_id>\\S+): )?"
   */
  readonly text?: string | readonly string[];
  /**
   * What its levels are called beside the usual words, as regular expressions (RE2) for the whole word, in any case.
   * @example { error: "e|5\\d\\d", info: "i|[1-4]\\d\\d" }
   */
  readonly levels?: Readonly<Partial<Record<LogLevel, string>>>;
}

/** One or several, as a list. */
export const listed = (of: string | readonly string[] | undefined): readonly string[] =>
  of === undefined ? [] : typeof of === "string" ? [of] : of;

/** Longest regular expression, in characters. */
const MAX_REGEX = 1_000;

/** Product of all counts of repetitions: what Go takes. */
const MAX_REPEATED = 1_000;

/**
 * Why the collector would not take a regular expression, or undefined. It reads RE2: no looking around, no
 * referring back. Somewhat stricter, so that a mistake is told here and never stops an agent.
 */
export function regexFault(regex: string): string | undefined {
  if (regex === "") return "is empty";
  if (regex.length > MAX_REGEX) return `has more than ${MAX_REGEX} characters`;
  const plain = regex.replace(/\\\\/g, "");
  if (/\(\?<?[=!]/.test(plain)) return "looks around, which RE2 cannot";
  if (/\\[1-9k]/.test(plain)) return "refers back to a group, which RE2 cannot";
  const escape = /\\(?![dDwWsSbBtnr]|[^\w\s])(.?)/s.exec(plain);
  if (escape !== null) return `has \\${escape[1]}, which is none of \\d \\w \\s \\b \\t \\n \\r`;
  // A name of a group comes once; only the way that both know is taken.
  const group = /\(\?(?!:|P<[A-Za-z_]\w*>|i\)|i:|s:)/.exec(plain.replace(/\\./gs, ""));
  if (group !== null) return "has a group that begins otherwise than ( (?: (?P<name> or (?i:";
  const counts = [...plain.replace(/\\./gs, "").matchAll(/\{(\d+)(?:,(\d*))?\}/g)].map(
    ([, least, most]) => Math.max(1, Number(least), Number(most ?? 0)),
  );
  if (counts.reduce((product, count) => product * count, 1) > MAX_REPEATED) {
    return `repeats more than ${MAX_REPEATED} times`;
  }
  try {
    new RegExp(
      regex
        .replace(/^\(\?i\)/, "")
        .replaceAll("(?P<", "(?<")
        .replace(/\(\?[is]:/g, "(?:"),
    );
    return undefined;
  } catch (error) {
    return `is no regular expression: ${(error as Error).message.replace(/^.*\/: /s, "")}`;
  }
}

/** Names of a regular expression's groups. */
const groupsOf = (regex: string): string[] =>
  [...regex.matchAll(/\(\?P<(\w+)>/g)].map(([, name]) => name!);

/** Names with dots between, such as `headers.X-Request-Id.0`. */
const PATH = /^[\w$@-]+(?:\.[\w$@-]+)*$/;

/** Everything that is wrong with how lines are said to be read. @param path of the format, for messages */
export function logFormatProblems(path: string, { json, text, levels }: LogFormat): Problem[] {
  const problems: Problem[] = [];
  const wrong = (at: string, message: string, fix?: string): void => {
    problems.push({ path: `${path}${at}`, message, ...(fix === undefined ? {} : { fix }) });
  };
  const known = (at: string, name: string, names: readonly string[], what: string): void => {
    if (names.includes(name)) return;
    const meant = didYouMean(name, names);
    wrong(
      at,
      `${JSON.stringify(name)} is no ${what}: there are ${names.join(", ")}`,
      meant === undefined ? undefined : `did you mean ${meant}?`,
    );
  };
  const texts = listed(text);
  if (Object.keys(json ?? {}).length + texts.length + Object.keys(levels ?? {}).length === 0) {
    wrong("", "says nothing", "leave it out, or give json, text or levels");
  }
  for (const [field, places] of Object.entries(json ?? {})) {
    known(`.json.${field}`, field, LOG_FIELDS, "field");
    for (const place of listed(places).filter((of) => !PATH.test(of))) {
      wrong(
        `.json.${field}`,
        `${JSON.stringify(place)} is no place in a line of JSON`,
        'names with dots between, for example "request.id"',
      );
    }
  }
  texts.forEach((regex, i) => {
    const at = typeof text === "string" ? ".text" : `.text[${i}]`;
    const fault = regexFault(regex);
    if (fault !== undefined) {
      wrong(at, fault, "see https://github.com/google/re2/wiki/Syntax");
      return;
    }
    const groups = groupsOf(regex);
    groups.forEach((name) => known(at, name, LOG_FIELDS, "field"));
    if (groups.length === 0) {
      wrong(at, "names no field", `name a group: (?P<level>…); there are ${LOG_FIELDS.join(", ")}`);
    }
  });
  for (const [level, words] of Object.entries(levels ?? {})) {
    known(`.levels.${level}`, level, LOG_LEVELS, "level");
    const fault = regexFault(words);
    if (fault !== undefined) wrong(`.levels.${level}`, fault);
  }
  return problems;
}

/** Whose lines are asked for; what is absent does not matter. */
export interface LogFilter {
  readonly system?: string;
  /** Components. @default all */
  readonly services?: readonly string[];
  /** This one and worse. */
  readonly level?: LogLevel;
  readonly session?: string;
  readonly user?: string;
  readonly request?: string;
  /** A text that stands in the line, as it is. */
  readonly grep?: string;
}

/**
 * A text of LogQL, whatever somebody typed: as Go reads it between double quotes. JSON's escapes are Go's, but for
 * halves of characters, which are none.
 */
const quoted = (text: string): string => JSON.stringify(Buffer.from(text).toString());

/** For a regular expression that means the text itself. */
const literally = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");

/** The question for Loki. Nothing that is typed is more than a text in it. */
export function logql(filter: LogFilter): string {
  const { system, services = [], level, session, user, request, grep } = filter;
  const among = (texts: readonly string[]): string => quoted(texts.map(literally).join("|"));
  const levels = LOG_LEVELS.slice(0, level === undefined ? 0 : LOG_LEVELS.indexOf(level) + 1);
  const labels = [
    system === undefined ? `system=~".+"` : `system=${quoted(system)}`,
    ...(services.length === 0 ? [] : [`service=~${among(services)}`]),
    ...(level === undefined ? [] : [`level=~${among(levels)}`]),
  ];
  const identities = { session_id: session, user, request_id: request };
  return [
    `{${labels.join(", ")}}`,
    ...(grep === undefined ? [] : [`|= ${quoted(grep)}`]),
    ...Object.entries(identities).flatMap(([name, value]) =>
      value === undefined ? [] : [`| ${name}=${quoted(value)}`],
    ),
  ].join(" ");
}
