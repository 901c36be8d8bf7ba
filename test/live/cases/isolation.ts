import { containerOf, docker, exec, script } from "../../support/engine";
import type { Live } from "./context";

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

const DATABASE_CLIENT = `
  const { readFileSync } = require("node:fs");
  const { Client } = require("pg");
  const connect = async (changes = {}) => {
    const client = new Client({
      host: process.env.DATABASE_HOST, port: Number(process.env.DATABASE_PORT),
      database: process.env.DATABASE_NAME, user: process.env.DATABASE_USER,
      password: readFileSync(process.env.DATABASE_PASSWORD_FILE, "utf8").trim(), ...changes });
    await client.connect();
    return client;
  };
  const code = (work) => work.then(() => "done", (error) => error.code ?? error.message);`;

const CACHE_CLIENT = `
  const { readFileSync } = require("node:fs");
  const { createClient } = require("@redis/client");
  const cache = createClient({
    socket: { host: process.env.REDIS_HOST, port: Number(process.env.REDIS_PORT) },
    username: process.env.REDIS_USER,
    password: readFileSync(process.env.REDIS_PASSWORD_FILE, "utf8").trim() });
  cache.on("error", () => undefined);
  await cache.connect();
  const say = (...words) => cache.sendCommand(words).then(
    (answer) => (typeof answer === "string" ? answer : "answered"),
    (error) => error.message.split(" ")[0]);`;

