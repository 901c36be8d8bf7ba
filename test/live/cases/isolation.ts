import type { Live } from "./context";

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

/**
 * What a consumer may do where it is let in (FV-10, PR-11).
 * @param entrances what stands at the edge, with the engine's own front where it has one
 */
export function isolation(live: Live, entrances: readonly string[]): void {
  describe("links", () => {
    test("the bot reaches what it links to: the API and the cache (GG-01)", async () => {
      const bot = await live.engine.one("bot");
      const answers = await live.engine.scriptIn(
        bot,
        `${CACHE_CLIENT}
         return [(await fetch("http://api:8000/health")).status, await say("PING")];`,
      );
      expect(answers).toEqual([200, "PONG"]);
    });
  });

  describe("secrets of others", () => {
    test("each workload has its own files alone, for its own user alone (PR-11)", async () => {
      const files = async (name: string): Promise<string[]> => {
        const container = await live.engine.one(name);
        const listed = await live.engine.exec(container, [
          "sh",
          "-c",
          // Its files, which Kubernetes shows as links.
          "ls -lnL /run/secrets 2>/dev/null || true",
        ]);
        const lines = listed.stdout.split("\n").filter((line) => line.startsWith("-"));
        for (const line of lines) expect(line).toMatch(/^-r--(?:---|r--)---/);
        return lines.map((line) => line.split(/\s+/).at(-1)!).sort();
      };
      expect(await files("api")).toEqual(
        ["cache-api-password", "db-api-password", "jwt-secret-key", "secret-key"].sort(),
      );
      expect(await files("bot")).toEqual(["cache-bot-password"]);
      for (const entrance of entrances) expect(await files(entrance)).toEqual([]);
    });
  });

  describe("least privilege in the stores", () => {
    test("the API's own role reads and writes rows, and nothing more (FV-10)", async () => {
      const answers = await live.engine.script(
        "api",
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
      const api = await live.engine.script<{ administration: string[]; set: string }>(
        "api",
        `${CACHE_CLIENT}${administer}
         return { administration, set: await say("SET", "live:test", "1", "EX", "5") };`,
      );
      expect(new Set(api.administration)).toEqual(new Set(["NOPERM"]));
      expect(api.set).toBe("OK");
      const bot = await live.engine.script<{ administration: string[] }>(
        "bot",
        `${CACHE_CLIENT}${administer}
         return { administration, own: await say("SET", "bot:test", "1", "EX", "5"),
           foreign: await say("SET", "live:test", "1", "EX", "5"), read: await say("GET", "live:test") };`,
      );
      expect(new Set(bot.administration)).toEqual(new Set(["NOPERM"]));
      expect(bot).toMatchObject({ own: "OK", foreign: "NOPERM", read: "NOPERM" });
    });

    test("nobody gets into the cache without a name (FV-10)", async () => {
      const answer = await live.engine.script(
        "api",
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
    test.each(["api", "bot", "db", "cache", ...entrances])(
      "%s: own user, no capability, read-only root, limits (PR-08)",
      async (name) => {
        const container = await live.engine.one(name);
        const status = await live.engine.exec(container, ["cat", "/proc/self/status"]);
        const field = (key: string): string =>
          new RegExp(`^${key}:\\s+(\\S+)`, "m").exec(status.stdout)?.[1] ?? "";
        expect(Number(field("Uid"))).toBeGreaterThan(0);
        expect(field("CapEff")).toMatch(/^0+$/);
        expect(field("CapBnd")).toMatch(/^0+$/);
        expect(
          (await live.engine.exec(container, ["sh", "-c", "echo x > /etc/mine"])).code,
        ).not.toBe(0);
        const [instance] = await live.engine.instances(name);
        const limits = await live.engine.limits(instance!);
        expect(limits.memory).toBeGreaterThan(0);
        expect(limits.cpu).toBeGreaterThan(0);
        expect(limits.readOnlyRoot).toBe(true);
      },
    );
  });
}
