import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { MongoNetworkError, MongoServerError } from "mongodb";
import { CrashWindow } from "./cluster";
import { isUnavailable } from "./errors";
import { Faults } from "./faults";
import { safeError } from "./log";
import { mailFailure } from "./mail";
import { pendingMigrations, readMigrations } from "./migrate";
import { mongoUrl, newMongoClient } from "./mongo";
import { sessionKey } from "./routes/sessions";
import { tryConnect } from "./routes/testing";
import { upstreamUrl } from "./routes/upstreams";
import { parseMessage } from "./routes/websocket";
import { requestId } from "./server";
import { idempotencyKey } from "./stores/mongo";
import { fingerprint } from "./stores/store";
import { backoffMs, cached, withTimeout } from "./timing";

test("back-off doubles up to five seconds", () => {
  const most = () => 1;
  assert.deepEqual(
    [0, 1, 2, 6, 50].map((n) => backoffMs(n, most)),
    [100, 200, 400, 5000, 5000],
  );
  assert.equal(
    backoffMs(0, () => 0),
    80,
  );
});

test("a cached result is shared and then renewed", async () => {
  let now = 0;
  let runs = 0;
  const ask = cached(
    async () => ++runs,
    1000,
    () => now,
  );
  assert.deepEqual(await Promise.all([ask(), ask()]), [1, 1]);
  now = 999;
  assert.equal(await ask(), 1);
  now = 1000;
  assert.equal(await ask(), 2);
});

test("work that hangs is given up", async () => {
  await assert.rejects(withTimeout(new Promise(() => undefined), 10), (error) => {
    assert.match(String(error), /no answer within 10 ms/);
    return isUnavailable(error);
  });
  assert.equal(await withTimeout(Promise.resolve(1), 10), 1);
});

test("a crash loop is more than five crashes in thirty seconds", () => {
  const crashes = new CrashWindow();
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((at) => crashes.add(at)),
    Array(5).fill(false),
  );
  assert.equal(crashes.add(30_002), false, "the first ones are too old by then");
  assert.equal(crashes.add(30_002), false);
  const quick = new CrashWindow();
  assert.deepEqual([0, 1, 2, 3, 4, 5].map((at) => quick.add(at)).at(-1), true);
});

test("an absent dependency is told from a wrong request", () => {
  const withCode = (code: string) => Object.assign(new Error("x"), { code });
  for (const code of ["ECONNREFUSED", "57P01", "08006", "53300"]) {
    assert(isUnavailable(withCode(code)), code);
  }
  assert(isUnavailable(new Error("Connection terminated unexpectedly")));
  assert(isUnavailable(new MongoNetworkError("connection 1 closed")));
  assert(isUnavailable(new MongoServerError({ code: 18, message: "Authentication failed." })));
  assert(!isUnavailable(new MongoServerError({ code: 11000, message: "E11000" })));
  assert(!isUnavailable(withCode("23505")));
  assert(!isUnavailable(new TypeError("x is not a function")));
});

test("a logged error holds no more than its kind", () => {
  const error = Object.assign(new Error("duplicate key"), {
    code: "23505",
    detail: "(name)=(Ana)",
  });
  assert(!JSON.stringify(safeError(error)).includes("Ana"));
});

test("faults end by themselves", () => {
  let now = 0;
  const faults = new Faults(
    () => now,
    () => 0.05,
  );
  faults.failFor(0.1, 10);
  faults.slowFor(250, 5);
  assert(faults.fails());
  assert.equal(faults.delay(), 250);
  now = 5_000;
  assert.equal(faults.delay(), 0);
  now = 10_000;
  assert(!faults.fails());
});

test("migrations run once, in order, and may not change afterwards", async () => {
  const all = await readMigrations();
  assert.deepEqual(
    all.map(({ name }) => name),
    ["0001_items.sql", "0002_place.always.sql"],
  );
  assert.deepEqual(pendingMigrations(all, new Map()), all);
  const applied = new Map(all.map(({ name, checksum }) => [name, checksum]));
  assert.deepEqual(
    pendingMigrations(all, applied).map(({ name }) => name),
    ["0002_place.always.sql"],
  );
  applied.set("0001_items.sql", "other");
  assert.throws(() => pendingMigrations(all, applied), /0001_items.sql was changed/);
});

