import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@redis/client";
import { Pool } from "pg";
import { loadConfig } from "./config";
import type { RedisClient } from "./dependencies";
import { counters } from "./metrics";
import { readMigrations } from "./migrate";
import { createLogger } from "./log";
import { readAnswer, readFound, stripePayments } from "./payments";
import { pauseSeconds } from "./routes/orders";
import { serverWith } from "./server.fixture";
import { orderFingerprint, orderStore } from "./stores/orders";

const DATABASE = process.env["TEST_DATABASE_URL"] ?? "";
const REDIS = process.env["TEST_REDIS_URL"] ?? "";
const needs = (...variables: string[]) => {
  const missing = variables.filter((variable) => !process.env[variable]);
  return { skip: missing.length > 0 ? `${missing.join(" and ")} not set` : false };
};

/** An empty database with the tables of orders, until the test ends. */
async function emptyDatabase(t: TestContext): Promise<Pool> {
  const name = `orders_${randomUUID().replaceAll("-", "")}`;
  const administrator = new Pool({ connectionString: DATABASE, max: 1 });
  await administrator.query(`CREATE DATABASE ${name}`);
  const url = new URL(DATABASE);
  url.pathname = `/${name}`;
  const pool = new Pool({ connectionString: url.href, max: 10 });
  // Dropping it by force ends what is on its way out.
  pool.on("error", () => undefined);
  t.after(async () => {
    await pool.end();
    await administrator.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await administrator.end();
  });
  for (const { sql } of await readMigrations("orders")) await pool.query(sql);
  return pool;
}

async function redis(t: TestContext): Promise<RedisClient> {
  // The type differs in modules that this service does not use.
  const client = createClient({ url: REDIS }) as unknown as RedisClient;
  await client.connect();
  t.after(() => client.destroy());
  return client;
}

const ORDER = {
  table: 7,
  items: [
    { dish: "tacos", quantity: 2 },
    { dish: "flan", quantity: 1 },
  ],
};

const key = (text: string) => ({ key: text, fingerprint: orderFingerprint(ORDER) });

test("orders are told apart by all that was ordered", () => {
  assert.equal(orderFingerprint(ORDER), orderFingerprint({ ...ORDER }));
  for (const other of [
    { ...ORDER, table: 8 },
    { ...ORDER, items: [...ORDER.items].reverse() },
    { ...ORDER, paymentMethod: "pm_card_visa" },
  ]) {
    assert.notEqual(orderFingerprint(ORDER), orderFingerprint(other));
  }
});

test("a payment's answer is paid, declined, or to be asked again", () => {
  const read = (status: number, body: object | string) => {
    const told: object[] = [];
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return { ...readAnswer(status, Buffer.from(text), (about) => told.push(about)), told };
  };
  assert.deepEqual(read(200, { id: "pi_1", status: "succeeded" }), {
    payment: "paid",
    paymentId: "pi_1",
    told: [],
  });
  const declined = { error: { type: "card_error", code: "card_declined" } };
  assert.equal(read(402, declined).payment, "declined");
  assert.equal(read(200, { id: "pi_1", status: "processing" }).payment, "unpaid");
  assert.equal(read(500, "<html>").payment, "unpaid");
  const refused = read(401, { error: { type: "invalid_request_error", message: "sk_live_1" } });
  assert.equal(refused.payment, "unpaid");
  assert(!JSON.stringify(refused.told).includes("sk_live_1"), "its words stay out of the log");
});

test("what can never succeed is declined, not asked again for ever", () => {
  const read = (status: number, body: object) =>
    readAnswer(status, Buffer.from(JSON.stringify(body)), () => undefined).payment;
  for (const over of ["requires_payment_method", "requires_action", "canceled"]) {
    assert.equal(read(200, { id: "pi_1", status: over }), "declined", over);
  }
  const error = { type: "invalid_request_error", code: "resource_missing" };
  const noSuchCard = { error: { ...error, param: "payment_method" } };
  assert.equal(read(400, noSuchCard), "declined");
  assert.equal(read(404, noSuchCard), "declined");
  assert.equal(read(500, noSuchCard), "unpaid", "not the card's fault");
  assert.equal(read(400, { error: { ...error, param: "currency" } }), "unpaid", "our own mistake");
  assert.equal(read(400, { error: { type: "idempotency_error" } }), "unpaid");
});

