import { createClient } from "@redis/client";
import { Pool, types } from "pg";
import type { Config, DatabaseConfig, RedisConfig } from "./config";
import { safeError, type Logger } from "./log";
import { MongoConnection } from "./mongo";
import { readSecretLater } from "./secrets";
import { prepareMongoStore } from "./stores/mongo";
import { backoffMs, cached, withTimeout } from "./timing";

/** A dependency as `/health` shows it; `off` means not configured. */
export type DependencyState = "up" | "down" | "off";
export type DependencyName = "database" | "mongo" | "redis";
export type DependencyStates = Readonly<Record<DependencyName, DependencyState>>;

export type RedisClient = ReturnType<typeof newRedisClient>;

/** The connections of one process. They connect by themselves, and again after a loss. */
export interface Dependencies {
  readonly database?: Pool;
  readonly mongo?: MongoConnection;
  readonly redis?: RedisClient;
  /** For questions that wait for their answer; there where something reads a queue. */
  readonly blockingRedis?: RedisClient;
  /** Asks every configured dependency, at most once a second and for at most a second. */
  check(): Promise<DependencyStates>;
  /** Waits until every configured dependency has answered once, or until `close`. */
  waitUntilUp(): Promise<void>;
  close(): Promise<void>;
}

/** A request may not hang on a dependency: longest wait for a connection and for an answer. */
const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 5_000;
const CHECK_TIMEOUT_MS = 2_000;
const CHECK_CACHE_MS = 1_000;
/** Longest wait for one answer of Redis. */
export const REDIS_TIMEOUT_MS = 2_000;
/** A connection that waits for messages asks at least every few seconds. */
const BLOCKING_SILENCE_MS = 15_000;
/** Connections of one worker to MongoDB for requests. */
const MONGO_POOL_MAX = 10;
/** A connection is replaced at this age, so that a retired login falls out of use by itself. */
const CONNECTION_LIFETIME_S = 300;
/** Redis's client decides when it is found again, and traffic waits for that. */
const LONGEST_REDIS_BACKOFF_MS = 1_000;

// The driver gives 64-bit integers as text. Our keys count up from 1, far below 2^53.
types.setTypeParser(types.builtins.INT8, Number);

/** Connection settings that the pools and the migration share. */
export function databaseClientConfig(database: DatabaseConfig, applicationName: string) {
  return {
    host: database.host,
    port: database.port,
    database: database.name,
    user: database.user,
    // A function: the driver calls it for each new connection, so a rotated password is found.
    password: () => readSecretLater(database.passwordFile),
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  };
}

function newPool(
  database: DatabaseConfig,
  name: string,
  max: number,
  timeoutMs: number,
  log: Logger,
) {
  const pool = new Pool({
    ...databaseClientConfig(database, name),
    max,
    idleTimeoutMillis: 30_000,
    maxLifetimeSeconds: CONNECTION_LIFETIME_S,
    // A pool in between refuses settings at login, and has a limit of its own.
    ...(!database.pooled && { statement_timeout: timeoutMs }),
    // The server's own limit does not help when the server is unreachable: the client has one too.
    query_timeout: timeoutMs + 500,
  });
  // An idle connection that the server closes is no reason to die: the pool makes another.
  pool.on("error", (err) => log.warn({ err, dependency: "database" }, "idle connection lost"));
  return pool;
}

/** @param silenceMs a connection that says nothing for so long is made anew */
function newRedisClient(redis: RedisConfig, log: Logger, silenceMs?: number) {
  const { user, passwordFile } = redis;
  const client = createClient({
    ...(passwordFile && {
      credentialsProvider: {
        type: "async-credentials-provider" as const,
        // Called for each new connection, so a rotated password is found.
        credentials: async () => ({
          ...(user && { username: user }),
          password: await readSecretLater(passwordFile),
        }),
      },
    }),
    // A request is answered with 503 at once rather than kept until Redis is back.
    disableOfflineQueue: true,
    pingInterval: 5_000,
    socket: {
      host: redis.host,
      port: redis.port,
      connectTimeout: CONNECT_TIMEOUT_MS,
      ...(silenceMs !== undefined && { socketTimeout: silenceMs }),
      reconnectStrategy: (retries: number) =>
        Math.min(backoffMs(retries), LONGEST_REDIS_BACKOFF_MS),
    },
  });
  // Without a listener a lost connection would end the process. The readiness check logs changes.
  client.on("error", (err: Error) => log.debug({ err, dependency: "redis" }, "redis connection"));
  return client;
}

/** Unanswered pings in a row after which a connection counts as dead although it looks open. */
const DEAD_AFTER_PINGS = 3;

/**
 * A peer that vanished with its node closes nothing: commands would wait for the kernel, many
 * minutes. So a connection that leaves several pings unanswered is dropped and made anew.
 */
