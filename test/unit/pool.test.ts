import { Postgres, type PostgresArgs } from "../../components/postgres/postgres";
import { Service } from "../../components/service";
import { in_, type LinkRequest, type System } from "../../components/system";
import type { SystemModel } from "../../model/system";
import { fillText, secretsOf, type Text } from "../../model/text";
import { emptyShop, problemsOf, serviceArgs } from "../support/shop";

/** A shop whose services have these links to a database with a pool. */
function shop(
  links: (db: Postgres) => Record<string, LinkRequest[]>,
  args: Partial<PostgresArgs> = {},
): System {
  const system = emptyShop();
  const db = new Postgres(
    "db",
    { version: 15, storage: "1 GiB", pooling: {}, ...args },
    in_(system),
  );
  for (const [name, to] of Object.entries(links(db))) {
    new Service(name, serviceArgs({ links: to }), in_(system));
  }
  return system;
}

const workload = (model: SystemModel, name: string): SystemModel["workloads"][number] =>
  model.workloads.find((w) => w.name === name)!;

/** What the database is told of the pool; passwords are the names of their secrets. */
function access(model: SystemModel): { login: unknown; users: unknown[] } | undefined {
  const { source } = model.secrets.find((s) => s.name === "db-access")!;
  const text = (source as { content: Text }).content;
  const values = new Map(secretsOf(text).map((name) => [name, name]));
  return (JSON.parse(fillText(text, values)) as { pool?: { login: unknown; users: unknown[] } })
    .pool;
}

test("a consumer reaches the pool and not the database, as itself (PR-14, FV-10)", () => {
  const model = shop((db) => ({ api: [db.as("api", { grants: ["read"] })] })).describe();
  const api = workload(model, "api");
  expect(api.environment).toMatchObject({
    DATABASE_HOST: "db-pool",
    DATABASE_PORT: "6432",
    DATABASE_NAME: "shop",
    DATABASE_USER: "shop_api_a",
    DATABASE_PASSWORD_FILE: "/run/secrets/db-api-password",
    DATABASE_POOL_MODE: "transaction",
  });
  expect(api.startAfter).toEqual(["db", "db-grant", "db-pool"]);
  const paths = model.links.map((l) => `${l.consumer} → ${l.provider}:${l.ports.join()}`);
  expect(paths.sort()).toEqual([
    "api → db-pool:6432",
    "db-grant → db:5432",
    "db-pool → db:5432",
    "db-revoke → db:5432",
  ]);
});

test("migrations go past the pool, and so does who asks for it", () => {
  const model = shop((db) => ({
    migrate: [db.as("migrate", { grants: ["owner"] })],
    listener: [db.as("listener", { grants: ["read"], pool: false })],
  })).describe();
  for (const name of ["migrate", "listener"]) {
    const { environment, startAfter } = workload(model, name);
    expect(environment).toMatchObject({ DATABASE_HOST: "db", DATABASE_PORT: "5432" });
    expect(environment).not.toHaveProperty("DATABASE_POOL_MODE");
    expect(startAfter).toEqual(["db", "db-grant"]);
  }
  expect(access(model)?.users).toEqual([]);
});

test("each link has its mode and its connections, shared out among the pool's instances", () => {
  const model = shop(
    (db) => ({
      api: [db.as("api", { grants: ["read"] })],
      reports: [db.as("reports", { grants: ["read"], pool: { mode: "session", size: 3 } })],
    }),
    { pooling: { size: 20 } },
  ).describe();
  expect(access(model)?.users).toEqual([
    { name: "shop_api_a", mode: "transaction", connections: 10 },
    { name: "shop_reports_a", mode: "session", connections: 2 },
  ]);
  expect(workload(model, "reports").environment["DATABASE_POOL_MODE"]).toBe("session");
});

test("a new link changes nothing of the pool and of the database (PR-14)", () => {
  const one = shop((db) => ({ api: [db.as("api", { grants: ["read"] })] })).describe();
  const two = shop((db) => ({
    api: [db.as("api", { grants: ["read"] })],
    reports: [db.as("reports", { grants: ["read"], pool: { mode: "session", size: 3 } })],
  })).describe();
  for (const name of ["db", "db-pool"]) expect(workload(two, name)).toEqual(workload(one, name));
  expect(two.files).toEqual(one.files);
});

test("the pool has its own password and nobody else's; nothing of it is written down", () => {
  const model = shop((db) => ({ api: [db.as("api", { grants: ["read"] })] })).describe();
  const pool = workload(model, "db-pool");
  expect(pool.secrets).toEqual([{ secret: "db-pool-password", file: "db-pool-password" }]);
  expect(pool.environment).toEqual({
    DATABASE_HOST: "db",
    DATABASE_PORT: "5432",
    DATABASE_USER: "atalaya-pool",
    DATABASE_PASSWORD_FILE: "/run/secrets/db-pool-password",
  });
  expect(pool.scale).toEqual({ min: 2, max: 2 });
  expect(pool.singleton).toBe(false);
  expect(access(model)?.login).toMatchObject({
    name: "atalaya-pool",
    verifier: expect.stringMatching(/^SCRAM-SHA-256\$/) as unknown,
  });
});

test("a database without a pool is told of none", () => {
  const system = emptyShop();
  new Postgres("db", { version: 15, storage: "1 GiB" }, in_(system));
  const model = system.describe();
  expect(access(model)).toBeUndefined();
  expect(model.workloads.map(({ name }) => name)).toEqual(["db"]);
});

test("what a pool cannot do is said, all at once", () => {
  const message = problemsOf(
    shop(
      (db) => ({
        a: [db.as("a", { grants: ["owner"], pool: { size: 0 } })],
        b: [db.as("b", { grants: ["read"] })],
      }),
      { pooling: { size: 60, instances: 1, clients: 0.5, wait: "soon" as "5 s" } },
    ),
  );
  expect(message).toMatch(/db\.links\.a\.pool: .*transaction pool loses/);
  expect(message).toMatch(/db\.links\.a\.pool\.size: 0 connections/);
  expect(message).toMatch(/db\.maxConnections: the pool may open 120 connections/);
  expect(message).toMatch(/db-pool\.clients: 0\.5/);
  expect(message).toMatch(/db-pool\.wait: /);

  const links = (db: Postgres): Record<string, LinkRequest[]> => ({
    a: [db.as("a", { grants: ["read"] })],
  });
  const never = problemsOf(shop(links, { pooling: { wait: "0 s", queryTimeout: "0.1 ms" } }));
  expect(never).toMatch(/db-pool\.wait: is no time at all, which PgBouncer takes for no limit/);
  expect(never).toMatch(/db-pool\.queryTimeout: is no time at all/);
  expect(problemsOf(shop(links, { pooling: { wait: "500 ms" } }))).toBe("");

  const without = emptyShop();
  const db = new Postgres("db", { version: 15, storage: "1 GiB" }, in_(without));
  without.addLinks("x", "x", [db.as("x", { grants: ["read"], pool: { size: 5 } })]);
  expect(problemsOf(without)).toMatch(/db\.links\.x\.pool: there is no pool/);
});
