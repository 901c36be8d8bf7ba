import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A line that a played Loki has. */
export interface Kept {
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  readonly labels: Readonly<Record<string, string>>;
  readonly line: string;
}

/** A question as it came. */
export interface Asked {
  readonly path: string;
  readonly query: string;
  readonly start: bigint;
  readonly end: bigint;
  readonly limit: number;
}

/** The first lines of a span of time, over all streams, each stream with its own labels, as `query_range` has them. */
function firstLines(
  kept: readonly Kept[],
  { start, end, limit }: Pick<Asked, "start" | "end" | "limit">,
): object {
  const found = kept
    .filter(({ time }) => time >= start && time < end)
    .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
    .slice(0, limit);
  const streams = new Map<string, { stream: object; values: [string, string][] }>();
  for (const { time, labels, line } of found) {
    const key = JSON.stringify(labels);
    const { values } =
      streams.get(key) ?? streams.set(key, { stream: labels, values: [] }).get(key)!;
    values.push([String(time), line]);
  }
  return { resultType: "streams", result: [...streams.values()], stats: {} };
}

/** Answers as Loki's `query_range` does. It has no LogQL: `fits` chooses. */
export class PlayedLoki {
  readonly asked: Asked[] = [];
  readonly kept: Kept[] = [];
  fits: (of: Kept, asked: Asked) => boolean = () => true;
  /** Instead of an answer. */
  refuses: { readonly status: number; readonly text: string } | undefined;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<PlayedLoki> {
    const server = createServer();
    const loki = new PlayedLoki(server);
    server.on("request", (request, response) => {
      const { pathname, searchParams } = new URL(request.url!, "http://loki");
      if (loki.refuses !== undefined) {
        response.writeHead(loki.refuses.status).end(loki.refuses.text);
        return;
      }
      const asked: Asked = {
        path: pathname,
        query: searchParams.get("query") ?? "",
        start: BigInt(searchParams.get("start") ?? 0),
        end: BigInt(searchParams.get("end") ?? 0),
        limit: Number(searchParams.get("limit") ?? 100),
      };
      loki.asked.push(asked);
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ status: "success", data: loki.answer(asked) }));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return loki;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  private answer(asked: Asked): object {
    return firstLines(
      this.kept.filter((of) => this.fits(of, asked)),
      asked,
    );
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }
}