test("of an order's attempts the one that is paid, or may still be, counts", () => {
  const read = (...states: string[]) => {
    const data = states.map((status, n) => ({ id: `pi_${n}`, status }));
    return readFound(200, Buffer.from(JSON.stringify({ data })), () => undefined);
  };
  assert.equal(read(), undefined);
  assert.deepEqual(read("canceled", "succeeded"), { payment: "paid", paymentId: "pi_1" });
  assert.equal(read("requires_payment_method", "processing")?.payment, "unpaid");
  assert.equal(read("requires_action")?.payment, "declined");
  assert.equal(readFound(403, Buffer.from("{}"), () => undefined)?.payment, "unpaid");
  assert.equal(readFound(200, Buffer.from("<html>"), () => undefined)?.payment, "unpaid");
});

/** What is to be collected of an order that was placed some seconds ago. */
const due = (ageSeconds: number) => ({
  id: 1,
  reference: randomUUID(),
  totalCents: 950,
  paymentMethod: "pm_card_visa",
  placedAt: new Date(Date.now() - ageSeconds * 1_000),
});

test("the pause of an order that fails by itself doubles, up to an hour", () => {
  const pause = (age: number, resting = false) => Math.round(pauseSeconds(due(age), { resting }));
  assert.equal(pause(0), 3);
  assert.equal(pause(3), 3);
  assert.equal(pause(6), 6);
  assert.equal(pause(60), 60);
  assert.equal(pause(86_400), 3_600);
  assert.equal(pause(86_400, true), 3, "the breaker holds it back");
});

/** Payments by a Stripe that answers with `answer`, and what it was asked. */
async function paymentsBy(
  t: TestContext,
  answer: (method: string, key: string) => { status: number; body: object; replayed?: boolean },
) {
  const asked: { method: string; url: URL }[] = [];
  const server = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    asked.push({ method, url: new URL(url, "http://stripe") });
    const { status, body, replayed } = answer(method, String(headers["idempotency-key"]));
    response.writeHead(status, replayed ? { "idempotent-replayed": "true" } : {});
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const keyFile = join(mkdtempSync(join(tmpdir(), "stripe-")), "key");
  writeFileSync(keyFile, "sk_test_0123456789abcdef");
  const settings = {
    timeoutMs: 1_000,
    retries: 0,
    idempotent: false,
    breaker: { failures: 3, resetMs: 60_000 },
  };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const log = createLogger(loadConfig({ LOG_LEVEL: "silent" }));
  return { payments: stripePayments({ url, keyFile, settings }, log), asked };
}

test("an old order is looked for first: nobody is charged twice after Stripe forgot the key", async (t) => {
  let data: object[] = [{ id: "pi_7", status: "succeeded" }];
  const { payments, asked } = await paymentsBy(t, (method) => ({
    status: 200,
    body: method === "GET" ? { data } : { id: "pi_8", status: "succeeded" },
  }));
  const old = due(2 * 3_600);
  assert.deepEqual(await payments.collect(old), { payment: "paid", paymentId: "pi_7" });
  assert.deepEqual(
    asked.map(({ method, url }) => [method, url.pathname, url.searchParams.get("query")]),
    [["GET", "/v1/payment_intents/search", `metadata['order']:'${old.reference}'`]],
  );
  data = [];
  assert.deepEqual(await payments.collect(old), { payment: "paid", paymentId: "pi_8" });
  asked.length = 0;
  await payments.collect(due(60));
  assert.deepEqual(
    asked.map(({ method }) => method),
    ["POST"],
    "the key alone guards a young one",
  );
});

test("answers of 500 that Stripe keeps do not hold the breaker open for new orders", async (t) => {
  const kept = new Set<string>();
  let well = false;
  const { payments } = await paymentsBy(t, (_, key) => {
    const replayed = kept.has(key);
    if (well && !replayed) return { status: 200, body: { id: "pi_1", status: "succeeded" } };
    kept.add(key);
    return { status: 500, body: { error: { type: "api_error" } }, replayed };
  });
  const stuck = [due(1), due(1)];
  for (const one of stuck) assert.equal((await payments.collect(one)).payment, "unpaid");
  well = true;
  for (let n = 0; n < 5; n++) {
    for (const one of stuck) assert.equal((await payments.collect(one)).payment, "unpaid");
  }
  assert(!payments.resting);
  assert.equal((await payments.collect(due(0))).payment, "paid");
});

