import { CaddyGateway } from "../../components/gateway/caddy/caddy";
import { External } from "../../components/external";
import { Mongo } from "../../components/mongo/mongo";
import { Postgres } from "../../components/postgres/postgres";
import { Redis } from "../../components/redis/redis";
import { Service } from "../../components/service";
import { in_, type LinkRequest, System } from "../../components/system";
import { fillText, type Text } from "../../model/text";
import { portClashes } from "../../stack/clashes";
import { emptyShop, problemsOf, serviceArgs } from "../support/shop";

test("a link gives a role, a password file, variables, a path and an order", () => {
  const shop = emptyShop();
  const db = new Postgres("db", { version: 15, storage: "1 GiB" }, in_(shop));
  new Service("api", serviceArgs({ links: [db.as("api", { grants: ["read"] })] }), in_(shop));
  const model = shop.describe();
  const api = model.workloads.find((w) => w.name === "api")!;
  expect(api.environment).toMatchObject({
    DATABASE_HOST: "db",
    DATABASE_PORT: "5432",
    DATABASE_NAME: "shop",
    DATABASE_USER: "shop_api_a",
    DATABASE_PASSWORD_FILE: "/run/secrets/db-api-password",
  });
  expect(api.secrets).toEqual([{ secret: "db-api-password", file: "db-api-password" }]);
  expect(api.startAfter).toEqual(["db", "db-grant"]);
  expect(model.links).toContainEqual({
    consumer: "api",
    provider: "db",
    ports: [5432],
    as: "api",
    label: "read",
  });
});

test("a link may name a database of its own: its roles and its grants are there alone (FV-10)", () => {
  const shop = emptyShop();
  const db = new Postgres("db", { version: 15, storage: "1 GiB" }, in_(shop));
  const link = (as: string, database: string): LinkRequest =>
    db.as(as, { grants: ["read"], database });
  new Service("users", serviceArgs({ links: [link("user", "users")] }), in_(shop));
  new Service("orders", serviceArgs({ links: [link("order", "orders")] }), in_(shop));
  const { secrets, workloads } = shop.describe();
  const access = secrets.find((s) => s.name === "db-access")!.source;
  const { databases } = JSON.parse(
    fillText(
      (access as { content: Text }).content,
      new Map([
        ["db-user-password", "a"],
        ["db-order-password", "b"],
      ]),
    ),
  ) as { databases: { database: string; owner: string; links: { group: string }[] }[] };
  expect(databases.map((d) => [d.database, d.owner, d.links.map((l) => l.group)])).toEqual([
    ["orders", "orders_owner", ["orders_order"]],
    ["users", "users_owner", ["users_user"]],
  ]);
  expect(workloads.find((w) => w.name === "users")!.environment).toMatchObject({
    DATABASE_NAME: "users",
    DATABASE_USER: "users_user_a",
  });
});

test("every store begins on a volume that a job has made one, and never by itself", () => {
  const shop = emptyShop();
  const placement = in_(shop);
  new Postgres("db", { version: 15, storage: "1 GiB" }, placement);
  new Mongo("documents", { version: 8, storage: "1 GiB" }, placement);
  new Redis("cache", { version: 7, memory: "64 MiB" }, placement);
  const { workloads, jobs } = shop.describe();
  for (const { name, volumes, startAfter } of workloads) {
    expect(startAfter).toContain(`${name}-init`);
    const init = jobs.find((job) => job.name === `${name}-init`)!;
    expect([init.command[1], init.volumes]).toEqual(["init", volumes]);
  }
});

test("MongoDB: a user for each link, in its own database, and a key that the server alone has (FV-02)", () => {
  const shop = emptyShop();
  const mongo = new Mongo("documents", { version: 8, storage: "1 GiB" }, in_(shop));
  const grants = ["read", "write"] as const;
  new Service(
    "reviews",
    serviceArgs({ links: [mongo.as("review", { grants, database: "reviews" })] }),
    in_(shop),
  );
  const { secrets, workloads, jobs } = shop.describe();
  expect(workloads.find((w) => w.name === "reviews")!.environment).toMatchObject({
    MONGO_HOST: "documents",
    MONGO_PORT: "27017",
    MONGO_NAME: "reviews",
    MONGO_USER: "review_a",
    MONGO_PASSWORD_FILE: "/run/secrets/documents-review-password",
    MONGO_OPTIONS: "authSource=reviews&directConnection=true",
  });
  const access = secrets.find((s) => s.name === "documents-access")!.source;
  const content = (access as { content: Text }).content;
  expect(JSON.parse(fillText(content, new Map([["documents-review-password", 'p"w']])))).toEqual({
    databases: ["reviews"],
    users: [{ name: "review_a", database: "reviews", password: 'p"w', grants: ["read", "write"] }],
  });
  const readers = [...workloads, ...jobs].filter((r) =>
    r.secrets.some((m) => m.secret === "documents-member-key"),
  );
  expect(readers.map((r) => r.name)).toEqual(["documents"]);
  expect(jobs.map((j) => j.name)).toEqual([
    "documents-init",
    "documents-grant",
    "documents-revoke",
  ]);
});