function redisProbe(client: RedisClient, log: Logger): () => Promise<void> {
  let unanswered = 0;
  return async () => {
    const wasReady = client.isReady;
    try {
      await withTimeout(client.ping(), CHECK_TIMEOUT_MS);
      unanswered = 0;
    } catch (error) {
      unanswered = wasReady && client.isReady ? unanswered + 1 : 0;
      if (unanswered >= DEAD_AFTER_PINGS) {
        unanswered = 0;
        log.warn({ dependency: "redis" }, "connection is dead, making another");
        client.destroy();
        client.connect().catch((err: unknown) => log.debug({ err }, "redis connection"));
      }
      throw error;
    }
  };
}

/** The first question also makes what the items' store needs: MongoDB has no migrations. */
function mongoProbe(connection: MongoConnection, collection: string): () => Promise<void> {
  let prepared = false;
  return async () => {
    if (prepared) {
      await connection.run((database) => database.command({ ping: 1 }));
    } else {
      await connection.run((database) => prepareMongoStore(database, collection));
      prepared = true;
    }
  };
}

/** Opens nothing yet but Redis's first attempt; a missing dependency is waited for, never fatal. */
export function connectDependencies(config: Config, log: Logger): Dependencies {
  const { serviceName } = config;
  const database =
    config.database &&
    newPool(config.database, serviceName, config.database.poolMax, STATEMENT_TIMEOUT_MS, log);
  // A connection of its own: a pool that is busy with slow queries is not a dead database.
  const databaseProbe =
    config.database && newPool(config.database, `${serviceName}-ready`, 1, CHECK_TIMEOUT_MS, log);
  const mongo = config.mongo && new MongoConnection(config.mongo, serviceName, MONGO_POOL_MAX);
  const mongoForProbe =
    config.mongo && new MongoConnection(config.mongo, `${serviceName}-ready`, 1);
  const redis = config.redis && newRedisClient(config.redis, log);
  const blockingRedis =
    config.redis && config.resourceKind === "kitchen"
      ? newRedisClient(config.redis, log, BLOCKING_SILENCE_MS)
      : undefined;
  let closed = false;
  blockingRedis?.connect().catch((err: unknown) => {
    if (!closed) log.error({ err, dependency: "redis" }, "redis client gave up");
  });
  redis?.connect().catch((err: unknown) => {
    if (!closed) log.error({ err, dependency: "redis" }, "redis client gave up");
  });

  const probes: Readonly<Record<DependencyName, (() => Promise<unknown>) | undefined>> = {
    database: databaseProbe && (() => databaseProbe.query("SELECT 1")),
    mongo: mongoForProbe && mongoProbe(mongoForProbe, config.resourceName),
    redis: redis && redisProbe(redis, log),
  };
  const before: Partial<Record<DependencyName, DependencyState>> = {};

  async function probe(name: DependencyName): Promise<DependencyState> {
    const ask = probes[name];
    if (!ask) return "off";
    let state: DependencyState = "up";
    let reason: unknown;
    try {
      await withTimeout(ask(), CHECK_TIMEOUT_MS);
    } catch (error) {
      state = "down";
      reason = safeError(error)["message"];
    }
    if (before[name] !== state && !closed) {
      if (state === "up") log.info({ dependency: name }, `${name} is up`);
      else log.warn({ dependency: name, reason }, `${name} is down`);
    }
    before[name] = state;
    return state;
  }

  const check = cached(async () => {
    const [databaseState, mongoState, redisState] = await Promise.all([
      probe("database"),
      probe("mongo"),
      probe("redis"),
    ]);
    return { database: databaseState, mongo: mongoState, redis: redisState };
  }, CHECK_CACHE_MS);

  return {
    ...(database && { database }),
    ...(mongo && { mongo }),
    ...(redis && { redis }),
    ...(blockingRedis && { blockingRedis }),
    check,
    async waitUntilUp() {
      for (let attempt = 0; !closed; attempt++) {
        const missing = downOnes(await check());
        if (missing.length === 0) return;
        const pauseMs = Math.max(CHECK_CACHE_MS, backoffMs(attempt));
        log.info({ missing, pauseMs }, "waiting for dependencies");
        await new Promise((resolve) => setTimeout(resolve, pauseMs).unref());
      }
    },
    async close() {
      closed = true;
      redis?.destroy();
      blockingRedis?.destroy();
      await Promise.all([
        database?.end(),
        databaseProbe?.end(),
        mongo?.close(),
        mongoForProbe?.close(),
      ]);
    },
  };
}

/** The configured dependencies that do not answer. */
export function downOnes(states: DependencyStates): DependencyName[] {
  return (Object.keys(states) as DependencyName[]).filter((name) => states[name] === "down");
}
