import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ConfigError, loadConfig } from "./config";

const folder = mkdtempSync(join(tmpdir(), "config-"));

function secretFile(name: string, value: string): string {
  const path = join(folder, name);
  writeFileSync(path, value);
  return path;
}

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    loadConfig(environment);
  } catch (error) {
    assert(error instanceof ConfigError);
    return error.problems;
  }
  return [];
}

test("needs nothing", () => {
  const config = loadConfig({});
  assert.equal(config.role, "api");
  assert.equal(config.port, 8000);
  assert.equal(config.workers, 1);
  assert.equal(config.database, undefined);
  assert.equal(config.redis, undefined);
});

test("an empty variable counts as not set", () => {
  assert.equal(loadConfig({ PORT: "", DATABASE_HOST: "", BREAK: "" }).port, 8000);
});

test("names every problem at once", () => {
  const problems = problemsOf({
    PORT: "http",
    ROLE: "cook",
    DATABASE_HOST: "db",
    REDIS_USER: "api",
    RESOURCE_PATH: "/users/",
    MONGO_HOST: "documents",
    MONGO_OPTIONS: "tls",
    MAIL_FROM: "shop@example.org",
    SECRET_KEY_FILE: join(folder, "absent"),
    MAIL_URL: "not a url",
  });
  const names = problems.map((problem) => problem.split(":")[0]);
  assert.deepEqual(names.sort(), [
    "DATABASE_NAME",
    "DATABASE_PASSWORD_FILE",
    "DATABASE_USER",
    "MAIL_FROM",
    "MAIL_URL",
    "MONGO_NAME",
    "MONGO_OPTIONS",
    "MONGO_PASSWORD_FILE",
    "MONGO_USER",
    "PORT",
    "REDIS_USER",
    "RESOURCE_PATH",
    "ROLE",
    "SECRET_KEY_FILE",
  ]);
});

test("a short key is refused without being told", () => {
  const value = "much-too-short";
  const [problem = "", ...others] = problemsOf({ SECRET_KEY_FILE: secretFile("short", value) });
  assert.match(problem, /^SECRET_KEY_FILE: .* holds 14 characters, at least 32/);
  assert(!problem.includes(value));
  assert.deepEqual(others, []);
});

test("a newline at a key's end does not count", () => {
  const path = secretFile("newline", `${"k".repeat(31)}\n`);
  assert.equal(problemsOf({ JWT_SECRET_KEY_FILE: path }).length, 1);
});

test("takes a whole configuration", () => {
  const password = secretFile("password", "p");
  const config = loadConfig({
    DATABASE_HOST: "db",
    DATABASE_NAME: "gad",
    DATABASE_USER: "gad_api_a",
    DATABASE_PASSWORD_FILE: password,
    REDIS_HOST: "cache",
    REDIS_USER: "api",
    REDIS_PASSWORD_FILE: password,
    SECRET_KEY_FILE: secretFile("key", "k".repeat(32)),
    MAIL_URL: "http://mail:8000",
  });
  assert.deepEqual(config.database, {
    host: "db",
    port: 5432,
    name: "gad",
    user: "gad_api_a",
    passwordFile: password,
    poolMax: 10,
    pooled: false,
  });
  assert.deepEqual(config.redis, {
    host: "cache",
    port: 6379,
    user: "api",
    passwordFile: password,
  });
  const once = { timeoutMs: 5_000, retries: 0, idempotent: false };
  assert.deepEqual(config.upstreams, { mail: { url: "http://mail:8000", ...once } });
});

test("a resource's path is plain and free", () => {
  assert.equal(loadConfig({}).resourcePath, "/api/v1/items");
  assert.equal(loadConfig({ RESOURCE_PATH: "/api/shop/reviews" }).resourceName, "reviews");
  for (const path of ["/users", "/api/", "/api/a/", "/api/:id", "/api/../x", "/api/v1/session"]) {
    assert.match(problemsOf({ RESOURCE_PATH: path })[0] ?? "", /^RESOURCE_PATH/, path);
  }
});

test("takes MongoDB's settings", () => {
  const password = secretFile("mongo", "p");
  const environment = {
    MONGO_HOST: "documents",
    MONGO_NAME: "users",
    MONGO_USER: "users_a",
    MONGO_PASSWORD_FILE: password,
  };
  assert.deepEqual(loadConfig(environment).mongo, {
    host: "documents",
    port: 27017,
    name: "users",
    user: "users_a",
    passwordFile: password,
    options: "directConnection=true",
  });
  const options = "tls=true&authSource=admin";
  assert.equal(loadConfig({ ...environment, MONGO_OPTIONS: options }).mongo?.options, options);
});

