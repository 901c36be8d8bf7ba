import { randomUUID } from "node:crypto";
import { connect as connectHttp2 } from "node:http2";
import { request } from "node:http";
import { Agent } from "node:https";
import type { TLSSocket } from "node:tls";
import { zstdDecompress, brotliDecompressSync, gunzipSync } from "node:zlib";
import { WebSocket } from "ws";
import { type Answer, handshake } from "../../support/https";
import { measured } from "../../support/measurements";
import { type Live, REQUESTS_PER_SECOND } from "./context";

const HEADERS: Readonly<Record<string, RegExp>> = {
  "strict-transport-security": /^max-age=31536000/,
  "content-security-policy": /default-src 'self'/,
  "x-frame-options": /^DENY$/,
  "x-content-type-options": /^nosniff$/,
  "referrer-policy": /./,
  "x-request-id": /^[0-9a-f-]{36}$/,
};

/** What every answer of the gateway carries, whoever made it. */
export function expectHeaders(answer: Answer): void {
  for (const [name, pattern] of Object.entries(HEADERS)) {
    expect({ [name]: answer.headers[name] }).toEqual({
      [name]: expect.stringMatching(pattern) as unknown,
    });
  }
  expect(answer.headers["server"]).toBeUndefined();
  expect(answer.headers["x-powered-by"]).toBeUndefined();
  expect(answer.headers["via"]).toBeUndefined();
}