test("an order is checked before the database is asked", async () => {
  const asked: string[] = [];
  const { app } = await serverWith(
    { RESOURCE_PATH: "/api/orders", ...databaseEnvironment(), RESOURCE_KIND: "orders" },
    {
      query: (sql) => {
        asked.push(sql);
        return { rows: [] };
      },
    },
  );
  for (const wrong of [
    {},
    { table: 1, items: [] },
    { table: 0, items: ORDER.items },
    { table: 1, items: [{ dish: "tacos", quantity: 0 }] },
    { table: 1, items: [{ dish: "tacos", quantity: 1, price: 0 }] },
    { ...ORDER, paymentMethod: "4242424242424242" },
    { ...ORDER, totalCents: 1 },
  ]) {
    const answer = await app.inject({ method: "POST", url: "/api/orders", payload: wrong });
    assert.equal(answer.statusCode, 400, JSON.stringify(wrong));
  }
  for (const url of ["/api/orders/x", "/api/orders?state=eaten"]) {
    assert.equal((await app.inject(url)).statusCode, 400, url);
  }
  assert.deepEqual(asked, []);
  const unknown = await app.inject({ method: "POST", url: "/api/orders", payload: ORDER });
  assert.equal(unknown.statusCode, 422, "no row: a dish is not on the menu");
  await app.close();
});

test("an order is priced and kept once for each key", needs("TEST_DATABASE_URL"), async (t) => {
  const store = orderStore(await emptyDatabase(t));
  const made = await Promise.all(
    Array.from({ length: 10 }, () => store.place(ORDER, key("k"), 30)),
  );
  assert.equal(new Set(made.map((one) => one?.order.id)).size, 1);
  assert.equal(made.filter((one) => one?.firstFingerprint === undefined).length, 1);
  const [first] = made;
  assert.deepEqual(first?.order.items, [
    { dish: "tacos", quantity: 2, unitCents: 950 },
    { dish: "flan", quantity: 1, unitCents: 650 },
  ]);
  assert.equal(first?.order.totalCents, 2_550);
  assert.equal(first?.order.state, "placed");
  assert.equal(first?.order.payment, "unpaid");
  assert.equal(first?.due, undefined, "paid at the table");

  const unknown = { table: 1, items: [...ORDER.items, { dish: "caviar", quantity: 1 }] };
  assert.equal(await store.place(unknown, key("other"), 30), undefined);
  assert.equal((await store.list(0, 10)).length, 1, "nothing of it is kept");
});

test("an order goes on and never back", needs("TEST_DATABASE_URL"), async (t) => {
  const store = orderStore(await emptyDatabase(t));
  const placed = await store.place(ORDER, key("k"), 30);
  const id = placed?.order.id ?? 0;
  assert.equal((await store.advance(id, "cooked"))?.state, "cooked");
  assert.equal((await store.advance(id, "cooked"))?.state, "cooked");
  assert.equal(await store.advance(id, "in_kitchen"), undefined);
  assert.equal((await store.get(id))?.state, "cooked");
  assert.equal(await store.advance(id + 1, "served"), undefined);
  assert.deepEqual(
    (await store.list(0, 10, "cooked")).map((order) => order.id),
    [id],
  );
  assert.deepEqual(await store.list(0, 10, "placed"), []);
});

test("what is taken is taken by one alone, for a while", needs("TEST_DATABASE_URL"), async (t) => {
  const store = orderStore(await emptyDatabase(t));
  const paying = { ...ORDER, paymentMethod: "pm_card_visa" };
  for (let n = 0; n < 20; n++) {
    const fingerprint = orderFingerprint(paying);
    await store.place(paying, { key: `k${n}`, fingerprint }, 0.3);
  }
  assert.deepEqual(await store.takeDue(20, 30), [], "whoever placed them tries first");
  await sleep(400);
  const taken = await Promise.all([1, 2, 3, 4].map(() => store.takeDue(5, 30)));
  const ids = taken.flat().map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.equal(await store.settle(id, "paid", "pi_1"), true);
  assert.equal(await store.settle(ids[0] ?? 0, "declined", null), false);
  assert.equal((await store.get(ids[0] ?? 0))?.payment, "paid", "the first word counts");

  const told = await Promise.all([1, 2].map(() => store.takeUnqueued(20, 0.3)));
  assert.equal(told.flat().length, 20);
  assert.equal((await store.takeUnqueued(20, 0.3)).length, 0);
  await sleep(400);
  await store.advance(told.flat()[0]?.id ?? 0, "in_kitchen");
  assert.equal((await store.takeUnqueued(20, 0.3)).length, 19, "until the kitchen says it knows");
});

/** What switches a kind of resource on; nothing of it is connected to. */
function databaseEnvironment(): Record<string, string> {
  const file = join(mkdtempSync(join(tmpdir(), "orders-")), "password");
  writeFileSync(file, "p");
  return {
    DATABASE_HOST: "db",
    DATABASE_NAME: "orders",
    DATABASE_USER: "orders",
    DATABASE_PASSWORD_FILE: file,
  };
}

