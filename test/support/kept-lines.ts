import { LOGS } from "../../model/observability";

/** A line as Loki keeps it. */
export interface Kept {
  /** Nanoseconds since 1970. */
  readonly time: string;
  /** Of its stream. */
  readonly labels: Readonly<Record<string, string>>;
  /** Loki's structured metadata: no stream of its own. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly line: string;
}

interface Answer {
  readonly data: {
    readonly result: readonly {
      readonly stream: Readonly<Record<string, string>>;
      readonly values: readonly (readonly [
        time: string,
        line: string,
        of?: { readonly structuredMetadata?: Readonly<Record<string, string>> },
      ])[];
    }[];
  };
}

/** Has Loki tell labels and attributes apart, which it mixes otherwise. */
const APART = "X-Loki-Response-Encoding-Flags: categorize-labels";

/** As many as our Loki gives at once. */
const PAGE = 5_000;

/** Asks Loki for an address below its root. @param header one that goes along */
export type Get = (path: string, header: string) => Promise<string>;

/** By curl where Loki itself runs. */
export const curlOf = (path: string, header: string): string[] => [
  ...["curl", "-sSf", "-H", header, `http://localhost:${LOGS.port}${path}`],
];

/**
 * All lines of a question, in the order of time.
 * @param query LogQL that finds lines. @default everything
 * @param hours how far back
 */
export async function keptLines(get: Get, query = '{system=~".+"}', hours = 24): Promise<Kept[]> {
  const found = new Map<string, Kept>();
  const now = Date.now();
  const end = `${now + 3_600_000}000000`;
  for (let start = `${now - hours * 3_600_000}000000`; ;) {
    const asked = new URLSearchParams({
      ...{ query, start, end, limit: String(PAGE), direction: "forward" },
    });
    const { data } = JSON.parse(
      await get(`/loki/api/v1/query_range?${asked.toString()}`, APART),
    ) as Answer;
    const page = data.result
      .flatMap(({ stream, values }) =>
        values.map(([time, line, of]): Kept => {
          return { time, labels: stream, attributes: of?.structuredMetadata ?? {}, line };
        }),
      )
      .sort((a, b) => (BigInt(a.time) < BigInt(b.time) ? -1 : 1));
    const before = found.size;
    // A page begins with the last one's last moment.
    for (const line of page) found.set(JSON.stringify(line), line);
    if (page.length < PAGE) return [...found.values()];
    if (found.size === before) throw new Error(`more than ${PAGE} lines of one moment`);
    start = page.at(-1)!.time;
  }
}
