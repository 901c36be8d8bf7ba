import { randomUUID } from "node:crypto";
import { type IncomingHttpHeaders, request } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { Agent } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { WebSocket } from "ws";
import { expectCode } from "../../support/commands";
import { handshake } from "../../support/https";
import { measured } from "../../support/measurements";
import { until } from "../../support/poll";
import type { Live } from "./context";
import { expectHeaders, hiddenMetrics, OneConnection } from "./serving";

export type Kind = "caddy" | "nginx";

interface Flood {
  readonly statuses: Record<string, number>;
  /** Smallest Retry-After seen, in seconds. */
  readonly retryAfter: number;
}

interface Burst {
  readonly statuses: Record<string, number>;
  readonly p95Ms: { readonly flood: number; readonly quiet: number };
}

/** Of the others' P95 by a flood, and how that was answered. */
interface Growth {
  readonly growth: number;
  readonly p95Ms: Burst["p95Ms"];
  readonly flood: Burst["statuses"];
}

/** What a gateway of either kind does, as clients of `programs/gateway.ts` see it (PR-12, PR-15, GG-04). */
export function gatewayCases(live: Live, kind: Kind): void {
  describe(`TLS (${kind})`, () => {
    test.each(["TLSv1.2", "TLSv1.3"] as const)("%s is spoken", async (version) => {
      const socket = await handshake(live.target, { minVersion: version, maxVersion: version });
      expect([socket.getProtocol(), socket.authorized]).toEqual([version, true]);
      socket.destroy();
    });

    test("TLS 1.1, and 1.2 without forward secrecy or authenticated encryption, are refused", async () => {
      const weak = [
        { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" },
        ...["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA"].map(
          (cipher) => ({ maxVersion: "TLSv1.2", ciphers: `${cipher}:@SECLEVEL=0` }) as const,
        ),
      ] as const;
      for (const options of weak) {
        await expect(handshake(live.target, options)).rejects.toMatchObject({
          // The gateway says no, not this side.
          code: expect.stringMatching(/_ALERT_/) as unknown,
        });
      }
    });

    test("a name that is not served gets no certificate", async () => {
      await expect(handshake(live.target, { servername: "other.localhost" })).rejects.toMatchObject(
        { code: expect.stringMatching(/^ERR_SSL_TLSV1_/) as unknown },
      );
    });

    test("plain HTTP is sent to HTTPS, with path and query", async () => {
      const port = live.ports.https === 443 ? "" : `:${live.ports.https}`;
      const { status, headers } = await plain(live, "/docs?a=b%20c");
      expect([status, headers.location]).toEqual([308, `https://${live.host}${port}/docs?a=b%20c`]);
      expect(headers).not.toHaveProperty("server");
    });

    test("HTTP/2 is negotiated and works", async () => {
      const socket = await handshake(live.target, { ALPNProtocols: ["h2", "http/1.1"] });
      expect(socket.alpnProtocol).toBe("h2");
      const session = connectHttp2(`https://${live.host}:${live.ports.https}`, {
        createConnection: () => socket,
      });
      const status = await new Promise((resolve, reject) => {
        const stream = session.request({ ":path": "/health" });
        stream.on("response", (headers) => resolve(headers[":status"]));
        stream.on("error", reject);
        stream.resume();
      });
      session.close();
      expect(status).toBe(200);
    });
  });

  describe(`headers (${kind})`, () => {
    test.each([
      ["an answer of the service", "/health", 200],
      ["an error of the service", "/no-such-route", 404],
      ["an error of the gateway", "/metrics", 404],
    ])(
      "%s carries every one, and those of the configuration as they are written",
      async (_what, path, status) => {
        const answer = await live.ask(path);
        expect(answer.status).toBe(status);
        expectHeaders(answer);
        expect(answer.headers["x-robots-tag"]).toBe("noindex, $host {env.HOME}");
      },
    );

    test("what is no request is told so, by nothing that names the server", async () => {
      const answer = await raw(live, `GET / HTTP/1.1\r\nHost: ${live.host}\r\nHost: b\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 400/);
      expect(answer).not.toMatch(/^server:|nginx|caddy/im);
      // Caddy's library answers such ones before Caddy has them.
      if (kind === "nginx") expect(answer).toMatch(/^strict-transport-security: max-age=/im);
    });

    test("a route's own policy takes the gateway's place", async () => {
      const answer = await live.ask("/docs/none");
      expect(answer.headers["content-security-policy"]).toBe("default-src 'none'");
    });

    test("a request's id is passed on where it has the form of one, else made", async () => {
      const own = randomUUID();
      // Not one that probes ask for: those are in no log.
      const path = "/api/v1/items?limit=1";
      const kept = await live.ask(path, { headers: { "x-request-id": own } });
      expect(kept.headers["x-request-id"]).toBe(own);
      const other = await live.ask(path, { headers: { "x-request-id": '"; x' } });
      expect(other.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
      await until("both logs have the id", { within: 5_000 }, async () => {
        const logs = await Promise.all(["edge", "api"].map((of) => live.engine.logsOf(of)));
        return logs.every((text) => text.includes(own));
      });
    });

    test("a host in maintenance says when to come back", async () => {
      const answer = await live.ask("/anything", { headers: { host: "closed.localhost" } });
      expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "90"]);
      expect(answer.body.toString()).toContain("En mantenimiento");
    });
  });

  describe(`metrics (${kind})`, () => hiddenMetrics(live));

  webSocket(live, kind);

  describe(`limits (${kind})`, () => {
    test("a flood by one client gets 429 with Retry-After; the others are served in time (PR-15, GG-12)", async () => {
      // By turns a second of flood and one of quiet: whatever else this machine does is in both.
      const spans = { after: 2_000, pulse: 3_000 };
      const seen: Growth[] = [];
      // It goes up and down by a quarter without any flood, so the middle one of three counts.
      while (seen.length < 3) {
        const [flood, { statuses, p95Ms }] = await Promise.all([
          live.clients.node<Flood>(0, "flood-main.ts", live.target, {
            ...{ count: 2_000, every: 3 },
            ...spans,
          }),
          live.clients.node<Burst>(1, "burst-main.ts", live.target, {
            ...{ count: 680, every: 25 },
            ...spans,
          }),
        ]);
        seen.push({ growth: p95Ms.flood / p95Ms.quiet, p95Ms, flood: flood.statuses });
        expect(statuses).toEqual({ "200": 680 });
        expect(Object.keys(flood.statuses).sort()).toEqual(["200", "429"]);
        expect(flood.statuses["429"]).toBeGreaterThan(1_000);
        expect(flood.retryAfter).toBeGreaterThanOrEqual(1);
      }
      measured(`flood (${kind}, ${live.engine.name})`, seen);
      const [, { growth, p95Ms }] = seen.sort((a, b) => a.growth - b.growth) as [object, Growth];
      // It grows by less than a fifth. What the flood's own sender takes of two cores that all share is a few ms more of
      // everything, which of a few ms is a large share (docs/measurements.md).
      expect(growth < 1.2 || p95Ms.flood - p95Ms.quiet < 15).toBe(true);
    });

    test("a stricter limit holds on its path alone", async () => {
      const statuses: number[] = [];
      for (let n = 0; n < 8; n++) statuses.push((await live.ask("/api/v1/session")).status);
      expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(2);
      const refused = await live.ask("/api/v1/session");
      expect(refused.status).toBe(429);
      expect(Number(refused.headers["retry-after"])).toBeGreaterThanOrEqual(1);
      expectHeaders(refused);
      expect((await live.ask("/health")).status).toBe(200);
    });

    test("a body over the limit is refused", async () => {
      const body = JSON.stringify({ name: "x", note: "y".repeat(4_300_000) });
      const answer = await raw(
        live,
        `POST /api/v1/items HTTP/1.1\r\nHost: ${live.host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 413/);
    });
  });

  describe(`bad clients (${kind})`, () => {
    /** Heads over which two servers could disagree where a request ends. */
    const SMUGGLING: Readonly<Record<string, string>> = {
      "a length and chunks": "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
      "two lengths": "Content-Length: 4\r\nContent-Length: 44\r\n",
      "a length with a sign": "Content-Length: +4\r\n",
      "chunks of an unknown kind": "Transfer-Encoding: xchunked\r\nContent-Length: 4\r\n",
      "chunks behind a space": "Transfer-Encoding : chunked\r\nContent-Length: 4\r\n",
      "chunks by two names": "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
      "chunks in a folded line": "X-A: b\r\n Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
      "chunks behind a bare line feed":
        "X-A: b\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n",
    };

    test("no request reaches the service that the gateway did not see; each client gets its own answers", async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 2 });
      const [control, ...markers] = Array.from(
        { length: Object.keys(SMUGGLING).length + 1 },
        () => `/smuggled-${randomUUID()}`,
      ) as [string, ...string[]];
      const others = Array.from({ length: 60 }, async (_, n) => {
        await sleep(n * 40);
        const id = randomUUID();
        const { status, headers } = await live.ask("/api/v1/items?limit=1", {
          agent,
          headers: { "x-request-id": id },
        });
        return [status, headers["x-request-id"] === id];
      });
      await live.ask(control);
      const answers = await Promise.all(
        Object.values(SMUGGLING).map((head, i) =>
          raw(
            live,
            `POST /api/v1/items HTTP/1.1\r\nHost: ${live.host}\r\nContent-Type: application/json\r\n${head}\r\n` +
              `0\r\n\r\nGET ${markers[i]} HTTP/1.1\r\nHost: ${live.host}\r\n\r\n`,
          ),
        ),
      );
      for (const answer of answers) expect(answer).toMatch(/^(?:HTTP\/1\.1 (?:4\d\d|501|505)|$)/);
      expect(await Promise.all(others)).toEqual(Array.from({ length: 60 }, () => [200, true]));
      agent.destroy();

      const seen = async (workload: string): Promise<string[]> => {
        const log = await live.engine.logsOf(workload);
        return [control, ...markers].filter((marker) => log.includes(marker));
      };
      await until("the control is in both logs", { within: 5_000 }, async () =>
        (await Promise.all(["edge", "api"].map(seen))).every((all) => all.includes(control)),
      );
      const [gateway, service] = [await seen("edge"), await seen("api")];
      expect(service.filter((marker) => !gateway.includes(marker))).toEqual([]);
      // Nginx takes none of these for a request; Caddy reads one or the other, and passes on what it has read.
      if (kind === "nginx") expect(service).toEqual([control]);
    });

    test("clients that send slowly are let go, and others do not notice", async () => {
      const open: TLSSocket[] = [];
      const closed: Promise<number>[] = [];
      const begun = Date.now();
      for (let n = 0; n < 30; n++) {
        const socket = await handshake(live.target, { ALPNProtocols: ["http/1.1"] });
        socket.on("error", () => undefined);
        open.push(socket);
        closed.push(
          new Promise((resolve) => socket.on("close", () => resolve(Date.now() - begun))),
        );
        // Half of them a head that never ends, half a body.
        socket.write(
          n % 2 === 0
            ? `GET / HTTP/1.1\r\nHost: ${live.host}\r\nX-A: `
            : `POST /api/v1/items HTTP/1.1\r\nHost: ${live.host}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`,
        );
        socket.resume();
      }
      const times: number[] = [];
      for (let n = 0; n < 20; n++) {
        const asked = Date.now();
        expect((await live.ask("/api/v1/items?limit=1")).status).toBe(200);
        times.push(Date.now() - asked);
        await sleep(50);
      }
      const letGo = await Promise.all(closed);
      for (const socket of open) socket.destroy();
      measured(`slow clients (${kind}, ${live.engine.name})`, {
        letGoAfterMs: Math.max(...letGo),
        othersSlowestMs: Math.max(...times),
      });
      expect(Math.max(...letGo)).toBeLessThan(20_000);
      expect(Math.max(...times)).toBeLessThan(1_000);
    });

    if (kind === "nginx") {
      test("one client has no more open than its share", async () => {
        const sockets = await Promise.all(
          Array.from({ length: 50 }, async () => {
            const socket = await handshake(live.target, { ALPNProtocols: ["http/1.1"] });
            socket.on("error", () => undefined);
            return socket;
          }),
        );
        // So that the limit of requests has room for all of them.
        await sleep(1_100);
        const statuses = await Promise.all(sockets.map((socket) => upgrade(live, socket)));
        for (const socket of sockets) socket.destroy();
        const count = (of: number): number => statuses.filter((status) => status === of).length;
        expect([count(101), count(429)]).toEqual([40, 10]);
      });

      test("one client's long bodies leave room for everybody else's", async () => {
        const body = "x".repeat(4_100_000);
        const head = `POST /api/v1/items HTTP/1.1\r\nHost: ${live.host}\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n`;
        const sockets = await Promise.all(
          Array.from({ length: 16 }, () => handshake(live.target, { ALPNProtocols: ["http/1.1"] })),
        );
        await sleep(1_100);
        const statuses = sockets.map(
          (socket) =>
            new Promise<string>((resolve) => {
              socket.on("error", () => resolve(""));
              socket.on("close", () => resolve(""));
              socket.once("data", (data: Buffer) => resolve(data.toString().slice(9, 12)));
              // All but its end, for which the gateway waits five seconds.
              socket.write(head + body.slice(1));
            }),
        );
        const refused = async (): Promise<number> => {
          const now = statuses.map((status) => Promise.race([status, sleep(1, "waits")]));
          return (await Promise.all(now)).filter((status) => status === "429").length;
        };
        // A third of 128 MiB has room for ten of 4 MiB.
        await until("the rest is refused", { within: 4_000 }, async () => (await refused()) === 6);
        const short = await live.ask("/api/v1/items", {
          method: "POST",
          json: { name: "short" },
        });
        expect(short.status).toBe(201);
        for (const socket of sockets) socket.destroy();
        expect(await refused()).toBe(6);
      });
    }
  });
}