test("MongoDB: who monitors has a user of its own, with statistics and no data (FV-07, FV-10)", () => {
  const shop = new System("shop", { ...emptyShop().args, observed: true });
  const mongo = new Mongo("documents", { version: 8, storage: "1 GiB" }, in_(shop));
  const grants = ["read"] as const;
  new Service(
    "reviews",
    serviceArgs({ links: [mongo.as("review", { grants, database: "reviews" })] }),
    in_(shop),
  );
  const { secrets, workloads, scrapes } = shop.describe();
  const exporter = workloads.find((w) => w.name === "documents-metrics")!;
  expect(exporter.args).toEqual(["mongodb-exporter"]);
  expect(exporter.environment).toMatchObject({
    MONGO_HOST: "documents",
    MONGO_USER: "metrics_a",
    MONGO_PASSWORD_FILE: "/run/secrets/documents-metrics-password",
    // No database is its own: one of a consumer's knows it.
    MONGO_NAME: "reviews",
  });
  expect(exporter.secrets.map(({ secret }) => secret)).toEqual(["documents-metrics-password"]);
  expect(scrapes).toContainEqual({
    component: "documents",
    workload: "documents-metrics",
    port: 9216,
    path: "/metrics",
  });
  const access = secrets.find((s) => s.name === "documents-access")!.source;
  const passwords = new Map([
    ["documents-review-password", "r"],
    ["documents-metrics-password", "m"],
  ]);
  const text = fillText((access as { content: Text }).content, passwords);
  const { databases, users } = JSON.parse(text) as { databases: string[]; users: object[] };
  expect(databases).toEqual(["reviews"]);
  expect(users).toContainEqual({
    name: "metrics_a",
    database: "reviews",
    password: "m",
    grants: ["monitor"],
  });
});

test("MongoDB's own databases are no links'", () => {
  const shop = emptyShop();
  const mongo = new Mongo("documents", { version: 8, storage: "1 GiB" }, in_(shop));
  const links = [
    mongo.as("a", { grants: ["read"], database: "admin" }),
    mongo.as("b", { grants: [], env: "B" }),
  ];
  new Service("reviews", serviceArgs({ links }), in_(shop));
  expect(problemsOf(shop)).toMatch(
    /links\.a\.database: "admin" is no name(?:.|\n)*links\.b\.grants: is empty/,
  );
});

test("services that were written in any order may call each other; none waits", () => {
  const shop = emptyShop();
  const [a, b] = ["a", "b"].map((name) => new Service(name, serviceArgs(), in_(shop)));
  a!.calls(b!);
  b!.calls(a!);
  const { workloads } = shop.describe();
  expect(
    workloads.map((w) => [w.environment["A_URL"] ?? w.environment["B_URL"], w.startAfter]),
  ).toEqual([
    ["http://b:8000", []],
    ["http://a:8000", []],
  ]);
});

test("a consumer's secrets are mounted by nobody else but the store's own jobs", () => {
  const shop = emptyShop();
  const db = new Postgres("db", { version: 15, storage: "1 GiB" }, in_(shop));
  new Service("api", serviceArgs({ links: [db.as("api", { grants: ["read"] })] }), in_(shop));
  new Service("web", serviceArgs(), in_(shop));
  const model = shop.describe();
  const holders = [...model.workloads, ...model.jobs]
    .filter((r) => r.secrets.some((m) => m.secret === "db-api-password"))
    .map((r) => r.name);
  expect(holders).toEqual(["api"]);
});

