import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { UserError } from "../errors";

/** A line that a container printed. */
export interface LogLine {
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  /** What it is found by, and what it says of itself: system, service, instance, level, session_id, … */
  readonly labels: Readonly<Record<string, string>>;
  readonly line: string;
}

/** What is asked of a Loki. */
export interface LogQuestion {
  /** @example "http://127.0.0.1:3100" */
  readonly url: string;
  /** LogQL. */
  readonly query: string;
  /** Nanoseconds since 1970: from, and up to but without. */
  readonly start: bigint;
  readonly end: bigint;
}

/** Lines in one answer: what our Loki allows at most is 5000. */
const PAGE = 1_000;
const MOST = 5_000;

/** Milliseconds that one answer may take. */
const PATIENCE_MS = 60_000;

const answer = z.object({
  data: z.object({
    resultType: z.literal("streams"),
    result: z.array(
      z.object({
        stream: z.record(z.string(), z.string()),
        values: z.array(z.tuple([z.string(), z.string()]).rest(z.unknown())),
      }),
    ),
  }),
});

/** Lines of all streams in the order of time, `limit` at most. @throws UserError where Loki does not give them */
async function ask(of: LogQuestion, limit: number, signal?: AbortSignal): Promise<LogLine[]> {
  const parameters = new URLSearchParams({
    query: of.query,
    start: String(of.start),
    end: String(of.end),
    limit: String(limit),
    direction: "forward",
  });
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${of.url}/loki/api/v1/query_range?${parameters.toString()}`, {
      signal: AbortSignal.any([
        AbortSignal.timeout(PATIENCE_MS),
        ...(signal === undefined ? [] : [signal]),
      ]),
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) return [];
    throw new UserError(
      "Loki does not answer.",
      "npx atalaya health --system logs says why; meanwhile `docker service logs` or `kubectl logs` shows the newest lines.",
      undefined,
      { cause: error },
    );
  }
  if (!response.ok) {
    throw new UserError(
      `Loki refuses the question (${response.status}): ${printable(text.trim().slice(0, 300))}`,
      "A shorter time or fewer services may do.",
    );
  }
  const read = answer.safeParse(parsed(text));
  if (!read.success) {
    throw new UserError("What answers is no Loki.", "npx atalaya health --system logs says more.");
  }
  return read.data.data.result
    .flatMap(({ stream, values }) =>
      values.map(([time, line]): LogLine => ({ time: BigInt(time), labels: stream, line })),
    )
    .sort(byTime);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const byTime = (a: LogLine, b: LogLine): number => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0);

const key = ({ time, labels, line }: LogLine): string =>
  JSON.stringify([String(time), Object.entries(labels).sort(), line]);

/** All lines, page after page, in the order of time. */
export async function* lines(of: LogQuestion, signal?: AbortSignal): AsyncGenerator<LogLine> {
  let { start } = of;
  let limit = PAGE;
  // Those of the last moment: the next page begins with them.
  let seen = new Set<string>();
  while (start < of.end && !signal?.aborted) {
    const page = await ask({ ...of, start }, limit, signal);
    yield* page.filter((line) => !seen.has(key(line)));
    const last = page.at(-1);
    if (last === undefined || page.length < limit) return;
    if (last.time === start && limit < MOST) {
      // More lines of one moment than a page has.
      limit = MOST;
      seen = new Set([...seen, ...page.map(key)]);
      continue;
    }
    limit = PAGE;
    seen = new Set(page.filter(({ time }) => time === last.time).map(key));
    // So many of one moment that no page holds them: on with the next one.
    start = last.time === start ? start + 1n : last.time;
  }
}

/** Nanoseconds that a line may take from its container to the store. */
const LATE = 20_000_000_000n;

/** Milliseconds between two looks. */
const LOOK_MS = 1_000;

/** What comes from now on, until it is told to end; lines of several nodes come a little late. */
export async function* following(
  of: Omit<LogQuestion, "end">,
  signal: AbortSignal,
  now: () => bigint = () => BigInt(Date.now()) * 1_000_000n,
): AsyncGenerator<LogLine> {
  let seen = new Map<string, bigint>();
  let from = of.start;
  while (!signal.aborted) {
    const until = now();
    for await (const line of lines({ ...of, start: from, end: until }, signal)) {
      const as = key(line);
      if (seen.has(as)) continue;
      seen.set(as, line.time);
      yield line;
    }
    const next = until - LATE;
    from = next > of.start ? next : of.start;
    seen = new Map([...seen].filter(([, time]) => time >= from));
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** A text of somebody else's on a terminal: what would move its cursor or colour it is shown instead. */
export const printable = (text: string): string =>
  // eslint-disable-next-line no-control-regex -- that is what it is about
  text.replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (of) => {
    const code = of.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
  });
