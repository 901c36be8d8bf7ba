import type { Pool } from "pg";
import { localBus } from "./bus";
import { loadConfig } from "./config";
import type { Dependencies, DependencyName, DependencyState, RedisClient } from "./dependencies";
import { Lifecycle } from "./lifecycle";
import { createLogger, type Logger } from "./log";
import { buildServer } from "./server";

export interface ServerFixture {
  /** How Redis is; there is no connection to it. */
  readonly redis?: DependencyState;
  /** What the database answers; without it there is none. */
  readonly query?: (sql: string, values: unknown[]) => object;
  /** A real one. */
  readonly database?: Pool;
  readonly redisClient?: RedisClient;
  readonly blockingRedis?: RedisClient;
  readonly log?: Logger;
}

/** A server without any connection but those that it is given, for tests. */
export async function serverWith(
  environment: Record<string, string> = {},
  { redis = "off", query, database, redisClient, blockingRedis, log }: ServerFixture = {},
) {
  const config = loadConfig({ LOG_LEVEL: "silent", SERVICE_VERSION: "1.2.3", ...environment });
  const states: Record<DependencyName, DependencyState> = { database: "off", mongo: "off", redis };
  const dependencies: Dependencies = {
    check: async () => ({ ...states }),
    waitUntilUp: async () => undefined,
    close: async () => undefined,
    // Only `query` is called.
    ...(query && {
      database: {
        query: async (...args: [string, unknown[]]) => query(...args),
      } as unknown as Pool,
    }),
    ...(database && { database }),
    ...(redisClient && { redis: redisClient }),
    ...(blockingRedis && { blockingRedis }),
  };
  const lifecycle = new Lifecycle(dependencies, config.neverReady);
  const app = await buildServer({
    config,
    log: log ?? createLogger(config),
    dependencies,
    lifecycle,
    bus: localBus(),
  });
  return { app, lifecycle, states };
}