test("grants come before consumers, revocations after they changed", () => {
  const shop = emptyShop();
  const db = new Postgres("db", { version: 15, storage: "1 GiB" }, in_(shop));
  new Service("api", serviceArgs({ links: [db.as("api", { grants: ["read"] })] }), in_(shop));
  const { jobs } = shop.describe();
  expect(jobs.find((j) => j.name === "db-grant")!.startAfter).toEqual(["db"]);
  expect(jobs.find((j) => j.name === "db-revoke")!.startAfter).toEqual(["db", "db-grant", "api"]);
});

test("a link may name a provider that was written after its consumer's system began", () => {
  const shop = emptyShop();
  const cache = new Redis("cache", { version: 7, memory: "64 MiB" }, in_(shop));
  new Service("api", serviceArgs({ links: [cache.as("api", { keys: ["session:*"] })] }), in_(shop));
  const access = shop.describe().secrets.find((s) => s.name === "cache-access")!;
  expect(JSON.stringify(access.source)).toContain("~session:*");
});

test("everything wrong with a system is said at once", () => {
  const shop = emptyShop();
  const db = new Postgres("db", { version: 15, storage: "20 GB" as "20 GiB" }, in_(shop));
  new Service(
    "Api",
    serviceArgs({
      port: 0,
      environment: { JWT_SECRET_KEY: "oops", "BAD-NAME": "x" },
      links: [db.as("x", { grants: ["read"] }), db.as("x", { grants: [] })],
      scale: { min: 3, max: 2 },
      health: { live: "no-slash", ready: "/ready" },
    }),
    in_(shop),
  );
  new External("mail", { host: "not a host", port: 99_999 }, in_(shop));
  new External("relay", { host: "relay", port: 25 }, in_(shop));
  const message = problemsOf(shop);
  for (const part of [
    "shop.Api: ",
    "shop.db.storage",
    "shop.Api.environment.JWT_SECRET_KEY: looks like a secret",
    "shop.Api.environment.BAD-NAME",
    "shop.db.links.x: the name is taken",
    "shop.db.links.x.grants: is empty",
    "shop.Api.scale: 3 to 2 instances",
    "shop.Api.health",
    "shop.Api.port: 0 is no port",
    "shop.mail.host",
    "shop.mail.port",
    'shop.relay.host: "relay" has no domain',
  ]) {
    expect(message).toContain(part);
  }
  expect(message).not.toContain("oops");
});

test("services that wait for each other are a problem, with a way out", () => {
  const shop = emptyShop();
  // The first names the second before it exists: described lazily, as in a real file.
  const later: { b?: Service } = {};
  const a = new Service("a", serviceArgs(), in_(shop));
  later.b = new Service("b", serviceArgs({ links: [a.as("b")] }), in_(shop));
  shop.addLinks("a", "a", [later.b.as("a")]);
  expect(problemsOf(shop)).toContain("a → b → a");
});

test("a link to another system's component is refused", () => {
  const other = emptyShop();
  const db = new Postgres("db", { version: 15, storage: "1 GiB" }, in_(other));
  const shop = emptyShop();
  new Service("api", serviceArgs({ links: [db.as("api", { grants: ["read"] })] }), in_(shop));
  expect(problemsOf(shop)).toContain("belongs to another system");
});

test("two gateways on one port clash", () => {
  const shop = emptyShop();
  const api = new Service("api", serviceArgs(), in_(shop));
  const tls = { issuer: "internal" } as const;
  new CaddyGateway("edge", { hosts: { "a.test": api }, tls }, in_(shop));
  new CaddyGateway("edge2", { hosts: { "b.test": api }, tls }, in_(shop));
  expect(portClashes([shop.describe()]).map((p) => p.message)).toEqual([
    "port 80 is already taken by shop.edge",
    "port 443 is already taken by shop.edge",
  ]);
});

test("three systems on the same ports are told of three pairs that do not clash (AT-01)", () => {
  const systems = ["one", "two", "three"].map((name) => {
    const system = emptyShop(name);
    const api = new Service("api", serviceArgs(), in_(system));
    new CaddyGateway(
      "edge",
      { hosts: { "a.test": api }, tls: { issuer: "internal" } },
      in_(system),
    );
    return system.describe();
  });
  expect(portClashes(systems).map(({ fix }) => fix?.replace(/.*--path /, ""))).toEqual([
    "'two.ports.http' 8080",
    "'two.ports.https' 8443",
    "'three.ports.http' 8081",
    "'three.ports.https' 8444",
  ]);
});
