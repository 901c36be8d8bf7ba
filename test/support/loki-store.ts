import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { parse } from "yaml";
import { type Found, understand } from "./played-logql";
import { firstLines, type Kept } from "./loki";
import { arrivedIn } from "./otlp";

/** One line of the file in a played Loki's folder: as it came, and as often as it came. */
export interface Stored extends Found {
  /** Nanoseconds since 1970. */
  readonly time: string;
}

/** Name of that file. */
export const STORED = "lines.jsonl";

/** What of loki.yaml is played; without one of these it is no file of ours. */
interface LokiFile {
  readonly server: { readonly http_listen_port: number };
  readonly common: { readonly path_prefix: string };
  readonly limits_config: {
    readonly max_entries_limit_per_query: number;
    readonly otlp_config: {
      readonly resource_attributes: {
        readonly ignore_defaults: true;
        readonly attributes_config: readonly {
          readonly action: "index_label";
          readonly attributes: readonly string[];
        }[];
      };
    };
  };
}

/**
 * Plays Loki for those who write to it and ask it, by our own file: takes lines over OTLP, makes labels of the
 * attributes that the file names, keeps everything in its folder, and answers what `atalaya logs` asks. Everything
 * else is refused. As Loki, it shows a line once that came twice.
 */
export class LokiStore {
  private readonly kept: (Kept & Found)[] = [];
  private readonly keys = new Set<string>();
  private repeated = 0;
  private readonly labels: ReadonlySet<string>;
  private readonly most: number;
  private readonly file: string;
  readonly port: number;
  private readonly server: Server;

  /** @param config text of loki.yaml */
  constructor(config: string) {
    const { server, common, limits_config: limits } = parse(config) as LokiFile;
    const { attributes_config: actions } = limits.otlp_config.resource_attributes;
    this.labels = new Set(actions.flatMap(({ attributes }) => attributes));
    this.most = limits.max_entries_limit_per_query;
    this.file = join(common.path_prefix, STORED);
    this.port = server.http_listen_port;
    if (existsSync(this.file)) {
      for (const line of readFileSync(this.file, "utf8").split("\n")) {
        if (line !== "") this.show(JSON.parse(line) as Stored);
      }
    }
    this.server = createServer((request, response) => {
      this.handle(request, response).catch((error: unknown) =>
        response.writeHead(500).end(String(error)),
      );
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((ready) => this.server.listen(this.port, "0.0.0.0", ready));
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }

  private show(of: Stored): void {
    const key = JSON.stringify(of);
    if (this.keys.has(key)) {
      this.repeated++;
      return;
    }
    this.keys.add(key);
    this.kept.push({ ...of, time: BigInt(of.time) });
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url!, "http://loki");
    const say = (status: number, text = "", type = "text/plain"): void => {
      response.writeHead(status, { "content-type": type }).end(text);
    };
    switch (`${request.method} ${pathname}`) {
      case "GET /ready":
        return say(200, "ready\n");
      case "GET /loki/api/v1/status/buildinfo":
        return say(200, JSON.stringify({ version: "played" }), "application/json");
      case "GET /metrics":
        return say(
          200,
          `played_loki_lines_total ${this.kept.length}\nplayed_loki_repeated_total ${this.repeated}\n`,
        );
      case "POST /otlp/v1/logs": {
        const pieces: Buffer[] = [];
        for await (const piece of request) pieces.push(piece as Buffer);
        const whole = Buffer.concat(pieces);
        const gzip = request.headers["content-encoding"] === "gzip";
        this.take(gzip ? gunzipSync(whole) : whole);
        return say(204);
      }
      case "GET /loki/api/v1/query_range":
        try {
          return say(200, this.answer(searchParams), "application/json");
        } catch (error) {
          return say(400, (error as Error).message);
        }
      default:
        return say(404, `${request.method} ${pathname} is not played`);
    }
  }

  /** Whoever sent it is told so once it is on the disk. */
  private take(message: Buffer): void {
    const lines = arrivedIn(message).map(({ labels: resource, attributes, body, time }): Stored => {
      const own = Object.entries(resource).sort();
      const isLabel = ([name]: [string, string]): boolean => this.labels.has(name);
      return {
        time: String(time),
        labels: Object.fromEntries(own.filter(isLabel)),
        attributes: Object.fromEntries([
          ...own.filter((of) => !isLabel(of)),
          ...Object.entries(attributes).sort(),
        ]),
        line: body,
      };
    });
    appendFileSync(this.file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    lines.forEach((line) => this.show(line));
  }

  private answer(asked: URLSearchParams): string {
    const { query, start, end, limit, direction, ...others } = Object.fromEntries(asked);
    if (Object.keys(others).length > 0)
      throw new Error(`not played: ${Object.keys(others).join()}`);
    if (direction !== "forward") throw new Error(`not played: direction=${direction}`);
    const most = Number(limit);
    if (!(most >= 1 && most <= this.most)) {
      throw new Error(`max entries limit per query exceeded, limit > max_entries_limit_per_query`);
    }
    const fits = understand(query!);
    const found = this.kept
      .filter(fits)
      // Attributes come among the labels of a stream.
      .map(({ time, labels, attributes, line }) => ({
        time,
        labels: { ...labels, ...attributes },
        line,
      }));
    const span = { start: BigInt(start!), end: BigInt(end!), limit: most };
    return JSON.stringify({ status: "success", data: firstLines(found, span) });
  }
}
