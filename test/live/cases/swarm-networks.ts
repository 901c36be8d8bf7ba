import { randomUUID } from "node:crypto";
import { connect, type Socket } from "node:net";
import { expectCode } from "../../support/commands";
import { clientOf } from "../../support/gateway-log";
import { until } from "../../support/poll";
import { docker, type Swarm } from "../../support/swarm";
import type { Live } from "./context";
import type { Kind } from "./gateway";

/**
 * Asks for PostgreSQL at an address as PostgreSQL's own clients do, and reads its answer. A mere
 * connection would prove nothing: some networks accept any.
 */
const askForPostgres = (host: string, port = 5432): string => `
  return await new Promise((resolve) => {
    const socket = require("node:net").connect({ host: ${JSON.stringify(host)}, port: ${port} });
    const end = (answer) => { socket.destroy(); resolve(answer); };
    setTimeout(() => end("silence"), 4000);
    socket.on("error", (error) => end(error.code));
    socket.on("close", () => end("closed"));
    socket.on("connect", () => socket.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])));
    socket.on("data", (data) => end("S" === String(data)[0] || "N" === String(data)[0] ? "postgres" : "other"));
  });`;

/** Who reaches whom on Swarm: one internal network a provider (FV-10, GG-01). */
export function swarmNetworks(live: Live, swarm: () => Swarm): void {
  /** Addresses of a service's container in each of its networks. */
  const addresses = async (name: string): Promise<string[]> => {
    const container = await live.engine.one(name);
    const networks = JSON.parse(
      await docker("inspect", "--format", "{{json .NetworkSettings.Networks}}", container),
    ) as Record<string, { IPAddress: string }>;
    return Object.values(networks)
      .map(({ IPAddress }) => IPAddress)
      .filter((address) => address !== "");
  };

  describe("network paths", () => {
    test("a consumer with a link reaches the database: the control of what follows", async () => {
      const api = await live.engine.one("api");
      expect(await live.engine.scriptIn(api, askForPostgres("db"))).toBe("postgres");
      const [address] = await addresses("db");
      expect(await live.engine.scriptIn(api, askForPostgres(address!))).toBe("postgres");
    });

    test("one without reaches it neither by name nor by address (FV-10)", async () => {
      const bot = await live.engine.one("bot");
      expect(await live.engine.scriptIn(bot, askForPostgres("db"))).toMatch(
        /^(ENOTFOUND|EAI_AGAIN)$/,
      );
      for (const address of await addresses("db")) {
        expect(await live.engine.scriptIn(bot, askForPostgres(address))).not.toBe("postgres");
      }
      expect(await live.engine.scriptIn(bot, askForPostgres(swarm().service("db")))).not.toBe(
        "postgres",
      );
      expect(
        await live.engine.scriptIn(bot, askForPostgres(`tasks.${swarm().service("db")}`)),
      ).not.toBe("postgres");
    });

    test("a container outside the system reaches none of its parts (FV-10)", async () => {
      const image = await docker(
        ...["service", "inspect", "--format", "{{.Spec.TaskTemplate.ContainerSpec.Image}}"],
        swarm().service("api"),
      );
      const [address] = await addresses("db");
      const stranger = await docker("run", "--detach", "--entrypoint", "sleep", image, "120");
      try {
        expect(await live.engine.scriptIn(stranger, askForPostgres("db"))).not.toBe("postgres");
        expect(await live.engine.scriptIn(stranger, askForPostgres(address!))).not.toBe("postgres");
      } finally {
        await docker("rm", "--force", stranger);
      }
    });

    test("without an External nobody reaches the world: it fails at once (design: egress is a link)", async () => {
      for (const name of ["api", "db", "cache"]) {
        const container = await live.engine.one(name);
        const routes = await live.engine.exec(container, ["cat", "/proc/net/route"]);
        // Columns: interface, destination, gateway. A destination of zeros is the default route.
        expect(
          routes.stdout.split("\n").filter((line) => line.split("\t")[1] === "00000000"),
        ).toEqual([]);
      }
      const api = await live.engine.one("api");
      expect(await live.engine.scriptIn(api, askForPostgres("192.0.2.1", 443))).toBe("ENETUNREACH");
    });

    test("no port is published but the gateway's two (GG-01)", async () => {
      const services = await docker(
        ...["service", "ls", "--filter", `label=atalaya.stack=${live.stack.stack}`],
        ...["--format", "{{.Name}}"],
      );
      const published = await Promise.all(
        services.split("\n").map(async (name) => {
          const ports = JSON.parse(
            await docker("service", "inspect", "--format", "{{json .Endpoint.Ports}}", name),
          ) as { PublishedPort: number }[] | null;
          return (ports ?? []).map((port) => `${name} ${port.PublishedPort}`);
        }),
      );
      expect(published.flat().sort()).toEqual(
        [
          `${swarm().service("edge-front")} ${live.ports.http}`,
          `${swarm().service("edge-front")} ${live.ports.https}`,
        ].sort(),
      );
    });
  });
}

