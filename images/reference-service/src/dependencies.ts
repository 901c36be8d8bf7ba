import { readFile } from "node:fs/promises";
import { createClient } from "@redis/client";
import { Pool, types } from "pg";
import type { Config, DatabaseConfig, RedisConfig } from "./config";
import { safeError, type Logger } from "./log";

/** A dependency as `/health` shows it; `off` means not configured. */
export type DependencyState = "up" | "down" | "off";
export type DependencyName = "database" | "redis";
export type DependencyStates = Readonly<Record<DependencyName, DependencyState>>;

export type RedisClient = ReturnType<typeof newRedisClient>;

/** The connections of one process. Both connect by themselves, and again after a loss. */
export interface Dependencies {
  readonly database?: Pool;
  readonly redis?: RedisClient;
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
/** A connection is replaced at this age, so that a retired login falls out of use by itself. */
const CONNECTION_LIFETIME_S = 300;
/** Longest pause between two attempts of a program that waits. */
const LONGEST_BACKOFF_MS = 5_000;
/** Redis's client decides when it is found again, and traffic waits for that. */
const LONGEST_REDIS_BACKOFF_MS = 1_000;

// The driver gives 64-bit integers as text. Our keys count up from 1, far below 2^53.
types.setTypeParser(types.builtins.INT8, Number);

/** Doubling pauses from 100 ms on, with a fifth of chance so that replicas do not march in step. */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const pause = Math.min(LONGEST_BACKOFF_MS, 100 * 2 ** Math.min(attempt, 10));
  return Math.round(pause * (0.8 + 0.2 * random()));
}

/** Rejects after `ms`; the work itself is not stopped. */
export async function withTimeout<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Shares one result among all who ask within `ms` of its start, and among all who wait for it. */
export function cached<T>(work: () => Promise<T>, ms: number, now = Date.now): () => Promise<T> {
  let last: { readonly at: number; readonly result: Promise<T> } | undefined;
  return () => {
    if (!last || now() - last.at >= ms) last = { at: now(), result: work() };
    return last.result;
  };
}

async function readSecretLater(path: string): Promise<string> {
  return (await readFile(path, "utf8")).replace(/\r?\n$/, "");
}

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
    statement_timeout: timeoutMs,
    // The server's own limit does not help when the server is unreachable: the client has one too.
    query_timeout: timeoutMs + 500,
  });
  // An idle connection that the server closes is no reason to die: the pool makes another.
  pool.on("error", (err) => log.warn({ err, dependency: "database" }, "idle connection lost"));
  return pool;
}

function newRedisClient(redis: RedisConfig, log: Logger) {
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

/** Opens nothing yet but Redis's first attempt; a missing dependency is waited for, never fatal. */
export function connectDependencies(config: Config, log: Logger): Dependencies {
  const { serviceName } = config;
  const database =
    config.database &&
    newPool(config.database, serviceName, config.database.poolMax, STATEMENT_TIMEOUT_MS, log);
  // A connection of its own: a pool that is busy with slow queries is not a dead database.
  const databaseProbe =
    config.database && newPool(config.database, `${serviceName}-ready`, 1, CHECK_TIMEOUT_MS, log);
  const redis = config.redis && newRedisClient(config.redis, log);
  let closed = false;
  redis?.connect().catch((err: unknown) => {
    if (!closed) log.error({ err, dependency: "redis" }, "redis client gave up");
  });

  const probes: Readonly<Record<DependencyName, (() => Promise<unknown>) | undefined>> = {
    database: databaseProbe && (() => databaseProbe.query("SELECT 1")),
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
    const [databaseState, redisState] = await Promise.all([probe("database"), probe("redis")]);
    return { database: databaseState, redis: redisState };
  }, CHECK_CACHE_MS);

  return {
    ...(database && { database }),
    ...(redis && { redis }),
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
      await Promise.all([database?.end(), databaseProbe?.end()]);
    },
  };
}

/** The configured dependencies that do not answer. */
export function downOnes(states: DependencyStates): DependencyName[] {
  return (Object.keys(states) as DependencyName[]).filter((name) => states[name] === "down");
}
