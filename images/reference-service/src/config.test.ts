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
    SECRET_KEY_FILE: join(folder, "absent"),
    MAIL_URL: "not a url",
  });
  const names = problems.map((problem) => problem.split(":")[0]);
  assert.deepEqual(names.sort(), [
    "DATABASE_NAME",
    "DATABASE_PASSWORD_FILE",
    "DATABASE_USER",
    "MAIL_URL",
    "PORT",
    "REDIS_USER",
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
  });
  assert.deepEqual(config.redis, {
    host: "cache",
    port: 6379,
    user: "api",
    passwordFile: password,
  });
  assert.deepEqual(config.upstreams, { mail: "http://mail:8000" });
});

test("a bot is alone, and a migration has a database", () => {
  assert.match(problemsOf({ ROLE: "bot", WORKERS: "2" })[0] ?? "", /^WORKERS/);
  assert.throws(() => loadConfig({}, "migrate"), /DATABASE_HOST/);
});