/** Who reaches whom, and what a consumer may do where it is let in (FV-10, PR-11). */
export function isolation(live: Live): void {
  /** Addresses of a service's container in each of its networks. */
  const addresses = async (name: string): Promise<string[]> => {
    const container = await containerOf(live.service(name));
    const networks = JSON.parse(
      await docker("inspect", "--format", "{{json .NetworkSettings.Networks}}", container),
    ) as Record<string, { IPAddress: string }>;
    return Object.values(networks)
      .map(({ IPAddress }) => IPAddress)
      .filter((address) => address !== "");
  };

  describe("network paths", () => {
    test("a consumer with a link reaches the database: the control of what follows", async () => {
      const api = await containerOf(live.service("api"));
      expect(await script(api, askForPostgres("db"))).toBe("postgres");
      const [address] = await addresses("db");
      expect(await script(api, askForPostgres(address!))).toBe("postgres");
    });

    test("one without reaches it neither by name nor by address (FV-10)", async () => {
      const bot = await containerOf(live.service("bot"));
      expect(await script(bot, askForPostgres("db"))).toMatch(/^(ENOTFOUND|EAI_AGAIN)$/);
      for (const address of await addresses("db")) {
        expect(await script(bot, askForPostgres(address))).not.toBe("postgres");
      }
      expect(await script(bot, askForPostgres(live.service("db")))).not.toBe("postgres");
      expect(await script(bot, askForPostgres(`tasks.${live.service("db")}`))).not.toBe("postgres");
    });

    test("the bot reaches what it links to: the API and the cache (GG-01)", async () => {
      const bot = await containerOf(live.service("bot"));
      const answers = await script(
        bot,
        `${CACHE_CLIENT}
         return [(await fetch("http://api:8000/health")).status, await say("PING")];`,
      );
      expect(answers).toEqual([200, "PONG"]);
    });

    test("a container outside the system reaches none of its parts (FV-10)", async () => {
      const image = await docker(
        ...["service", "inspect", "--format", "{{.Spec.TaskTemplate.ContainerSpec.Image}}"],
        live.service("api"),
      );
      const [address] = await addresses("db");
      const stranger = await docker("run", "--detach", "--entrypoint", "sleep", image, "120");
      try {
        expect(await script(stranger, askForPostgres("db"))).not.toBe("postgres");
        expect(await script(stranger, askForPostgres(address!))).not.toBe("postgres");
      } finally {
        await docker("rm", "--force", stranger);
      }
    });

    test("without an External nobody reaches the world: it fails at once (design: egress is a link)", async () => {
      for (const name of ["api", "db", "cache"]) {
        const container = await containerOf(live.service(name));
        const routes = await exec(container, ["cat", "/proc/net/route"]);
        // Columns: interface, destination, gateway. A destination of zeros is the default route.
        expect(
          routes.stdout.split("\n").filter((line) => line.split("\t")[1] === "00000000"),
        ).toEqual([]);
      }
      const api = await containerOf(live.service("api"));
      expect(await script(api, askForPostgres("192.0.2.1", 443))).toBe("ENETUNREACH");
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
          `${live.service("edge-front")} ${live.ports.http}`,
          `${live.service("edge-front")} ${live.ports.https}`,
        ].sort(),
      );
    });
  });

  describe("secrets of others", () => {
    test("each workload has its own files alone, for its own user alone (PR-11)", async () => {
      const files = async (name: string): Promise<string[]> => {
        const container = await containerOf(live.service(name));
        const listed = await exec(container, [
          "sh",
          "-c",
          "ls -ln /run/secrets 2>/dev/null || true",
        ]);
        const lines = listed.stdout.split("\n").filter((line) => line.startsWith("-"));
        for (const line of lines) expect(line).toMatch(/^-r--------/);
        return lines.map((line) => line.split(/\s+/).at(-1)!).sort();
      };
      expect(await files("api")).toEqual(
        ["cache-api-password", "db-api-password", "jwt-secret-key", "secret-key"].sort(),
      );
      expect(await files("bot")).toEqual(["cache-bot-password"]);
      expect(await files("edge")).toEqual([]);
      expect(await files("edge-front")).toEqual([]);
    });
  });

  describe("least privilege in the stores", () => {
    test("the API's own role reads and writes rows, and nothing more (FV-10)", async () => {
      const answers = await script(
        await containerOf(live.service("api")),
        `${DATABASE_CLIENT}
         const client = await connect();
         const q = (text) => code(client.query(text));
         return {
           select: await q("SELECT count(*) FROM items"),
           insert: await q("INSERT INTO items (name) VALUES ('by hand')"),
           createTable: await q("CREATE TABLE public.mine (id int)"),
           createSchema: await q("CREATE SCHEMA mine"),
           drop: await q("DROP TABLE items"),
           alter: await q("ALTER TABLE items ADD COLUMN mine int"),
           role: await q("CREATE ROLE mine"),
           become: await q("SET ROLE grupo_gad_owner"),
           passwords: await q("SELECT * FROM pg_authid"),
           program: await q("COPY items TO PROGRAM 'true'"),
           otherDatabase: await code(connect({ database: "postgres" })),
           administrator: await code(connect({ user: "postgres" })),
         };`,
      );
      const DENIED = "42501";
      expect(answers).toEqual({
        select: "done",
        insert: "done",
        createTable: DENIED,
        createSchema: DENIED,
        drop: DENIED,
        alter: DENIED,
        role: DENIED,
        become: DENIED,
        passwords: DENIED,
        program: DENIED,
        otherDatabase: DENIED,
        administrator: "28P01",
      });
    });

    test("a cache user administers nothing; the bot's has its own keys alone (FV-10)", async () => {
      const administer = `
        const administration = [];
        for (const words of [["FLUSHALL"], ["CONFIG", "GET", "*"], ["ACL", "LIST"], ["KEYS", "*"],
          ["SHUTDOWN"], ["REPLICAOF", "NO", "ONE"], ["SAVE"], ["CLIENT", "LIST"]])
          administration.push(await say(...words));`;
      const api = await script<{ administration: string[]; set: string }>(
        await containerOf(live.service("api")),
        `${CACHE_CLIENT}${administer}
         return { administration, set: await say("SET", "live:test", "1", "EX", "5") };`,
      );
      expect(new Set(api.administration)).toEqual(new Set(["NOPERM"]));
      expect(api.set).toBe("OK");
      const bot = await script<{ administration: string[] }>(
        await containerOf(live.service("bot")),
        `${CACHE_CLIENT}${administer}
         return { administration, own: await say("SET", "bot:test", "1", "EX", "5"),
           foreign: await say("SET", "live:test", "1", "EX", "5"), read: await say("GET", "live:test") };`,
      );
      expect(new Set(bot.administration)).toEqual(new Set(["NOPERM"]));
      expect(bot).toMatchObject({ own: "OK", foreign: "NOPERM", read: "NOPERM" });
    });

    test("nobody gets into the cache without a name (FV-10)", async () => {
      const answer = await script(
        await containerOf(live.service("api")),
        `return await new Promise((resolve, reject) => {
           const socket = require("node:net").connect({ host: process.env.REDIS_HOST, port: 6379 });
           socket.on("error", reject);
           socket.on("connect", () => socket.write("PING\\r\\n"));
           socket.on("data", (data) => { socket.destroy(); resolve(String(data).split(" ")[0]); });
         });`,
      );
      expect(answer).toBe("-NOAUTH");
    });
  });

  describe("rights of the containers", () => {
    test.each(["api", "bot", "db", "cache", "edge", "edge-front"])(
      "%s: own user, no capability, read-only root, limits (PR-08)",
      async (name) => {
        const container = await containerOf(live.service(name));
        const status = await exec(container, ["cat", "/proc/self/status"]);
        const field = (key: string): string =>
          new RegExp(`^${key}:\\s+(\\S+)`, "m").exec(status.stdout)?.[1] ?? "";
        expect(Number(field("Uid"))).toBeGreaterThan(0);
        expect(field("CapEff")).toMatch(/^0+$/);
        expect(field("CapBnd")).toMatch(/^0+$/);
        expect((await exec(container, ["sh", "-c", "echo x > /etc/mine"])).code).not.toBe(0);
        const limits = JSON.parse(
          await docker("inspect", "--format", "{{json .HostConfig}}", container),
        ) as { Memory: number; NanoCpus: number; ReadonlyRootfs: boolean };
        expect(limits.Memory).toBeGreaterThan(0);
        expect(limits.NanoCpus).toBeGreaterThan(0);
        expect(limits.ReadonlyRootfs).toBe(true);
      },
    );
  });
}