test("orders have migrations of their own", async () => {
  assert.deepEqual(
    (await readMigrations("orders")).map(({ name }) => name),
    ["0001_orders.sql"],
  );
});

test("a fingerprint is of all that was asked", () => {
  assert.equal(fingerprint({ name: "a" }), fingerprint({ name: "a" }));
  assert.notEqual(fingerprint({ name: "a" }), fingerprint({ name: "a", note: "" }));
});

test("MongoDB is found and logged in to by the settings", async () => {
  const mongo = {
    host: "documents",
    port: 27017,
    name: "users",
    user: "users_a",
    passwordFile: "/run/secrets/mongo",
    options: "directConnection=true",
  };
  assert.equal(mongoUrl(mongo), "mongodb://documents:27017/users?directConnection=true");
  const { options } = await newMongoClient(mongo, "p@ss/word", "users", 10);
  assert.equal(options.credentials?.source, "users");
  assert.equal(options.credentials?.username, "users_a");
  assert.equal(options.credentials?.password, "p@ss/word");
  assert.equal(options.directConnection, true);
  assert.equal(options.appName, "users");
  const admin = { ...mongo, options: "authSource=admin" };
  assert.equal((await newMongoClient(admin, "p", "users", 1)).options.credentials?.source, "admin");
});

test("an item without a client's key has one of its own", () => {
  assert.equal(idempotencyKey("k"), "given:k");
  assert.notEqual(idempotencyKey(undefined), idempotencyKey(undefined));
});

test("a mail's failure is logged without the server's words", () => {
  const error = Object.assign(new Error("Invalid login: 535 shop@example.org"), {
    code: "EAUTH",
    command: "AUTH PLAIN",
    response: "535 shop@example.org",
    responseCode: 535,
  });
  assert.deepEqual(mailFailure(error), {
    reason: "EAUTH",
    command: "AUTH PLAIN",
    responseCode: 535,
  });
});

test("a session's key does not show its id", () => {
  assert.match(sessionKey("api", "id", "k".repeat(32)), /^api:session:[0-9a-f]{64}$/);
  assert.notEqual(sessionKey("api", "id"), sessionKey("api", "id", "k".repeat(32)));
});

test("an upstream's inside stays inside", () => {
  const base = new URL("http://mail:8000");
  const url = (path: string, everyPath = false) => upstreamUrl(base, path, "?a=1", everyPath).href;
  assert.equal(url("health/ready"), "http://mail:8000/health/ready?a=1");
  assert.equal(url("metrics", true), "http://mail:8000/metrics?a=1");
  for (const path of ["metrics", "/evil.example/api/", "api/../metrics", "api/%2e%2e/metrics"]) {
    assert.throws(() => url(path), /not reachable/, path);
  }
  assert.throws(() => url("api/%252e%252e%252fmetrics%"), /not reachable/);
});

test("a client's request id is taken when it is harmless", () => {
  assert.equal(requestId("abc-1"), "abc-1");
  assert.match(requestId('"}\n'), /^[0-9a-f-]{36}$/);
  assert.match(requestId(undefined), /^[0-9a-f-]{36}$/);
});

test("a message is its JSON or its text", () => {
  assert.deepEqual(parseMessage('{"a":1}'), { a: 1 });
  assert.equal(parseMessage("plain"), "plain");
});

test("a port is open, refused or closed", async () => {
  const server = createServer((socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  assert.deepEqual(await tryConnect("127.0.0.1", port), { result: "open" });
  await new Promise((resolve) => server.close(resolve));
  assert.deepEqual(await tryConnect("127.0.0.1", port), {
    result: "refused",
    reason: "ECONNREFUSED",
  });
  assert.equal((await tryConnect("no-such-host.invalid", 80)).result, "closed");
});