/** The gateway and the API as clients see them. */
export function serving(live: Live): void {
  describe("data over HTTPS", () => {
    test("created, read and listed, and read again after the containers were replaced (GG-01)", async () => {
      const name = `item ${randomUUID()}`;
      const id = await live.create(name);
      expect(await live.read(id)).toBe(name);
      const list = await live.ask(`/api/v1/items?after=${id - 1}&limit=1`);
      expect(JSON.parse(list.body.toString())).toMatchObject({ items: [{ id, name }] });

      const before = await live.engine.ids("api");
      await live.engine.replace("api");
      await live.engine.settled("api", 2);
      const after = await live.engine.ids("api");
      expect(after.filter((task) => before.includes(task))).toEqual([]);
      expect(await live.read(id)).toBe(name);
    });
  });

  describe("TLS", () => {
    test.each(["TLSv1.2", "TLSv1.3"] as const)("%s is spoken (GG-04)", async (version) => {
      const socket = await handshake(live.target, { minVersion: version, maxVersion: version });
      expect(socket.getProtocol()).toBe(version);
      expect(socket.authorized).toBe(true);
      socket.destroy();
    });

    test("TLS 1.1 is refused by the gateway (GG-04)", async () => {
      const attempt = handshake(live.target, {
        minVersion: "TLSv1.1",
        maxVersion: "TLSv1.1",
        // Without it this side would not even offer it.
        ciphers: "DEFAULT@SECLEVEL=0",
      });
      await expect(attempt).rejects.toMatchObject({
        code: "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
      });
    });

    test("plain HTTP is sent to HTTPS, with path and query (GG-04)", async () => {
      const { status, location } = await new Promise<{ status?: number; location?: string }>(
        (resolve, reject) => {
          request(
            {
              host: live.address ?? "127.0.0.1",
              port: live.ports.http,
              path: "/docs?a=b%20c",
              headers: { host: `gad.localhost:${live.ports.http}` },
            },
            (response) => {
              response.resume();
              resolve({
                ...(response.statusCode === undefined ? {} : { status: response.statusCode }),
                ...(response.headers.location === undefined
                  ? {}
                  : { location: response.headers.location }),
              });
            },
          )
            .on("error", reject)
            .end();
        },
      );
      expect(status).toBe(308);
      const port = live.ports.https === 443 ? "" : `:${live.ports.https}`;
      expect(location).toBe(`https://gad.localhost${port}/docs?a=b%20c`);
    });

    test("HTTP/2 is negotiated and works (GG-04)", async () => {
      const socket = await handshake(live.target, { ALPNProtocols: ["h2", "http/1.1"] });
      expect(socket.alpnProtocol).toBe("h2");
      const session = connectHttp2(`https://gad.localhost:${live.ports.https}`, {
        createConnection: () => socket,
      });
      const status = await new Promise((resolve, reject) => {
        session.on("error", reject);
        const stream = session.request({ ":path": "/health" });
        stream.on("response", (headers) => resolve(headers[":status"]));
        stream.on("error", reject);
        stream.resume();
      });
      session.close();
      expect(status).toBe(200);
    });
  });

  describe("headers", () => {
    test.each([
      ["an answer of the API", "/health", 200],
      ["a page of the API", "/docs", 200],
      ["an error of the API", "/no-such-route", 404],
      ["an error of the gateway", "/metrics", 404],
    ])("%s carries every one (GG-04)", async (_what, path, status) => {
      const answer = await live.ask(path);
      expect(answer.status).toBe(status);
      expectHeaders(answer);
    });

    test("a name that the gateway does not serve gets its error page (GG-04)", async () => {
      const answer = await live.ask("/", { headers: { host: "other.localhost" } });
      expect([404, 421]).toContain(answer.status);
      expectHeaders(answer);
    });

    test("an error page is HTML for people and names the id that the logs have (GG-04)", async () => {
      const answer = await live.ask("/metrics");
      expect(answer.headers["content-type"]).toMatch(/^text\/html/);
      const id = answer.headers["x-request-id"] as string;
      expect(answer.body.toString()).toContain(id);
    });
  });

  describe("compression", () => {
    const decoders: readonly [string, (body: Buffer) => Promise<Buffer>][] = [
      ["zstd", (body) => unzstd(body, live)],
      ["gzip", (body) => Promise.resolve(gunzipSync(body))],
      ["br", (body) => Promise.resolve(brotliDecompressSync(body))],
    ];

    test.each(decoders)("%s, when it is asked for (GG-04)", async (encoding, decode) => {
      const plain = await live.ask("/openapi.json");
      expect(plain.headers["content-encoding"]).toBeUndefined();
      const answer = await live.ask("/openapi.json", { headers: { "accept-encoding": encoding } });
      expect(answer.headers["content-encoding"]).toBe(encoding);
      expect(answer.headers["vary"]).toMatch(/accept-encoding/i);
      expect(answer.body.length).toBeLessThan(plain.body.length / 2);
      expect((await decode(answer.body)).equals(plain.body)).toBe(true);
    });
  });

  describe("WebSocket", () => {
    test("says hello and echoes through the gateway (GG-01, GG-04)", async () => {
      // A WebSocket of this kind is a request of HTTP/1.1.
      const connection = await handshake(live.target, { ALPNProtocols: ["http/1.1"] });
      const socket = new WebSocket(`wss://gad.localhost:${live.ports.https}/ws/connect`, {
        agent: new OneConnection(connection),
      });
      const messages: unknown[] = [];
      const text = randomUUID();
      await new Promise<void>((resolve, reject) => {
        socket.on("error", reject);
        socket.on("close", () => reject(new Error(`closed after ${JSON.stringify(messages)}`)));
        socket.on("message", (data: Buffer) => {
          messages.push(JSON.parse(data.toString()));
          if (messages.length === 1) socket.send(text);
          else resolve();
        });
      });
      socket.terminate();
      expect(messages[0]).toMatchObject({ type: "hello" });
      expect(messages[1]).toMatchObject({ type: "echo", data: text });
    });
  });

  describe("rate limit", () => {
    test("a client that asks too often gets 429 with Retry-After; another is served (GG-04)", async () => {
      const burst = REQUESTS_PER_SECOND * 5;
      const at = (client: number, count: number, every: number): Promise<Burst> =>
        live.clients.node<Burst>(client, "burst-main.ts", live.target, { count, every });
      const [greedy, modest] = await Promise.all([
        at(0, burst, 0),
        // Twenty a second, for as long as the other one takes and longer.
        at(1, 60, 50),
      ]);
      measured("burst", { sent: burst, greedy: greedy.statuses, modest: modest.statuses });
      expect(greedy.statuses["429"]).toBeGreaterThan(0);
      expect(greedy.statuses["200"]).toBeGreaterThanOrEqual(REQUESTS_PER_SECOND / 2);
      expect(Object.keys(greedy.statuses).sort()).toEqual(["200", "429"]);
      expect(greedy.retryAfter).toBeGreaterThanOrEqual(1);
      expect(modest.statuses).toEqual({ "200": 60 });
    });
  });

  describe("/metrics", () => {
    hiddenMetrics(live);

    test("a linked workload gets it inside (GG-06)", async () => {
      const bot = await live.engine.one("bot");
      const ran = await live.engine.exec(bot, [
        "curl",
        "-fsS",
        "-m",
        "5",
        "http://api:8000/metrics",
      ]);
      // Whichever instance answers, it may not have served anybody yet.
      expect(ran.stdout).toMatch(/^service_info\{/m);
    });
  });
}

/** Metrics are for those inside, however their path is written (GG-01). */
export function hiddenMetrics(live: Live): void {
  test.each([
    ...["/metrics", "/METRICS", "/Metrics", "//metrics", "/metrics/", "/metrics//", "/metrics?x=1"],
    ...[
      "/%6detrics",
      "/%6Detrics",
      "/%2fmetrics",
      "/%2Fmetrics",
      "/./metrics",
      "/health/../metrics",
    ],
    ...["/metrics%20", "/metrics;x", "/metrics%00", "/.//metrics", "/health/%2e%2e/metrics"],
    ...["/metrics/x", "/\\metrics", "/upstreams/api/metrics"],
  ])("%s shows nothing outside (GG-01)", async (path) => {
    const answer = await live.ask(path);
    expect(answer.body.toString()).not.toMatch(/http_requests_total|process_cpu/);
    expect([400, 404]).toContain(answer.status);
  });
}

/** Hands out a connection that is open already. */
export class OneConnection extends Agent {
  constructor(private readonly connection: TLSSocket) {
    super();
  }

  override createConnection(): TLSSocket {
    return this.connection;
  }
}

interface Burst {
  readonly statuses: Record<string, number>;
  /** Smallest Retry-After seen, in seconds. */
  readonly retryAfter?: number;
}

/** Older Node.js has no zstd of its own: the one in the service's image does it then. */
async function unzstd(body: Buffer, live: Live): Promise<Buffer> {
  if (typeof zstdDecompress === "function") {
    return new Promise((resolve, reject) =>
      zstdDecompress(body, (error, plain) => (error ? reject(error) : resolve(plain))),
    );
  }
  const ran = await live.engine.exec(
    await live.engine.one("api"),
    [
      ...["node", "-e"],
      `const z = require("node:zlib"); let t = ""; process.stdin.on("data", (d) => (t += d));
       process.stdin.on("end", () => process.stdout.write(
         z.zstdDecompressSync(Buffer.from(t, "base64")).toString("base64")));`,
    ],
    { input: body.toString("base64") },
  );
  if (ran.code !== 0) throw new Error(ran.stderr);
  return Buffer.from(ran.stdout, "base64");
}
