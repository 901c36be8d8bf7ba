import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createClient } from "@redis/client";
import type { RedisClient } from "./dependencies";
import { MongoConnection } from "./mongo";
import { mongoStore, prepareMongoStore } from "./stores/mongo";
import { redisStore } from "./stores/redis";
import { fingerprint, type ItemStore } from "./stores/store";

/** Skips a test whose server is not there, and says how to give it one. */
const needs = (variable: string) => ({
  skip: process.env[variable] ? false : `${variable} is not set`,
});

/** What every store keeps. `store` is empty. */
async function keepsItems(store: ItemStore): Promise<void> {
  assert.deepEqual(await store.list(0, 10), []);
  assert.equal(await store.get(1), undefined);

  const { item: ana, firstFingerprint } = await store.create({ name: "Ana", note: "☀ \n\"'" });
  assert.equal(ana.id, 1);
  assert.equal(ana.note, "☀ \n\"'");
  assert(Math.abs(Date.now() - ana.createdAt.getTime()) < 60_000);
  assert.equal(firstFingerprint, undefined);
  const { item: eva } = await store.create({ name: "Eva" });
  assert.equal(eva.id, 2);
  assert.equal(eva.note, null);
  assert.deepEqual(await store.get(1), ana);
  assert.deepEqual(await store.list(0, 10), [ana, eva]);
  assert.deepEqual(await store.list(0, 1), [ana]);
  assert.deepEqual(await store.list(1, 10), [eva]);

  const leo = { name: "Leo" };
  const idempotency = { key: "k 1", fingerprint: fingerprint(leo) };
  // At once, as a client does that lost its patience.
  const made = await Promise.all(Array.from({ length: 10 }, () => store.create(leo, idempotency)));
  assert.equal(new Set(made.map(({ item }) => item.id)).size, 1);
  assert.equal(made.filter((creation) => creation.firstFingerprint === undefined).length, 1);
  const other = { key: "k 1", fingerprint: fingerprint({ name: "Max" }) };
  const refused = await store.create({ name: "Max" }, other);
  assert.equal(refused.firstFingerprint, idempotency.fingerprint);
  assert.equal(refused.item.name, "Leo");
  assert.equal((await store.list(2, 10)).length, 1);

  const many = await Promise.all(
    Array.from({ length: 30 }, (_, n) => store.create({ name: `many ${n}` })),
  );
  const ids = many.map(({ item }) => item.id);
  assert.equal(new Set(ids).size, 30, "no id is given twice");
  const all = await store.list(0, 100);
  assert.equal(all.length, 33);
  assert.deepEqual(
    all.map(({ id }) => id),
    all.map(({ id }) => id).sort((a, b) => a - b),
  );
}

test("Redis keeps items", needs("TEST_REDIS_URL"), async () => {
  const service = `test-${randomUUID()}`;
  const client = createClient({ url: process.env["TEST_REDIS_URL"] ?? "" });
  // The type differs in modules that this service does not use.
  const redis = client as unknown as RedisClient;
  await client.connect();
  try {
    const before = new Set(await client.keys("*"));
    await keepsItems(redisStore(redis, service, "users"));
    const made = (await client.keys("*")).filter((key) => !before.has(key));
    assert(made.length > 0);
    assert(made.every((key) => key.startsWith(`${service}:`)));

    // A process that ended between its claim and its item: the repetition completes it.
    const store = redisStore(redis, service, "orders");
    const idempotency = { key: "k", fingerprint: fingerprint({ name: "Ana" }) };
    const { item } = await store.create({ name: "Ana" }, idempotency);
    await client.del(`${service}:orders:items`);
    assert.equal(await store.get(item.id), undefined);
    await store.create({ name: "Ana" }, idempotency);
    assert.deepEqual(await store.get(item.id), item);
  } finally {
    const keys = await client.keys(`${service}:*`);
    if (keys.length > 0) await client.del(keys);
    client.destroy();
  }
});

test("MongoDB keeps items", needs("TEST_MONGO_URL"), async () => {
  const url = new URL(process.env["TEST_MONGO_URL"] ?? "");
  const passwordFile = join(mkdtempSync(join(tmpdir(), "mongo-")), "password");
  const mongo = {
    host: url.hostname,
    port: Number(url.port || 27017),
    name: url.pathname.slice(1),
    user: decodeURIComponent(url.username),
    passwordFile,
    options: url.search.slice(1) || "directConnection=true",
  };
  const name = `users-${randomUUID()}`;
  const connection = new MongoConnection(mongo, "test", 10);
  const other = new MongoConnection(mongo, "test", 1);
  try {
    await assert.rejects(
      connection.run((database) => database.command({ ping: 1 })),
      /ENOENT/,
    );
    writeFileSync(passwordFile, "wrong");
    await assert.rejects(
      connection.run((database) => database.command({ ping: 1 })),
      { code: 18 },
    );
    // The file holds another password now, as after a rotation.
    writeFileSync(passwordFile, `${decodeURIComponent(url.password)}\n`);
    await Promise.all(
      [connection, other, connection, other].map((each) =>
        each.run((database) => prepareMongoStore(database, name)),
      ),
    );
    await other.run((database) => prepareMongoStore(database, name));
    await keepsItems(mongoStore(connection, name));
  } finally {
    await connection.run(async (database) => {
      await database.collection(name).drop();
      await database.collection<{ _id: string }>("_counters").deleteOne({ _id: name });
    });
    await connection.close();
    await other.close();
  }
});