test("mail has a sender and a recipient, and a whole login or none", () => {
  const address = secretFile("address", "shop@example.org\n");
  const password = secretFile("mail", "p");
  const to = { SMTP_HOST: "smtp", MAIL_TO: "owner@example.org" };
  const login = { SMTP_USER_FILE: address, SMTP_PASSWORD_FILE: password };
  assert.deepEqual(loadConfig({ ...to, ...login }).smtp, {
    host: "smtp",
    port: 587,
    to: "owner@example.org",
    allowPlain: false,
    login: { userFile: address, passwordFile: password },
  });
  const namesOf = (environment: Record<string, string>) =>
    problemsOf(environment).map((problem) => problem.split(":")[0]);
  assert.deepEqual(namesOf({ SMTP_HOST: "smtp" }), ["MAIL_TO", "MAIL_FROM"]);
  assert.deepEqual(namesOf({ ...to, SMTP_USER_FILE: address }), ["SMTP_PASSWORD_FILE"]);
  const name = { SMTP_USER_FILE: secretFile("name", "apikey"), SMTP_PASSWORD_FILE: password };
  assert.deepEqual(namesOf({ ...to, ...name }), ["MAIL_FROM"]);
  assert.deepEqual(namesOf({ ...to, ...name, MAIL_FROM: "shop@example.org" }), []);
  assert.deepEqual(namesOf(login), ["SMTP_USER_FILE", "SMTP_PASSWORD_FILE"]);
});

test("a bot is alone, and a migration has a database", () => {
  assert.match(problemsOf({ ROLE: "bot", API_WORKERS: "2" })[0] ?? "", /^API_WORKERS/);
  assert.throws(() => loadConfig({}, "migrate"), /DATABASE_HOST/);
});

test("a link says how its service is asked", () => {
  const config = loadConfig({
    ORDER_SERVICE_URL: "http://orders:8000",
    ORDER_SERVICE_TIMEOUT_MS: "2000",
    ORDER_SERVICE_RETRIES: "1",
    ORDER_SERVICE_IDEMPOTENT: "true",
    ORDER_SERVICE_BREAKER_FAILURES: "5",
  });
  assert.deepEqual(config.upstreams["order-service"], {
    url: "http://orders:8000",
    timeoutMs: 2_000,
    retries: 1,
    idempotent: true,
    breaker: { failures: 5, resetMs: 10_000 },
  });
  const problems = problemsOf({
    ORDER_SERVICE_URL: "orders",
    ORDER_SERVICE_TIMEOUT_MS: "0",
    ORDER_SERVICE_RETRIES: "many",
  });
  assert.deepEqual(
    problems.map((problem) => problem.split(":")[0]),
    ["ORDER_SERVICE_URL", "ORDER_SERVICE_TIMEOUT_MS", "ORDER_SERVICE_RETRIES"],
  );
});

test("each kind of resource has what it stands on", () => {
  const namesOf = (environment: Record<string, string>) =>
    problemsOf(environment).map((problem) => problem.split(":")[0]);
  assert.deepEqual(namesOf({ RESOURCE_KIND: "orders" }), ["DATABASE_HOST"]);
  assert.deepEqual(namesOf({ RESOURCE_KIND: "kitchen" }), ["REDIS_HOST", "RESOURCE_UPSTREAM"]);
  assert.deepEqual(namesOf({ RESOURCE_KIND: "proxy" }), ["RESOURCE_UPSTREAM"]);
  const proxy = { RESOURCE_KIND: "proxy", RESOURCE_UPSTREAM: "order-service" };
  assert.match(problemsOf(proxy)[0] ?? "", /^RESOURCE_UPSTREAM: no variable ORDER_SERVICE_URL/);
  const whole = { ...proxy, ORDER_SERVICE_URL: "http://orders:8000", RESOURCE_METHODS: "GET,PUT" };
  assert.deepEqual(loadConfig(whole).resourceMethods, ["GET", "PUT"]);
  assert.match(
    problemsOf({ ...whole, RESOURCE_METHODS: "GET,DELETE" })[0] ?? "",
    /^RESOURCE_METHODS/,
  );
});

test("Stripe's key is a file, and its address is https unless a test says otherwise", () => {
  const key = secretFile("stripe", "sk_test_0123456789abcdef");
  const stripe = { STRIPE_HOST: "api.stripe.com", STRIPE_KEY_FILE: key, STRIPE_TIMEOUT_MS: "1500" };
  assert.deepEqual(loadConfig(stripe).stripe, {
    url: "https://api.stripe.com:443",
    keyFile: key,
    settings: { timeoutMs: 1_500, retries: 0, idempotent: false },
  });
  const plain = { ...stripe, STRIPE_PORT: "9000", STRIPE_ALLOW_PLAIN: "true" };
  assert.equal(loadConfig(plain).stripe?.url, "http://api.stripe.com:9000");
  assert.match(problemsOf({ STRIPE_HOST: "api.stripe.com" })[0] ?? "", /^STRIPE_KEY_FILE/);
});