/** @param through what is between the client and the service */
export function webSocket(live: Live, through: string): void {
  test(`WebSocket says hello and echoes (${through})`, async () => {
    const connection = await handshake(live.target, { ALPNProtocols: ["http/1.1"] });
    const socket = new WebSocket(`wss://${live.host}:${live.ports.https}/ws/connect`, {
      agent: new OneConnection(connection),
    });
    const messages = await new Promise<unknown[]>((resolve, reject) => {
      const seen: unknown[] = [];
      socket.on("error", reject);
      socket.on("message", (data: Buffer) => {
        seen.push(JSON.parse(data.toString()));
        if (seen.length === 1) socket.send("<b>¿O'Higgins?</b>");
        else resolve(seen);
      });
    });
    socket.terminate();
    expect(messages).toMatchObject([{ type: "hello" }, { data: "<b>¿O'Higgins?</b>" }]);
  });
}

/** One word makes it the other gateway (issue 5). */
export function becomes(live: Live, kind: Kind, settings: object): void {
  test(`one word makes it ${kind}: nothing else is replaced, the volume stays (issue 5)`, async () => {
    const others = async (): Promise<string[]> => [
      ...(await live.engine.ids("api")),
      ...(await live.engine.ids("cache")),
    ];
    const before = await others();
    live.stack.configure({ gateway: { gateway: kind, image: undefined, ...settings } });
    expectCode(await live.stack.operate("up"), 0);
    await live.engine.settled("edge", 2);
    expect(await others()).toEqual(before);
    await live.trust(kind);
    expect((await live.ask("/health")).status).toBe(200);
    expectCode(await live.stack.operate("preview", "--expect-no-changes"), 0);
  });
}

