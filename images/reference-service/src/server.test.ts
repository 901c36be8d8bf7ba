import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { FastifyInstance } from "fastify";
import { WebSocket } from "ws";
import { PollError, poll } from "./bot";
import { serverWith } from "./server.fixture";

async function listen(app: FastifyInstance): Promise<number> {
  await app.listen({ host: "127.0.0.1", port: 0 });
  return (app.server.address() as AddressInfo).port;
}

test("health tells what is up, and readiness follows", async () => {
  const { app, states } = await serverWith({}, { redis: "up" });
  const health = await app.inject("/health");
  assert.equal(health.statusCode, 200);
  const { uptime, ...rest } = health.json();
  assert.equal(typeof uptime, "number");
  assert.deepEqual(rest, {
    status: "ok",
    service: "reference-service",
    version: "1.2.3",
    database: "off",
    mongo: "off",
    redis: "up",
  });
  assert.equal((await app.inject("/health/ready")).statusCode, 200);

  states.redis = "down";
  const red = await app.inject("/health/ready");
  assert.equal(red.statusCode, 503);
  assert.equal(red.headers["retry-after"], "2");
  assert.deepEqual(red.json(), { status: "not ready", failing: ["redis"] });
  assert.equal(red.headers.connection, "keep-alive");
  assert.equal((await app.inject("/health/live")).statusCode, 200);
  assert.equal((await app.inject("/health")).json().status, "degraded");
  await app.close();
});

test("draining is red, closes connections and still serves", async () => {
  const { app, lifecycle } = await serverWith();
  lifecycle.startDraining();
  const ready = await app.inject("/health/ready");
  assert.equal(ready.statusCode, 503);
  assert.equal(ready.json().status, "draining");
  const page = await app.inject("/openapi.json");
  assert.equal(page.statusCode, 200);
  assert.equal(page.headers.connection, "close");
  await app.close();
});

test("BREAK=ready is never ready", async () => {
  const { app } = await serverWith({ BREAK: "ready" });
  assert.deepEqual((await app.inject("/health/ready")).json().failing, ["startup"]);
  await app.close();
});

