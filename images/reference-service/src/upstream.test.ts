import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { UpstreamSettings } from "./config";
import { serverWith } from "./server.fixture";
import { Upstream, UpstreamError } from "./upstream";

/** Another service that answers with what `status` says, after `ms`. */
async function other(t: TestContext) {
  const seen: { method: string; url: string; key: string; body: string }[] = [];
  const mood = { status: 200, ms: 0 };
  const text = async (request: IncomingMessage) => {
    let all = "";
    for await (const piece of request) all += String(piece);
    return all;
  };
  const server = createServer(async (request, response) => {
    const { method = "", url = "", headers } = request;
    seen.push({
      method,
      url,
      key: String(headers["idempotency-key"] ?? ""),
      body: await text(request),
    });
    const { status, ms } = mood;
    await sleep(ms);
    response.writeHead(status, { "content-type": "application/json", location: "/there" });
    response.end(JSON.stringify({ url }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, mood };
}

const settings = (url: string, more: Partial<UpstreamSettings> = {}): UpstreamSettings => ({
  url,
  timeoutMs: 200,
  retries: 0,
  idempotent: false,
  ...more,
});

const get = (upstream: Upstream) =>
  upstream.send({ method: "GET", url: new URL("/a", upstream.base) });
const post = (upstream: Upstream) =>
  upstream.send({ method: "POST", url: new URL("/a", upstream.base), body: "{}" });

const reasonOf = async (attempt: Promise<unknown>): Promise<string> => {
  try {
    await attempt;
    return "none";
  } catch (error) {
    assert(error instanceof UpstreamError, String(error));
    return error.reason;
  }
};

test("a service that is slow is given up in time, one that is away at once", async (t) => {
  const { url, mood } = await other(t);
  mood.ms = 2_000;
  const begun = Date.now();
  assert.equal(await reasonOf(get(new Upstream("slow", settings(url)))), "slow");
  assert(Date.now() - begun < 1_000);
  const gone = new Upstream("gone", settings("http://127.0.0.1:1"));
  assert.equal(await reasonOf(get(gone)), "failed");
});

test("what failed is tried again, with a body only where the link says so", async (t) => {
  const { url, seen, mood } = await other(t);
  mood.status = 503;
  const careful = new Upstream("careful", settings(url, { retries: 2 }));
  assert.equal((await get(careful)).status, 503);
  assert.equal(seen.length, 3);
  seen.length = 0;
  assert.equal((await post(careful)).status, 503);
  assert.equal(seen.length, 1);
  seen.length = 0;
  const keyed = new Upstream("keyed", settings(url, { retries: 2, idempotent: true }));
  await post(keyed);
  assert.equal(seen.length, 3);
  seen.length = 0;
  mood.status = 404;
  assert.equal((await get(careful)).status, 404);
  assert.equal(seen.length, 1, "an answer is an answer");
});

test("a breaker opens after some failures in a row, and closes when one attempt works", async (t) => {
  const { url, seen, mood } = await other(t);
  const breaker = { failures: 3, resetMs: 150 };
  const upstream = new Upstream("breaking", settings(url, { breaker }));
  mood.status = 500;
  for (let n = 0; n < 3; n++) assert.equal((await get(upstream)).status, 500);
  assert(upstream.resting);
  assert.equal(await reasonOf(get(upstream)), "resting");
  assert.equal(seen.length, 3, "nobody was asked");
  await sleep(200);
  assert.equal((await get(upstream)).status, 500, "one may try");
  assert.equal(await reasonOf(get(upstream)), "resting");
  await sleep(200);
  mood.status = 200;
  assert.equal((await get(upstream)).status, 200);
  assert(!upstream.resting);
  mood.status = 404;
  for (let n = 0; n < 5; n++) await get(upstream);
  assert(!upstream.resting, "the client's mistakes are not the service's");
});

test("a proxy hands on what it may, and gives a POST a key", async (t) => {
  const { url, seen, mood } = await other(t);
  const { app } = await serverWith({
    RESOURCE_KIND: "proxy",
    RESOURCE_PATH: "/api/orders",
    RESOURCE_UPSTREAM: "order-service",
    RESOURCE_METHODS: "GET,POST",
    ORDER_SERVICE_URL: url,
    ORDER_SERVICE_RETRIES: "1",
    ORDER_SERVICE_IDEMPOTENT: "true",
  });
  t.after(() => app.close());
  mood.status = 201;
  const payload = { table: 1 };
  const made = await app.inject({ method: "POST", url: "/api/orders?a=b", payload });
  assert.equal(made.statusCode, 201);
  assert.equal(made.headers.location, "/there");
  assert.deepEqual(seen[0]?.body, JSON.stringify(payload));
  assert.equal(seen[0]?.url, "/api/orders?a=b");
  assert.match(seen[0]?.key ?? "", /^[0-9a-f-]{36}$/);
  seen.length = 0;
  mood.status = 503;
  const headers = { "idempotency-key": "mine" };
  await app.inject({ method: "POST", url: "/api/orders", payload, headers });
  assert.deepEqual(
    seen.map(({ key }) => key),
    ["mine", "mine"],
    "the same key for every attempt",
  );
  mood.status = 200;
  for (const path of ["/api/orders/", "/api/orders/7"]) {
    assert.equal((await app.inject(path)).json().url, path);
  }
  const put = await app.inject({ method: "PUT", url: "/api/orders/7/state", payload });
  assert.equal(put.statusCode, 404);
  for (const path of ["/api/orders/../metrics", "/api/orders/%2e%2e/metrics"]) {
    assert.equal((await app.inject(path)).statusCode, 404, path);
  }
});
