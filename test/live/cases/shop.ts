import { randomUUID } from "node:crypto";
import { expectCode } from "../../support/commands";
import { measured } from "../../support/measurements";
import { until } from "../../support/poll";
import type { Live } from "./context";

/** Services of Flores Victoria that keep something, by the path that the gateway leads to them. */
const KEEPING: readonly [string, string][] = [
  ["user-service", "/api/users"],
  ["review-service", "/api/reviews"],
  ["auth-service", "/api/auth"],
  ["product-service", "/api/products"],
  ["order-service", "/api/orders"],
  ["cart-service", "/api/cart"],
  ["wishlist-service", "/api/wishlist"],
];

/** Asks every service for something. */
export async function browse(live: Live): Promise<void> {
  const paths = [...KEEPING.map(([, path]) => path), "/api/contact"];
  const answers = await Promise.all(paths.map((path) => live.ask(path)));
  expect(answers.map(({ status }) => status)).toEqual(paths.map(() => 200));
}

const PORTS: Readonly<Record<string, number>> = {
  ...{ "user-service": 3003, "contact-service": 3008, "review-service": 3007 },
  ...{ "auth-service": 3001, "product-service": 3002, "order-service": 3004 },
  ...{ "cart-service": 3005, "wishlist-service": 3006, db: 5432, documents: 27_017, cache: 6379 },
};

/** Who may reach whom, as the system's links say (FV-10). */
const LINKS: Readonly<Record<string, readonly string[]>> = {
  "user-service": ["db"],
  "contact-service": [],
  "review-service": ["documents", "product-service"],
  "auth-service": ["db", "cache", "user-service"],
  "product-service": ["documents"],
  "order-service": ["db", "user-service", "product-service", "cart-service"],
  "cart-service": ["cache", "product-service"],
  "wishlist-service": ["cache", "product-service"],
};

const MONGO_CLIENT = `
  const { readFileSync } = require("node:fs");
  const { MongoClient } = require("mongodb");
  const env = process.env;
  const own = { username: env.MONGO_USER, password: readFileSync(env.MONGO_PASSWORD_FILE, "utf8").trim() };
  const attempt = async (auth, database, work) => {
    const client = new MongoClient(
      "mongodb://" + env.MONGO_HOST + ":" + env.MONGO_PORT + "/?" + env.MONGO_OPTIONS,
      { serverSelectionTimeoutMS: 4000, ...(auth === undefined ? {} : { auth }) });
    try { return (await work(client.db(database))) ?? "done"; }
    catch (error) { return error.codeName ?? error.name; }
    finally { await client.close(); }
  };`;

/**
 * Flores Victoria as its customers, its services and its operators see it.
 * @param options.giveUp time limit of an update that never becomes ready: on Swarm longer than a start may take
 */
