import { randomBytes } from "node:crypto";
import { createServer, get, type Server } from "node:http";
import { type AddressInfo, connect, createServer as listener } from "node:net";
import { once } from "node:events";
import { portOf } from "../../operations/commands/open";
import { UserError } from "../../operations/errors";
import type { Invocation } from "../../operations/health/engine";
import { openTunnel, RELAY, type Tunnel, type TunnelArgs } from "../../operations/tunnel/tunnel";
import { run } from "../../operations/process";
import { until } from "../support/poll";
import { watchedShop } from "../support/watched";

/** A real server behind the real relay: what a container would run is run here (GG-06). */
const BODY = randomBytes(3 << 20);

let server: Server;
let inside: number;
const tunnels: Tunnel[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === "/echo") return void request.pipe(response);
    response.end(request.url === "/large" ? BODY : "ok");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  inside = (server.address() as AddressInfo).port;
});
afterEach(async () => {
  await Promise.all(tunnels.splice(0).map((tunnel) => tunnel.close()));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const relayed = (): Invocation => ({ command: "sh", args: ["-c", RELAY, "relay", String(inside)] });

async function opened(more: Partial<TunnelArgs> = {}): Promise<Tunnel> {
  const tunnel = await openTunnel({
    connect: () => Promise.resolve(relayed()),
    preferred: 0,
    onFailure: () => undefined,
    ...more,
  });
  tunnels.push(tunnel);
  return tunnel;
}

const fetched = (port: number, path = "/"): Promise<Buffer> =>
  new Promise((done, failed) => {
    get({ host: "127.0.0.1", port, path, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => done(Buffer.concat(parts)));
    }).on("error", failed);
  });

/** Relays of this process that still run. */
async function relays(): Promise<number> {
  const { stdout } = await run("ps", ["-o", "args=", "--ppid", String(process.pid)]);
  return stdout.split("\n").filter((line) => line.includes("/dev/tcp/")).length;
}

test("what goes in comes out, whatever bytes it has, on several connections at once", async () => {
  const { port } = await opened();
  const bodies = await Promise.all([1, 2, 3].map(() => fetched(port, "/large")));
  expect(bodies.map((body) => body.equals(BODY))).toEqual([true, true, true]);
  const echo = await fetch(`http://127.0.0.1:${port}/echo`, { method: "POST", body: BODY });
  expect(Buffer.from(await echo.arrayBuffer()).equals(BODY)).toBe(true);
}, 60_000);

test("it listens on loopback alone, where it was asked to", async () => {
  const { port } = await opened();
  const { stdout } = await run("sh", ["-c", 'cat /proc/net/tcp | grep -i "$1"', "sh", hex(port)]);
  expect(stdout).toContain(`0100007F:${hex(port)}`);
  expect(stdout).not.toContain(`00000000:${hex(port)}`);
});

const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, "0");

test("a port that is taken gives way to another, unless somebody asked for it", async () => {
  const other = listener().listen(0, "127.0.0.1");
  await once(other, "listening");
  const taken = (other.address() as AddressInfo).port;
  const { port } = await opened({ preferred: taken });
  expect(port).not.toBe(taken);
  expect(String(await fetched(port))).toBe("ok");
  await expect(opened({ port: taken })).rejects.toThrow(
    new UserError(`Port ${taken} of this machine is taken.`, ""),
  );
  other.close();
});

test("nothing is left of a connection that its client ends, or of the tunnel when it is closed", async () => {
  const tunnel = await opened();
  const first = connect(tunnel.port, "127.0.0.1");
  await once(first, "connect");
  connect(tunnel.port, "127.0.0.1").on("error", () => undefined);
  await until("two relays", { within: 20_000 }, async () => (await relays()) === 2);
  first.destroy();
  await until("one relay", { within: 20_000 }, async () => (await relays()) === 1);
  await tunnel.close();
  await until("no relay", { within: 20_000 }, async () => (await relays()) === 0);
}, 60_000);

test("a way that fails is told, and asked for anew: an instance may have been replaced", async () => {
  const reasons: string[] = [];
  const ways = [{ command: "sh", args: ["-c", "echo no such container >&2; exit 1"] }, relayed()];
  const { port } = await opened({
    connect: () => Promise.resolve(ways.shift()!),
    onFailure: (reason) => reasons.push(reason),
  });
  await expect(fetched(port)).rejects.toThrow();
  await until("it is told", { within: 5_000 }, () => Promise.resolve(reasons.length === 1));
  expect(reasons).toEqual(["no such container"]);
  expect(String(await fetched(port))).toBe("ok");
  // One that works is kept.
  expect(String(await fetched(port))).toBe("ok");
  expect(ways).toEqual([]);
});

describe("what can be opened", () => {
  const stack = { stack: "dev", systems: watchedShop() };

  test("each page has the port that its component gives it", () => {
    expect(portOf(stack, "grafana")).toBe(3000);
    expect(portOf(stack, "prometheus")).toBe(9090);
    expect(portOf(stack, "alertmanager")).toBe(9093);
  });

  test("a stack without it says how to have it", () => {
    const fix = (of: typeof stack): string => {
      try {
        portOf(of, "grafana");
      } catch (error) {
        return (error as UserError).fix;
      }
      return "";
    };
    expect(fix({ ...stack, systems: watchedShop({ dashboards: false }) })).toContain(
      "config set --path observability.dashboards true",
    );
    expect(fix({ ...stack, systems: stack.systems.slice(0, 1) })).toContain(
      "config set monitoring full",
    );
  });
});