test("the pages need nothing from elsewhere and no inline script", async () => {
  const { app } = await serverWith();
  for (const url of ["/docs", "/redoc"]) {
    const { body, headers } = await app.inject(url);
    assert.match(String(headers["content-type"]), /^text\/html/);
    assert.doesNotMatch(body, /https?:|style=|<style|<script(?! src="\/docs\/)/);
  }
  for (const url of ["/docs/docs.js", "/docs/docs.css"]) {
    assert.equal((await app.inject(url)).statusCode, 200);
  }
  const api = (await app.inject("/openapi.json")).json();
  assert.match(api.openapi, /^3\.0/);
  assert(api.paths["/health/ready"]);
  await app.close();
});

test("test hooks are there only when asked for, and bots have no API", async () => {
  const plain = await serverWith();
  assert.equal((await plain.app.inject("/test/who")).statusCode, 404);
  await plain.app.close();
  const bot = await serverWith({ ROLE: "bot", TEST_HOOKS: "true" });
  assert.equal((await bot.app.inject("/test/who")).json().role, "bot");
  assert.equal((await bot.app.inject("/docs")).statusCode, 404);
  assert.equal((await bot.app.inject("/metrics")).statusCode, 200);
  await bot.app.close();
});

test("items are checked before the database is asked", async () => {
  const asked: string[] = [];
  const { app } = await serverWith(
    {},
    {
      query: (sql) => {
        asked.push(sql);
        return { rows: [], rowCount: 0 };
      },
    },
  );
  const post = async (payload: object) =>
    (await app.inject({ method: "POST", url: "/api/v1/items", payload })).statusCode;
  for (const wrong of [
    {},
    { name: "" },
    { name: "n".repeat(201) },
    { name: "a\u0000b" },
    { name: "n", colour: "red" },
    { name: "n", lat: 1 },
    { name: "n", lat: 91, lon: 0 },
  ]) {
    assert.equal(await post(wrong), 400, JSON.stringify(wrong));
  }
  for (const url of ["/items/0", "/items/x", "/items?limit=101", "/items/near?lat=1&lon=1"]) {
    assert.equal((await app.inject(`/api/v1${url}`)).statusCode, 400, url);
  }
  assert.deepEqual(asked, []);
  assert.equal((await app.inject("/api/v1/items/1")).statusCode, 404);
  assert.equal(await post({ name: "n", lat: 1, lon: 1 }), 501, "no PostGIS, so no place");
  await app.close();
});

test("a lost database is told as 503, any other error keeps its secrets", async () => {
  let error: Error = Object.assign(new Error("terminating"), { code: "57P01" });
  const { app } = await serverWith(
    {},
    {
      query: () => {
        throw error;
      },
    },
  );
  const lost = await app.inject("/api/v1/items/1");
  assert.equal(lost.statusCode, 503);
  assert.equal(lost.headers["retry-after"], "2");
  error = new Error("secret");
  const broken = await app.inject("/api/v1/items/1");
  assert.equal(broken.statusCode, 500);
  assert.deepEqual(broken.json(), { error: "internal error" });
  await app.close();
});

test("items live where RESOURCE_PATH says, under the same rules", async () => {
  const row = { id: 7, name: "Ana", note: null, created_at: new Date(0) };
  const { app, states } = await serverWith(
    { RESOURCE_PATH: "/api/users", TEST_HOOKS: "true" },
    { query: (sql) => ({ rows: sql.includes("INSERT") ? [row] : [], rowCount: 0 }) },
  );
  const status = async (url: string) => (await app.inject(url)).statusCode;
  for (const url of ["/api/users", "/api/users/", "/api/users?limit=1", "/api/users/?limit=1"]) {
    assert.equal(await status(url), 200, url);
  }
  assert.equal(await status("/api/users/7"), 404);
  assert.equal(await status("/api/users/near?lat=1&lon=1&meters=1"), 501);
  assert.equal(await status("/api/v1/items"), 404);
  const created = await app.inject({
    method: "POST",
    url: "/api/users",
    payload: { name: "Ana" },
    headers: { "idempotency-key": "k" },
  });
  assert.equal(created.statusCode, 201);
  assert.equal(created.headers.location, "/api/users/7");
  const { paths } = (await app.inject("/openapi.json")).json();
  assert.deepEqual(
    Object.keys(paths).filter((path) => path.startsWith("/api/")),
    ["/api/users", "/api/users/{id}", "/api/users/near"],
  );

  states.redis = "down";
  for (const url of ["/api/users", "/api/users/"]) assert.equal(await status(url), 503, url);
  states.redis = "off";
  await app.inject({ method: "POST", url: "/test/fail?rate=1" });
  assert.equal(await status("/api/users/"), 500);
  await app.close();
});

test("requests carry an id and are counted by route, probes are not", async () => {
  const { app } = await serverWith();
  const port = await listen(app);
  const base = `http://127.0.0.1:${port}`;
  const answer = await fetch(`${base}/openapi.json`, { headers: { "x-request-id": "abc" } });
  assert.equal(answer.headers.get("x-request-id"), "abc");
  await answer.arrayBuffer();
  await (await fetch(`${base}/health`)).arrayBuffer();
  await (await fetch(`${base}/nowhere/42`)).arrayBuffer();
  const metrics = await (await fetch(`${base}/metrics`)).text();
  assert.match(
    metrics,
    /http_requests_total\{method="GET",route="\/openapi.json",status="200"\} \d+/,
  );
  assert.match(metrics, /http_requests_total\{method="GET",route="unmatched",status="404"\} 1\b/);
  assert.match(metrics, /http_request_duration_seconds_bucket\{le="0.2",method="GET",route=/);
  assert.match(metrics, /http_requests_in_flight 0\b/);
  assert.doesNotMatch(metrics, /route="\/health/);
  await app.close();
});

test("the socket greets, echoes, and is told when the server leaves", async () => {
  const { app } = await serverWith();
  const port = await listen(app);
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws/connect`);
  const messages: Record<string, unknown>[] = [];
  const echoed = new Promise<void>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("message", (data) => {
      const message = JSON.parse(String(data)) as Record<string, unknown>;
      messages.push(message);
      if (message["type"] === "hello") socket.send('{"n":1}');
      else resolve();
    });
  });
  await echoed;
  assert.equal(messages[0]?.["type"], "hello");
  assert.deepEqual(messages[1]?.["data"], { n: 1 });
  const code = new Promise((resolve) => socket.on("close", resolve));
  await app.close();
  assert.equal(await code, 1001);
});

test("a socket is refused while a dependency is away", async () => {
  const { app } = await serverWith({}, { redis: "down" });
  const port = await listen(app);
  const status = await new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws/connect`);
    socket.on("unexpected-response", (_request, answer) => resolve(answer.statusCode));
    socket.on("error", () => undefined);
  });
  assert.equal(status, 503);
  await app.close();
});

test("a GET goes to an upstream and comes back with its status", async () => {
  const upstream = createServer((request, reply) => {
    reply.writeHead(418, { "content-type": "text/plain" });
    reply.end(`${request.url} ${request.headers["x-request-id"]}`);
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const { port } = upstream.address() as AddressInfo;
  const { app } = await serverWith({
    PRODUCT_SERVICE_URL: `http://127.0.0.1:${port}`,
    GONE_URL: "http://127.0.0.1:1",
  });
  const answer = await app.inject({
    url: "/upstreams/product-service/api/users?a=b",
    headers: { "x-request-id": "r1" },
  });
  assert.equal(answer.statusCode, 418);
  assert.equal(answer.body, "/api/users?a=b r1");
  for (const path of ["/api/products", "/api/products/"]) {
    const { body } = await app.inject(`/upstreams/product-service${path}`);
    assert.equal(body.split(" ", 1)[0], path);
  }
  assert.equal((await app.inject("/upstreams/product-service/metrics")).statusCode, 404);
  assert.equal((await app.inject("/upstreams/gone/health")).statusCode, 502);
  upstream.closeAllConnections();
  upstream.close();
  await app.close();
});

test("a poll that fails tells neither address nor token", async () => {
  const bot = { url: "http://secret-token@127.0.0.1:1", intervalSeconds: 1 };
  await assert.rejects(poll(bot, undefined, new AbortController().signal), (error: Error) => {
    assert(error instanceof PollError);
    assert(!error.message.includes("secret-token"));
    return true;
  });
});