test(
  "an order is placed, told to the kitchen, cooked, and paid when payment is back",
  needs("TEST_DATABASE_URL", "TEST_REDIS_URL"),
  async (t) => {
    const pool = await emptyDatabase(t);
    let well = false;
    const charged = new Set<string>();
    const stripe = createServer((request, response) => {
      if (!well) return response.writeHead(500).end("{}");
      charged.add(String(request.headers["idempotency-key"]));
      response.writeHead(200).end('{"id":"pi_1","status":"succeeded"}');
    });
    await new Promise<void>((resolve) => stripe.listen(0, "127.0.0.1", resolve));
    t.after(() => {
      stripe.closeAllConnections();
      stripe.close();
    });
    const keyFile = join(mkdtempSync(join(tmpdir(), "stripe-")), "key");
    writeFileSync(keyFile, "sk_test_0123456789abcdef");
    const queue = `q-${randomUUID()}`;
    const orders = await serverWith(
      {
        ...databaseEnvironment(),
        RESOURCE_KIND: "orders",
        RESOURCE_PATH: "/api/orders",
        QUEUE_NAME: queue,
        STRIPE_HOST: "127.0.0.1",
        STRIPE_PORT: String((stripe.address() as AddressInfo).port),
        STRIPE_KEY_FILE: keyFile,
        STRIPE_ALLOW_PLAIN: "true",
        STRIPE_BREAKER_FAILURES: "2",
        STRIPE_BREAKER_RESET_MS: "500",
      },
      { database: pool, redisClient: await redis(t) },
    );
    await orders.app.listen({ host: "127.0.0.1", port: 0 });
    t.after(() => orders.app.close());
    const kitchen = await serverWith(
      {
        SERVICE_NAME: `kitchen-${randomUUID()}`,
        REDIS_HOST: "cache",
        RESOURCE_KIND: "kitchen",
        RESOURCE_PATH: "/api/kitchen",
        RESOURCE_UPSTREAM: "order-service",
        QUEUE_NAME: queue,
        ORDER_SERVICE_URL: `http://127.0.0.1:${(orders.app.server.address() as AddressInfo).port}`,
        ORDER_SERVICE_IDEMPOTENT: "true",
      },
      { redisClient: await redis(t), blockingRedis: await redis(t) },
    );
    await kitchen.app.listen({ host: "127.0.0.1", port: 0 });
    t.after(() => kitchen.app.close());

    const place = (paymentMethod?: string, again?: string) =>
      orders.app.inject({
        method: "POST",
        url: "/api/orders",
        ...(again && { headers: { "idempotency-key": again } }),
        payload: { ...ORDER, ...(paymentMethod && { paymentMethod }) },
      });
    const until = async (what: string, check: () => Promise<boolean>) => {
      for (const end = Date.now() + 10_000; !(await check()); await sleep(50)) {
        assert(Date.now() < end, what);
      }
    };
    const counted = async () => ({
      placed: (await counters.ordersPlaced.get()).values[0]?.value ?? 0,
      cents: (await counters.ordersPaid.get()).values[0]?.value ?? 0,
    });
    const before = await counted();
    const made = [
      await place("pm_card_visa"),
      await place("pm_card_visa"),
      await place("pm_card_visa"),
      await place(undefined, "once"),
    ];
    assert.equal((await place(undefined, "once")).headers["idempotency-replayed"], "true");
    for (const { statusCode, json } of made) {
      assert.equal(statusCode, 201);
      assert.equal(json().payment, "unpaid");
    }
    const ids = made.map(({ json }) => json().id as number);
    const tickets = async () =>
      ((await kitchen.app.inject("/api/kitchen")).json().tickets as { id: number }[]).map(
        (t) => t.id,
      );
    await until("the kitchen has them", async () => (await tickets()).length === 4);
    assert.deepEqual(await tickets(), ids);
    const state = async (id: number) => (await orders.app.inject(`/api/orders/${id}`)).json();
    await until(
      "the kitchen says so",
      async () => (await state(ids[3] ?? 0)).state === "in_kitchen",
    );

    const cooked = await kitchen.app.inject({
      method: "POST",
      url: `/api/kitchen/${ids[0]}/cooked`,
    });
    assert.equal(cooked.statusCode, 200);
    assert.equal((await state(ids[0] ?? 0)).state, "cooked");
    assert.deepEqual(await tickets(), ids.slice(1));

    well = true;
    await until("all are paid", async () => {
      const all = await Promise.all(ids.slice(0, 3).map(state));
      return all.every(({ payment }) => payment === "paid");
    });
    assert.equal(charged.size, 3);
    assert.equal((await state(ids[3] ?? 0)).payment, "unpaid", "paid at the table");
    const after = await counted();
    assert.equal(after.placed - before.placed, 4, "what is sent again counts once (PR-03)");
    assert.equal(
      after.cents - before.cents,
      3 * (2 * 950 + 650),
      "what is paid at the table is not in it",
    );
  },
);
