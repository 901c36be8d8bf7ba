import { type LogFilter, logql, type LogLevel } from "../../model/logs";
import { LOGS } from "../../model/observability";
import { didYouMean } from "../../model/problems";
import { noSuchDay } from "../../model/units";
import type { DescribedStack } from "../../stack/describe";
import { ExitCode, UserError } from "../errors";
import { engineOf } from "../health/engine-of";
import { following, type LogLine, lines, printable } from "../logs/loki";
import { momentOf } from "../logs/moments";
import { colour, result, say } from "../output";
import { endOnSignals } from "../process";
import { describedStack } from "../setup/described";
import { checkStackName } from "../setup/prepare";
import { found } from "../tunnel/instance";
import { openTunnel, relayTo } from "../tunnel/tunnel";

/** Options of `logs`. */
export interface LogsOptions {
  readonly stack: string;
  readonly system?: string;
  /** Components. */
  readonly service?: readonly string[];
  readonly level?: LogLevel;
  readonly session?: string;
  readonly user?: string;
  readonly request?: string;
  readonly grep?: string;
  readonly since: string;
  readonly until?: string;
  readonly follow?: boolean;
  readonly json?: boolean;
}

/** Shows what containers printed, of all services in the order of time, through a tunnel to the stack's Loki. */
export async function logs(options: LogsOptions): Promise<void> {
  checkStackName(options.stack);
  // `atalaya logs | head` is read as far as somebody wants to.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(ExitCode.ok);
    throw error;
  });
  const span = spanOf(options, Date.now());
  const stack = describedStack(options.stack);
  const filter = filterOf(stack, options);
  const engine = engineOf(stack);
  const where = { system: LOGS.system, workload: LOGS.store, stack: options.stack };
  // Before anything is promised: is it there at all?
  await found(engine, where);
  let reason: string | undefined;
  const tunnel = await openTunnel({
    connect: async () => engine.invocation(await found(engine, where), relayTo(LOGS.port)),
    preferred: 0,
    onFailure: (why) => (reason = why),
  });
  try {
    await show(`http://127.0.0.1:${tunnel.port}`, filter, span, options);
  } catch (error) {
    if (reason !== undefined) say(`The way to Loki failed: ${printable(reason)}`);
    throw error;
  } finally {
    await tunnel.close();
  }
}

/** From when on, and until when where it ends; milliseconds since 1970. */
interface Span {
  readonly from: number;
  readonly until?: number;
}

/** @throws UserError for what is no moment */
export function spanOf(
  { since, until, follow }: Pick<LogsOptions, "since" | "until" | "follow">,
  now: number,
): Span {
  const moment = (option: string, text: string): number => {
    const at = momentOf(text, now);
    if (at !== undefined) return at;
    throw new UserError(
      `--${option} ${JSON.stringify(text)} is no time${noSuchDay(text)}.`,
      "How long ago (90s, 15m, 1h30m, 2d), or a moment with its zone: 2026-11-23T10:15:00Z",
      ExitCode.usage,
    );
  };
  if (follow && until !== undefined) {
    throw new UserError(
      "--follow has no end, and --until is one.",
      "Leave one out.",
      ExitCode.usage,
    );
  }
  const from = moment("since", since);
  if (until === undefined) return { from };
  const end = moment("until", until);
  if (end > from) return { from, until: end };
  throw new UserError("--until is before --since.", "Exchange them.", ExitCode.usage);
}

/** What is asked for. @throws UserError where there is nothing of that name, or nobody keeps logs */
export function filterOf(
  { stack, systems }: Pick<DescribedStack, "stack" | "systems">,
  options: Omit<LogsOptions, "stack" | "since">,
): LogFilter {
  if (!systems.some(({ name }) => name === LOGS.system)) {
    throw new UserError(
      `Nobody keeps the logs of stack ${stack}.`,
      `npx atalaya pulumi -s ${stack} config set logs on (with monitoring full or lean), then npx atalaya up -s ${stack}`,
      ExitCode.usage,
    );
  }
  const { system, service = [], level, session, user, request, grep } = options;
  const known = (kind: string, name: string, names: readonly string[]): void => {
    if (names.includes(name)) return;
    const meant = didYouMean(name, names);
    throw new UserError(
      `There is no ${kind} ${JSON.stringify(name)}${system === undefined || kind === "system" ? "" : ` in ${system}`}.`,
      meant === undefined ? `There are ${names.join(", ")}.` : `Did you mean "${meant}"?`,
      ExitCode.usage,
    );
  };
  const names = systems.map(({ name }) => name);
  if (system !== undefined) known("system", system, names);
  const components = systems
    .filter(({ name }) => system === undefined || name === system)
    .flatMap((model) => model.components.map(({ name }) => name));
  for (const name of service) known("service", name, [...new Set(components)]);
  return {
    ...(system === undefined ? {} : { system }),
    ...(service.length === 0 ? {} : { services: service }),
    ...(level === undefined ? {} : { level }),
    ...(session === undefined ? {} : { session }),
    ...(user === undefined ? {} : { user }),
    ...(request === undefined ? {} : { request }),
    ...(grep === undefined ? {} : { grep }),
  };
}

/** Asks a Loki and shows what it answers. @param end ends what follows @default a signal to this process */
export async function show(
  url: string,
  filter: LogFilter,
  { from, until }: Span,
  options: Pick<LogsOptions, "follow" | "json">,
  end: AbortSignal = options.follow ? told() : new AbortController().signal,
): Promise<void> {
  const nanoseconds = (at: number): bigint => BigInt(at) * 1_000_000n;
  const question = { url, query: logql(filter), start: nanoseconds(from) };
  const found = options.follow
    ? following(question, end)
    : lines({ ...question, end: nanoseconds(until ?? Date.now()) }, end);
  let count = 0;
  for await (const line of found) {
    count++;
    result(options.json ? asJson(line) : asText(line));
  }
  if (count === 0 && !options.follow) {
    say("No line fits. A longer --since, fewer filters?");
  }
}

/** Aborted once somebody tells this process to end, which is how one leaves. */
function told(): AbortSignal {
  endOnSignals();
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => controller.abort());
  }
  return controller.signal;
}

const isoTime = (time: bigint): string => new Date(Number(time / 1_000_000n)).toISOString();

/**
 * One JSON object a line, so that it can be followed as well. Its time is the engine's, by which lines are in order,
 * not what the line itself calls so.
 */
export function asJson({ time, labels, line }: LogLine): string {
  const moment = { time: isoTime(time), nanoseconds: String(time) };
  return JSON.stringify({ ...moment, ...labels, ...moment, line });
}

const PAINT: Readonly<Record<string, (text: string) => string>> = {
  fatal: colour.red,
  error: colour.red,
  warn: colour.yellow,
  debug: colour.dim,
};

/** `2026-11-28T12:00:00.123Z pronto/api api.1 error …` */
export function asText({ time, labels, line }: LogLine): string {
  const { system = "?", service = "?", instance = "", level = "unknown" } = labels;
  const paint = PAINT[level] ?? ((text: string) => text);
  const whose = printable(`${system}/${service}${instance === "" ? "" : ` ${instance}`}`);
  return `${colour.dim(isoTime(time))} ${colour.cyan(whose)} ${paint(`${printable(level)} ${printable(line)}`)}`;
}
