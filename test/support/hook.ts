import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A request that was taken. */
export interface Call {
  readonly path: string;
  readonly body: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Takes every request and says that all is well: the other end of a webhook. */
export class HookSink {
  readonly received: Call[] = [];

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  /** @param address where it listens @default every address */
  static async start(address = "0.0.0.0"): Promise<HookSink> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, address, resolve);
    });
    const sink = new HookSink(server, (server.address() as AddressInfo).port);
    server.on("request", (request, response) => {
      let body = "";
      request.setEncoding("utf8");
      request.on("data", (chunk: string) => (body += chunk));
      request.on("end", () => {
        sink.received.push({ path: request.url ?? "", body, at: Date.now() });
        response.end("ok");
      });
    });
    return sink;
  }

  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}
