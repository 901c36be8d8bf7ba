import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import {
  storeConfig,
  type StoreConfigArgs,
} from "../../components/observability/logs/store-config";
import { type Running, start } from "./commands";
import type { Get, Kept } from "./kept-lines";
import { until } from "./poll";
import { freePorts } from "./workspace";

/** Loki itself with our file, as a process of this machine. */
export class LokiServer {
  private running: Running | undefined;

  private constructor(
    private readonly program: string,
    private readonly args: readonly string[],
    readonly url: string,
  ) {}

  /**
   * @param folder of its volume
   * @param flags go before what the file says
   */
  static async start(
    program: string,
    folder: string,
    { keep = "30 d", bySystem = {} }: Partial<Pick<StoreConfigArgs, "keep" | "bySystem">> = {},
    flags: readonly string[] = [],
  ): Promise<LokiServer> {
    const [port, inside] = (await freePorts(2)) as [number, number];
    mkdirSync(folder, { recursive: true });
    const file = join(folder, "loki.yaml");
    writeFileSync(file, stringify(storeConfig({ port, folder, keep, bySystem, memory: 2 ** 29 })));
    const server = new LokiServer(
      program,
      // Several may run, and who has begun waits for nobody else.
      [
        ...[`-config.file=${file}`, `-server.grpc-listen-port=${inside}`],
        ...["-ingester.min-ready-duration=0s", ...flags],
      ],
      `http://127.0.0.1:${port}`,
    );
    await server.begin();
    return server;
  }

  /** With what its folder has. */
  async begin(): Promise<void> {
    this.running = start(this.program, this.args);
    await until("Loki is ready", { within: 60_000 }, async () => {
      return (await fetch(`${this.url}/ready`)).ok;
    });
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    this.running?.signal(signal);
    await this.running?.ended;
    this.running = undefined;
  }

  /** For `keptLines`. */
  readonly get: Get = async (path, header) => {
    const [, name, value] = /^([^:]+): (.*)$/.exec(header)!;
    const response = await fetch(`${this.url}${path}`, { headers: { [name!]: value! } });
    const text = await response.text();
    if (!response.ok) throw new Error(`Loki says ${response.status}: ${text}`);
    return text;
  };

  /** Has it take lines as an agent sends them. @returns what it answers */
  async take(lines: readonly Kept[]): Promise<Response> {
    const pairs = (of: Readonly<Record<string, string>>): object[] =>
      Object.entries(of).map(([key, stringValue]) => ({ key, value: { stringValue } }));
    return await fetch(`${this.url}/otlp/v1/logs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        resourceLogs: lines.map(({ time, labels, attributes, line }) => ({
          resource: { attributes: pairs(labels) },
          scopeLogs: [
            {
              logRecords: [
                {
                  timeUnixNano: time,
                  body: { stringValue: line },
                  attributes: pairs(attributes),
                },
              ],
            },
          ],
        })),
      }),
    });
  }
}