/** Opens a WebSocket by hand and tells the answer's status. */
function upgrade(live: Live, socket: TLSSocket): Promise<number> {
  return new Promise((resolve) => {
    socket.once("data", (piece: Buffer) =>
      resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(piece.toString("latin1"))?.[1] ?? 0)),
    );
    socket.on("close", () => resolve(0));
    socket.write(
      `GET /ws/connect HTTP/1.1\r\nHost: ${live.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    );
  });
}

/** Sends bytes over TLS and gives back all that comes until nothing does for two seconds. */
async function raw(live: Live, text: string): Promise<string> {
  const socket = await handshake(live.target, { ALPNProtocols: ["http/1.1"] });
  return new Promise((resolve) => {
    let answer = "";
    const done = (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(2_000, done);
    socket.on("data", (piece: Buffer) => (answer += piece.toString("latin1")));
    socket.on("close", done);
    socket.on("error", done);
    socket.write(text, "latin1");
  });
}

function plain(
  live: Live,
  path: string,
): Promise<{ status: number | undefined; headers: IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    const headers = { host: `${live.host}:${live.ports.http}` };
    request(
      { host: live.address ?? "127.0.0.1", port: live.ports.http, path, headers },
      (response) => {
        response.resume();
        resolve({ status: response.statusCode, headers: response.headers });
      },
    )
      .on("error", reject)
      .end();
  });
}
