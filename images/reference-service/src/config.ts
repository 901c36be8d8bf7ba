import { readFileSync } from "node:fs";
import { z } from "zod";

/** What the process does. `migrate` runs once and exits; the other two stay. */
export type Role = "api" | "bot" | "migrate";

/** Where the database is. The password stays in its file, so that a rotation needs no restart. */
export interface DatabaseConfig {
  readonly host: string;
  readonly port: number;
  readonly name: string;
  readonly user: string;
  /** Path of a file that holds the password; read again for each new connection. */
  readonly passwordFile: string;
  /** Most connections of one worker for requests; one more is kept for readiness checks. */
  readonly poolMax: number;
  /** Role that owns the tables; a migration runs under it. */
  readonly ownerRole?: string;
}

/** Where Redis is. `user` and `passwordFile` come together or not at all. */
export interface RedisConfig {
  readonly host: string;
  readonly port: number;
  readonly user?: string;
  readonly passwordFile?: string;
}

/** The bot's outbound loop. Without `url` it idles. */
export interface BotConfig {
  readonly url?: string;
  readonly intervalSeconds: number;
  readonly tokenFile?: string;
}

/** Everything that the process takes from its environment, checked. */
export interface Config {
  readonly role: Role;
  readonly serviceName: string;
  readonly serviceVersion: string;
  readonly host: string;
  readonly port: number;
  readonly workers: number;
  readonly logLevel: LogLevel;
  readonly drainSeconds: number;
  readonly database?: DatabaseConfig;
  readonly redis?: RedisConfig;
  readonly bot: BotConfig;
  /** Base addresses of other services, by the name under which a request asks for them. */
  readonly upstreams: Readonly<Record<string, string>>;
  /** Key of the session ids' HMAC; absent without SECRET_KEY_FILE. Never log it. */
  readonly secretKey?: string;
  readonly testHooks: boolean;
  readonly failMigration: boolean;
  readonly migrateWaitSeconds: number;
  readonly neverReady: boolean;
}

const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
type LogLevel = (typeof LOG_LEVELS)[number];

/** Shortest SECRET_KEY and JWT_SECRET_KEY that is accepted, in characters (GG-15). */
const SHORTEST_KEY = 32;

/** All problems of an environment at once; no message holds the value of a secret. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`invalid configuration:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`);
    this.name = "ConfigError";
  }
}

const wholeNumber = (fallback: number, from: number, to: number) =>
  z.coerce
    .number({ error: `must be a whole number from ${from} to ${to}` })
    .int()
    .min(from)
    .max(to)
    .default(fallback);

const flag = z
  .enum(["true", "false"])
  .default("false")
  .transform((text) => text === "true");

const httpUrl = z.url({ protocol: /^https?$/ });

/** Variables that end in _URL and lead to no service of the system. */
const OTHER_URLS = ["BOT_API_URL"];

/** A link to another service gives `<NAME>_URL`: `ORDER_SERVICE_URL` is the upstream `order-service`. */
function linkedUrls(source: Readonly<Record<string, string | undefined>>): [string, string][] {
  return Object.entries(source).filter(
    (entry): entry is [string, string] =>
      /^[A-Z][A-Z0-9_]*_URL$/.test(entry[0]) && !!entry[1] && !OTHER_URLS.includes(entry[0]),
  );
}

const upstreamsOf = (source: Readonly<Record<string, string | undefined>>) =>
  Object.fromEntries(
    linkedUrls(source).map(([name, url]) => [
      name.replace(/_URL$/, "").toLowerCase().replaceAll("_", "-"),
      url,
    ]),
  );

const environmentSchema = z.object({
  ROLE: z.enum(["api", "bot", "migrate"]).default("api"),
  SERVICE_NAME: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "must be 1 to 63 of a-z, 0-9 and -")
    .default("reference-service"),
  SERVICE_VERSION: z.string().min(1).max(128).default("unknown"),
  LISTEN_HOST: z.string().default("0.0.0.0"),
  PORT: wholeNumber(8000, 0, 65535),
  WORKERS: wholeNumber(1, 1, 64),
  LOG_LEVEL: z.enum(LOG_LEVELS).default("info"),
  DRAIN_SECONDS: z.coerce.number().min(0).max(300).default(3),
  DATABASE_HOST: z.string().optional(),
  DATABASE_PORT: wholeNumber(5432, 1, 65535),
  DATABASE_NAME: z.string().optional(),
  DATABASE_USER: z.string().optional(),
  DATABASE_PASSWORD_FILE: z.string().optional(),
  DATABASE_POOL_MAX: wholeNumber(10, 1, 1000),
  DATABASE_OWNER_ROLE: z.string().optional(),
  REDIS_HOST: z.string().optional(),
  REDIS_PORT: wholeNumber(6379, 1, 65535),
  REDIS_USER: z.string().optional(),
  REDIS_PASSWORD_FILE: z.string().optional(),
  SECRET_KEY_FILE: z.string().optional(),
  JWT_SECRET_KEY_FILE: z.string().optional(),
  BOT_API_URL: httpUrl.optional(),
  BOT_INTERVAL_SECONDS: z.coerce.number().min(0.1).max(3600).default(5),
  BOT_TOKEN_FILE: z.string().optional(),
  TEST_HOOKS: flag,
  FAIL_MIGRATION: flag,
  MIGRATE_WAIT_SECONDS: wholeNumber(60, 0, 3600),
  BREAK: z.enum(["start", "ready"]).optional(),
});

