import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";

/** One line as it arrived: what the store would find it by, what it has besides, and the line itself. */
export interface Arrived {
  readonly labels: Readonly<Record<string, string>>;
  readonly attributes: Readonly<Record<string, string>>;
  readonly body: string;
  /** Nanoseconds since 1970. */
  readonly time: bigint;
}

/** A field of a protobuf message: number and bytes, or a 64-bit number. */
type Field = readonly [number: number, value: Buffer | bigint];

/** The fields of a message, whatever it is: as much of the format as logs need. */
function fields(message: Buffer): Field[] {
  const found: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const key = Number(varint());
    const number = key >> 3;
    switch (key & 7) {
      case 0:
        found.push([number, varint()]);
        break;
      case 1:
        found.push([number, message.readBigUInt64LE(at)]);
        at += 8;
        break;
      case 2: {
        const length = Number(varint());
        found.push([number, message.subarray(at, at + length)]);
        at += length;
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        throw new Error(`no wire type ${key & 7}`);
    }
  }
  return found;
}

const all = (message: Buffer, number: number): Buffer[] =>
  fields(message).flatMap(([of, value]) =>
    of === number && Buffer.isBuffer(value) ? [value] : [],
  );

/** `KeyValue`s whose values are texts. */
const texts = (pairs: readonly Buffer[]): Record<string, string> =>
  Object.fromEntries(
    pairs.map((pair) => {
      const value = all(pair, 2)[0] ?? Buffer.alloc(0);
      return [all(pair, 1)[0]!.toString(), all(value, 1)[0]?.toString() ?? ""];
    }),
  );

/** An `ExportLogsServiceRequest`. */
function arrivedIn(request: Buffer): Arrived[] {
  return all(request, 1).flatMap((resource) => {
    const labels = texts(all(resource, 1).flatMap((of) => all(of, 1)));
    return all(resource, 2).flatMap((scope) =>
      all(scope, 2).map((record) => ({
        labels,
        attributes: texts(all(record, 6)),
        body: all(record, 5).map((value) => all(value, 1)[0]?.toString() ?? "")[0] ?? "",
        time: fields(record).find(([number]) => number === 1)?.[1] as bigint,
      })),
    );
  });
}

/** Takes logs as Loki does (OTLP over HTTP, at /otlp), and keeps them; it can be away for a while. */
export class LogSink {
  readonly arrived: Arrived[] = [];
  /** Requests that were taken, by how many lines each had. */
  readonly requests: number[] = [];
  private server: Server | undefined;

  private constructor(private taken = 0) {}

  static async start(port = 0): Promise<LogSink> {
    const sink = new LogSink(port);
    await sink.back();
    return sink;
  }

  get port(): number {
    return this.taken;
  }

  /** At the same port as before. */
  async back(): Promise<void> {
    const server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on("data", (piece: Buffer) => pieces.push(piece));
      request.on("end", () => {
        const whole = Buffer.concat(pieces);
        const gzip = request.headers["content-encoding"] === "gzip";
        if (request.url !== "/otlp/v1/logs") {
          response.writeHead(404).end();
          return;
        }
        const lines = arrivedIn(gzip ? gunzipSync(whole) : whole);
        this.arrived.push(...lines);
        this.requests.push(lines.length);
        response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
      });
    });
    this.server = server;
    await new Promise<void>((ready) => server.listen(this.taken, "127.0.0.1", ready));
    this.taken = (server.address() as AddressInfo).port;
  }

  /** Nobody answers at its port any more. */
  async away(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    server?.closeAllConnections();
    await new Promise<void>((closed) =>
      server === undefined ? closed() : server.close(() => closed()),
    );
  }
}