export function shop(live: Live, options: { giveUp: string }): void {
  const create = async (path: string, name: string): Promise<number> => {
    const answer = await live.ask(path, { method: "POST", json: { name } });
    if (answer.status !== 201) throw new Error(`POST ${path}: ${answer.status}`);
    return (JSON.parse(answer.body.toString()) as { id: number }).id;
  };
  const read = async (path: string, id: number): Promise<string> => {
    const answer = await live.ask(`${path}/${id}`);
    if (answer.status !== 200) throw new Error(`GET ${path}/${id}: ${answer.status}`);
    return (JSON.parse(answer.body.toString()) as { name: string }).name;
  };

  describe("the shop's services", () => {
    test.each(KEEPING)(
      "%s: what is created at %s is read again, under its own name alone (FV-01, FV-02)",
      async (_service, path) => {
        const name = `made at ${path} ${randomUUID()}`;
        const id = await create(path, name);
        expect(await read(path, id)).toBe(name);
        const list = JSON.parse((await live.ask(`${path}/`)).body.toString()) as {
          items: { name: string }[];
        };
        // Nothing of another service: each has a database, or keys, of its own.
        expect(list.items.length).toBeGreaterThan(0);
        for (const item of list.items) expect(item.name).toMatch(`made at ${path} `);
      },
    );

    test("contact-service takes a message only when it is complete (FV-01)", async () => {
      expect((await live.ask("/api/contact")).status).toBe(200);
      const json = { name: "Ana", email: "no address", message: "" };
      expect((await live.ask("/api/contact", { method: "POST", json })).status).toBe(400);
    });

    test("a path that no service has is the gateway's 404", async () => {
      const answer = await live.ask("/api/usersx");
      expect(answer.status).toBe(404);
      expect(answer.headers["content-type"]).toMatch(/^text\/html/);
    });

    test("order-service asks the services that it is linked to (FV-01)", async () => {
      const status = await live.engine.script<number[]>(
        "order-service",
        `const at = ["user-service/api/users", "product-service/api/products", "cart-service/api/cart"];
         return Promise.all(at.map(async (path) =>
           (await fetch("http://127.0.0.1:3004/upstreams/" + path)).status));`,
      );
      expect(status).toEqual([200, 200, 200]);
    });
  });

  describe("MongoDB", () => {
    test("lets nobody in without a name, or with a wrong password (FV-10)", async () => {
      const answers = await live.engine.script<string[]>(
        "product-service",
        `${MONGO_CLIENT}
         const list = (db) => db.collection("products").countDocuments().then(() => "done");
         return [await attempt(own, env.MONGO_NAME, list), await attempt(undefined, env.MONGO_NAME, list),
           await attempt({ ...own, password: "wrong" }, env.MONGO_NAME, list),
           await attempt({ ...own, username: "review_a" }, env.MONGO_NAME, list)];`,
      );
      expect(answers[0]).toBe("done");
      expect(answers[1]).toMatch(/Unauthorized|AuthenticationFailed/);
      expect(answers.slice(2)).toEqual(["AuthenticationFailed", "AuthenticationFailed"]);
    });

    test("a killed server comes back with its data; nobody is restarted for it (PR-06)", async () => {
      const name = `made at /api/products ${randomUUID()}`;
      const id = await create("/api/products", name);
      const [before] = await live.engine.instances("documents");
      const products = await live.engine.ids("product-service");
      const killed = Date.now();
      await live.engine.kill(before!);
      await until("another server", { within: 60_000 }, async () => {
        const [now] = await live.engine.instances("documents");
        return now !== undefined && now.id !== before!.id && now.well;
      });
      await until("the product is read", { within: 30_000 }, async () => {
        return (await read("/api/products", id).catch(() => "")) === name;
      });
      measured("MongoDB killed", { servedAgainAfterMs: Date.now() - killed });
      expect(await live.engine.ids("product-service")).toEqual(products);
    });
  });

  describe("probe routes", () => {
    test("a wrong one is caught before users see it; the old version serves on (FV-03)", async () => {
      const before = await live.engine.ids("review-service");
      const wrong = { ready: "/api/reviewz", live: "/api/reviewz", updateTimeout: options.giveUp };
      live.stack.configure({ "flores-victoria": { services: { "review-service": wrong } } });
      const failed = await live.stack.operate("up");
      expect(failed.code).not.toBe(0);
      expect(failed.text).toMatch(live.engine.refusal);
      expect((await live.ask("/api/reviews")).status).toBe(200);
      expect((await live.engine.ids("review-service")).some((id) => before.includes(id))).toBe(
        true,
      );
      measured("a wrong probe route is told after", {
        seconds: Math.round(failed.milliseconds / 1_000),
      });
      const right = { ready: undefined, live: undefined, updateTimeout: undefined };
      live.stack.configure({ "flores-victoria": { services: { "review-service": right } } });
      expectCode(await live.stack.operate("up"), 0);
      expect((await live.ask("/api/reviews")).status).toBe(200);
      expectCode(await live.stack.operate("preview", "--refresh", "--expect-no-changes"), 0);
    });
  });
}

/** Providers whose network a service is in: its own consumers meet in its own. */
const circles = (of: string): string[] => [of, ...LINKS[of]!];

/** Who is in a network with whom. */
const neighbours = (of: string): string[] =>
  Object.keys(LINKS).filter((other) => circles(other).some((name) => circles(of).includes(name)));

/**
 * Every service tries every other part of the system: what its links name is open, and of the rest no more
 * than other consumers of its own providers, whose network it shares on Swarm (FV-10).
 */
export function shopPaths(live: Live): void {
  describe("network paths", () => {
    test.each(Object.keys(LINKS))(
      "%s reaches what it links to, no store else and no service that shares none with it",
      async (from) => {
        const others = Object.keys(PORTS).filter((name) => name !== from);
        const results = await live.engine.script<Record<string, string>>(
          from,
          `const targets = ${JSON.stringify(others.map((name) => [name, PORTS[name]]))};
         // Names that lead nowhere would keep the system's own resolver from those that do.
         const names = new (require("node:dns").promises.Resolver)({ timeout: 1500, tries: 2 });
         const reach = async (name, port) => {
           const [host] = await names.resolve4(name).catch(() => []);
           return host === undefined ? "closed" : connect(host, port);
         };
         const connect = (host, port) => new Promise((resolve) => {
           const socket = require("node:net").connect({ host, port });
           const end = (answer) => { socket.destroy(); resolve(answer); };
           setTimeout(() => end("closed"), 3000);
           socket.on("error", () => end("closed"));
           socket.on("connect", () => end("open"));
         });
         return Object.fromEntries(await Promise.all(targets.map(
           async ([name, port]) => [name, await reach(name, port)])));`,
        );
        const open = others.filter((name) => results[name] === "open");
        expect(open).toEqual(expect.arrayContaining([...LINKS[from]!]));
        const more = open.filter((name) => !LINKS[from]!.includes(name));
        expect(more.filter((name) => !neighbours(from).includes(name))).toEqual([]);
      },
    );
  });
}

/** Down keeps the data; down --all keeps nothing. */
export function shopEnd(live: Live): void {
  describe("the shop's end", () => {
    test("down keeps the three stores' data and says so; down --all leaves nothing (AT-04)", async () => {
      const down = await live.stack.atalaya("down");
      expectCode(down, 0);
      const volumes = ["cache-data", "db-data", "documents-data", "edge-data"];
      expect(await live.engine.left()).toEqual(live.engine.kept(volumes));
      for (const volume of volumes) expect(down.stdout).toContain(volume);
      expectCode(await live.stack.atalaya("down", "--all"), 0);
      expect(await live.engine.left()).toEqual([]);
    });
  });
}