type Environment = z.infer<typeof environmentSchema>;

/**
 * Reads a secret's file; one newline at its end does not belong to the value.
 * @throws the file system's error, which names the path and never the content.
 */
export function readSecret(path: string): string {
  return readFileSync(path, "utf8").replace(/\r?\n$/, "");
}

/**
 * Turns an environment into a configuration.
 * @param source environment variables; an empty value counts as not set
 * @param role what the command line asked for, before ROLE
 * @throws ConfigError with every problem found
 */
export function loadConfig(
  source: Readonly<Record<string, string | undefined>>,
  role?: Role,
): Config {
  const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ""));
  const parsed = environmentSchema.safeParse(role ? { ...given, ROLE: role } : given);
  const problems = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  // What can be checked beside a wrong value is checked too: one run names everything.
  const env: Partial<Environment> = parsed.success ? parsed.data : (given as Partial<Environment>);

  for (const [name, url] of linkedUrls(given)) {
    if (!httpUrl.safeParse(url).success) problems.push(`${name}: is no http URL`);
  }
  problems.push(...databaseProblems(env), ...redisProblems(env), ...secretProblems(env));
  if (env.ROLE === "migrate" && !env.DATABASE_HOST) {
    problems.push("DATABASE_HOST: a migration needs a database");
  }
  if (env.ROLE === "bot" && Number(env.WORKERS ?? 1) > 1) {
    problems.push("WORKERS: must be 1 for a bot; two pollers take each other's updates");
  }
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  return toConfig(parsed.data, upstreamsOf(given));
}

function databaseProblems(env: Partial<Environment>): string[] {
  const parts = ["DATABASE_NAME", "DATABASE_USER", "DATABASE_PASSWORD_FILE"] as const;
  if (env.DATABASE_HOST) {
    return parts.filter((name) => !env[name]).map((name) => `${name}: needed with DATABASE_HOST`);
  }
  return parts.filter((name) => env[name]).map((name) => `${name}: set without DATABASE_HOST`);
}

function redisProblems(env: Partial<Environment>): string[] {
  const parts = ["REDIS_USER", "REDIS_PASSWORD_FILE"] as const;
  if (!env.REDIS_HOST) {
    return parts.filter((name) => env[name]).map((name) => `${name}: set without REDIS_HOST`);
  }
  return env.REDIS_USER && !env.REDIS_PASSWORD_FILE
    ? ["REDIS_PASSWORD_FILE: needed with REDIS_USER"]
    : [];
}

function secretProblems(env: Partial<Environment>): string[] {
  const shortest = {
    DATABASE_PASSWORD_FILE: 1,
    REDIS_PASSWORD_FILE: 1,
    BOT_TOKEN_FILE: 1,
    SECRET_KEY_FILE: SHORTEST_KEY,
    JWT_SECRET_KEY_FILE: SHORTEST_KEY,
  } as const;
  return Object.entries(shortest).flatMap(([name, least]) => {
    const path = env[name as keyof typeof shortest];
    if (!path) return [];
    try {
      const { length } = readSecret(path);
      if (length >= least) return [];
      return [`${name}: ${path} holds ${length} characters, at least ${least} are needed`];
    } catch (error) {
      return [`${name}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`];
    }
  });
}

function toConfig(env: Environment, upstreams: Record<string, string>): Config {
  return {
    role: env.ROLE,
    serviceName: env.SERVICE_NAME,
    serviceVersion: env.SERVICE_VERSION,
    host: env.LISTEN_HOST,
    port: env.PORT,
    workers: env.WORKERS,
    logLevel: env.LOG_LEVEL,
    drainSeconds: env.DRAIN_SECONDS,
    bot: {
      intervalSeconds: env.BOT_INTERVAL_SECONDS,
      ...(env.BOT_API_URL && { url: env.BOT_API_URL }),
      ...(env.BOT_TOKEN_FILE && { tokenFile: env.BOT_TOKEN_FILE }),
    },
    upstreams,
    testHooks: env.TEST_HOOKS,
    failMigration: env.FAIL_MIGRATION,
    migrateWaitSeconds: env.MIGRATE_WAIT_SECONDS,
    neverReady: env.BREAK === "ready",
    ...(env.SECRET_KEY_FILE && { secretKey: readSecret(env.SECRET_KEY_FILE) }),
    ...(env.DATABASE_HOST && {
      database: {
        host: env.DATABASE_HOST,
        port: env.DATABASE_PORT,
        // Their presence was checked: see databaseProblems.
        name: env.DATABASE_NAME as string,
        user: env.DATABASE_USER as string,
        passwordFile: env.DATABASE_PASSWORD_FILE as string,
        poolMax: env.DATABASE_POOL_MAX,
        ...(env.DATABASE_OWNER_ROLE && { ownerRole: env.DATABASE_OWNER_ROLE }),
      },
    }),
    ...(env.REDIS_HOST && {
      redis: {
        host: env.REDIS_HOST,
        port: env.REDIS_PORT,
        ...(env.REDIS_USER && { user: env.REDIS_USER }),
        ...(env.REDIS_PASSWORD_FILE && { passwordFile: env.REDIS_PASSWORD_FILE }),
      },
    }),
  };
}