/** A neighbour in a service's network speaks to a gateway as the front would, for somebody else (GG-04, PR-12). */
export function forgedAddress(live: Live, kind: Kind): void {
  test(`an address that a service claims for itself is not believed (${kind})`, async () => {
    const claimed = "203.0.113.9";
    const path = `/forged-${randomUUID()}`;
    const sent = [
      `PROXY TCP4 ${claimed} 203.0.113.10 4444 8080`,
      `GET ${path} HTTP/1.1`,
      `Host: ${live.host}`,
      "Connection: close",
    ];
    const answer = await live.engine.script<string>(
      "api",
      `return await new Promise((resolve, reject) => {
        const socket = require("node:net").connect({ host: "edge", port: 8080 });
        let said = "";
        socket.setTimeout(4000, () => socket.destroy());
        socket.on("connect", () => socket.write(${JSON.stringify(`${sent.join("\r\n")}\r\n\r\n`)}));
        socket.on("data", (data) => { said += data; });
        socket.on("error", reject);
        socket.on("close", () => resolve(said));
      });`,
    );
    // It was read as a header, and the request behind it answered.
    expect(answer).toMatch(/^HTTP\/1\.1 308 /);
    const lines = (await live.engine.logsOf("edge"))
      .split("\n")
      .filter((line) => line.includes(path));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.filter((line) => line.includes(claimed))).toEqual([]);
  });
}

/** The front has room for so many connections, and none of them need be anybody's request (PR-15, issue 5). */
export function heldConnections(live: Live): void {
  test("one client holds a quarter of the front's connections, and others get in", async () => {
    const sockets = Array.from({ length: 1_100 }, () =>
      connect({ host: "127.0.0.1", port: live.ports.https }),
    );
    const ended = new Set<Socket>();
    for (const socket of sockets) {
      for (const event of ["error", "end", "close"]) socket.on(event, () => ended.add(socket));
      socket.resume();
    }
    try {
      await until("the rest is refused", { within: 5_000 }, () =>
        Promise.resolve(ended.size >= 100),
      );
      expect(ended.size).toBeLessThanOrEqual(110);
      const { statuses } = await live.clients.node<{ statuses: Record<string, number> }>(
        0,
        "burst-main.ts",
        live.target,
        { count: 10, every: 0 },
      );
      expect(statuses).toEqual({ 200: 10 });
    } finally {
      for (const socket of sockets) socket.destroy();
    }
    await until("this client gets in again", { within: 10_000 }, async () => {
      return (await live.ask("/health")).status === 200;
    });
  });
}

/** A load balancer before the front: two to be asked whose request it is (GG-04, PR-12). */
export function behindBalancer(live: Live, kind: Kind): void {
  test(`behind its front, too, a load balancer's word counts where it is trusted (${kind})`, async () => {
    /** Whose request the gateway takes it for. */
    const client = async (claimed: string): Promise<string> => {
      const path = `/from-${randomUUID()}`;
      await live.ask(path, { headers: { "x-forwarded-for": claimed } });
      return clientOf(path, () => live.engine.logsOf("edge"));
    };
    const claimed = "198.51.100.7";
    const own = await client(claimed);
    expect(own).not.toBe(claimed);
    live.stack.configure({ gateway: { trustedProxies: [`${own}/32`] } });
    expectCode(await live.stack.operate("up"), 0);
    await live.engine.settled("edge", 2);
    expect(await client(claimed)).toBe(claimed);
    // The left part is what the client claimed before it came to the balancer.
    expect(await client(`192.0.2.9, ${claimed}`)).toBe(claimed);
    expect(await client("no address")).toBe(own);
  });
}
