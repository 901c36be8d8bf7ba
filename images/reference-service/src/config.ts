import { z } from "zod";
import { type Method, METHODS } from "./methods";
import { readSecret } from "./secrets";

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
  /** A pool stands in between: sessions of the server are shared, settings at login are refused. */
  readonly pooled: boolean;
}

/** Where MongoDB is. The password's file is read again when a login is refused. */
export interface MongoConfig {
  readonly host: string;
  readonly port: number;
  readonly name: string;
  readonly user: string;
  readonly passwordFile: string;
  /** Options of the address, as in `tls=true&authSource=admin`. */
  readonly options: string;
}

/** Where mail goes. The login's files are read for each mail. */
export interface SmtpConfig {
  readonly host: string;
  readonly port: number;
  readonly login?: { readonly userFile: string; readonly passwordFile: string };
  /** Absent: the login's user. */
  readonly from?: string;
  readonly to: string;
  /** Whether mail and login may go unencrypted. */
  readonly allowPlain: boolean;
}

/** Where Redis is. `user` and `passwordFile` come together or not at all. */
export interface RedisConfig {
  readonly host: string;
  readonly port: number;
  readonly user?: string;
  readonly passwordFile?: string;
}

/** How another service is asked. */
export interface UpstreamSettings {
  readonly url: string;
  /** Longest time for one attempt. */
  readonly timeoutMs: number;
  /** Attempts after one that failed. */
  readonly retries: number;
  /** Also requests with a body may be sent again: each carries a key. */
  readonly idempotent: boolean;
  readonly breaker?: { readonly failures: number; readonly resetMs: number };
}

/** Where payments are collected. The key's file is read for each. */
export interface StripeConfig {
  readonly url: string;
  readonly keyFile: string;
  readonly settings: Omit<UpstreamSettings, "url">;
}

/** What the resource is: see `RESOURCE_KIND` in README.md. */
export const KINDS = ["items", "orders", "kitchen", "proxy"] as const;
export type ResourceKind = (typeof KINDS)[number];

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
  readonly mongo?: MongoConfig;
  readonly redis?: RedisConfig;
  readonly smtp?: SmtpConfig;
  /** Where the items are served. */
  readonly resourcePath: string;
  /** Their name in a store: the path's last part. */
  readonly resourceName: string;
  readonly resourceKind: ResourceKind;
  /** Name of the upstream that a proxy or a kitchen asks, and where orders are written that are only read here. */
  readonly resourceUpstream?: string;
  /** What a proxy hands on. */
  readonly resourceMethods: readonly Method[];
  /** Where the upstream of a kitchen keeps the orders. */
  readonly ordersPath: string;
  /** Begins the key of the queue between orders and kitchen. */
  readonly queueName: string;
  readonly stripe?: StripeConfig;
  readonly bot: BotConfig;
  /** Other services, by the name under which a request asks for them. */
  readonly upstreams: Readonly<Record<string, UpstreamSettings>>;
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

/** Shortest key of Stripe's that is accepted, in characters: real ones have more than 30. */
const SHORTEST_STRIPE_KEY = 16;

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

/** Routes that no other ones may take the place of. */
const TAKEN_PATHS = ["/api/v1/counter", "/api/v1/session"];

/** A link to another service gives `<NAME>_URL`: `ORDER_SERVICE_URL` is the upstream `order-service`. */
function linkedUrls(source: Readonly<Record<string, string | undefined>>): [string, string][] {
  return Object.entries(source).filter(
    (entry): entry is [string, string] =>
      /^[A-Z][A-Z0-9_]*_URL$/.test(entry[0]) && !!entry[1] && !OTHER_URLS.includes(entry[0]),
  );
}

/** How a service is asked where its link says nothing. */
const settingsSchema = z.object({
  TIMEOUT_MS: wholeNumber(5_000, 1, 300_000),
  RETRIES: wholeNumber(0, 0, 5),
  IDEMPOTENT: flag,
  BREAKER_FAILURES: wholeNumber(0, 0, 1_000),
  BREAKER_RESET_MS: wholeNumber(10_000, 1, 300_000),
});

/**
 * What a link says of how its service is asked: `<prefix>_TIMEOUT_MS` and the like.
 * @param problems gets what is wrong with it
 */
function settingsOf(
  source: Readonly<Record<string, string | undefined>>,
  prefix: string,
  problems: string[],
): Omit<UpstreamSettings, "url"> | undefined {
  const names = Object.keys(settingsSchema.shape);
  const own = Object.fromEntries(names.map((name) => [name, source[`${prefix}_${name}`]]));
  const parsed = settingsSchema.safeParse(own);
  if (!parsed.success) {
    const { issues } = parsed.error;
    problems.push(...issues.map((i) => `${prefix}_${i.path.join(".")}: ${i.message}`));
    return undefined;
  }
  const { data } = parsed;
  return {
    timeoutMs: data.TIMEOUT_MS,
    retries: data.RETRIES,
    idempotent: data.IDEMPOTENT,
    ...(data.BREAKER_FAILURES > 0 && {
      breaker: { failures: data.BREAKER_FAILURES, resetMs: data.BREAKER_RESET_MS },
    }),
  };
}

function upstreamsOf(
  source: Readonly<Record<string, string | undefined>>,
  problems: string[],
): Record<string, UpstreamSettings> {
  return Object.fromEntries(
    linkedUrls(source).flatMap(([variable, url]) => {
      const prefix = variable.replace(/_URL$/, "");
      if (!httpUrl.safeParse(url).success) problems.push(`${variable}: is no http URL`);
      const settings = settingsOf(source, prefix, problems);
      return settings ? [[prefix.toLowerCase().replaceAll("_", "-"), { url, ...settings }]] : [];
    }),
  );
}

const environmentSchema = z.object({
  ROLE: z.enum(["api", "bot", "migrate"]).default("api"),
  SERVICE_NAME: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "must be 1 to 63 of a-z, 0-9 and -")
    .default("reference-service"),
  SERVICE_VERSION: z.string().min(1).max(128).default("unknown"),
  LISTEN_HOST: z.string().default("0.0.0.0"),
  PORT: wholeNumber(8000, 0, 65535),
  API_WORKERS: wholeNumber(1, 1, 64),
  RESOURCE_PATH: z
    .string()
    .max(200)
    .regex(
      /^\/api(\/[A-Za-z0-9][A-Za-z0-9_-]*)+$/,
      "must be /api/ and parts of letters, digits, - and _, without a slash at its end",
    )
    .refine((path) => !TAKEN_PATHS.includes(path), "is a route of the service's own")
    .default("/api/v1/items"),
  RESOURCE_KIND: z.enum(KINDS).default("items"),
  RESOURCE_UPSTREAM: z.string().optional(),
  RESOURCE_METHODS: z
    .string()
    .default("GET")
    .transform((list) => list.split(","))
    .pipe(z.array(z.enum(METHODS, `must be some of ${METHODS.join(", ")}, joined by commas`))),
  ORDERS_PATH: z
    .string()
    .regex(/^(\/[A-Za-z0-9_-]+)+$/, "must be a plain path")
    .default("/api/orders"),
  QUEUE_NAME: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "must be 1 to 63 of a-z, 0-9 and -")
    .default("orders"),
  STRIPE_HOST: z.string().optional(),
  STRIPE_PORT: wholeNumber(443, 1, 65535),
  STRIPE_KEY_FILE: z.string().optional(),
  STRIPE_ALLOW_PLAIN: flag,
  LOG_LEVEL: z.enum(LOG_LEVELS).default("info"),
  DRAIN_SECONDS: z.coerce.number().min(0).max(300).default(3),
  DATABASE_HOST: z.string().optional(),
  DATABASE_PORT: wholeNumber(5432, 1, 65535),
  DATABASE_NAME: z.string().optional(),
  DATABASE_USER: z.string().optional(),
  DATABASE_PASSWORD_FILE: z.string().optional(),
  DATABASE_POOL_MAX: wholeNumber(10, 1, 1000),
  DATABASE_OWNER_ROLE: z.string().optional(),
  DATABASE_POOL_MODE: z.enum(["transaction", "session"]).optional(),
  MONGO_HOST: z.string().optional(),
  MONGO_PORT: wholeNumber(27017, 1, 65535),
  MONGO_NAME: z.string().optional(),
  MONGO_USER: z.string().optional(),
  MONGO_PASSWORD_FILE: z.string().optional(),
  MONGO_OPTIONS: z
    .string()
    .regex(/^\w+=[^&]+(&\w+=[^&]+)*$/, "must be name=value, joined by &")
    .default("directConnection=true"),
  REDIS_HOST: z.string().optional(),
  REDIS_PORT: wholeNumber(6379, 1, 65535),
  REDIS_USER: z.string().optional(),
  REDIS_PASSWORD_FILE: z.string().optional(),
  SMTP_HOST: z.string().optional(),
  SMTP_PORT: wholeNumber(587, 1, 65535),
  SMTP_USER_FILE: z.string().optional(),
  SMTP_PASSWORD_FILE: z.string().optional(),
  SMTP_ALLOW_PLAIN: flag,
  MAIL_FROM: z.email().optional(),
  MAIL_TO: z.email().optional(),
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

  const upstreams = upstreamsOf(given, problems);
  const stripe = settingsOf(given, "STRIPE", problems);
  problems.push(
    ...resourceProblems(env, Object.keys(upstreams)),
    ...partProblems(env, "DATABASE_HOST", DATABASE_PARTS),
    ...partProblems(env, "MONGO_HOST", MONGO_PARTS),
    ...partProblems(env, "REDIS_HOST", [], ["REDIS_USER", "REDIS_PASSWORD_FILE"]),
    ...partProblems(env, "SMTP_HOST", ["MAIL_TO"], [...SMTP_LOGIN, "MAIL_FROM"]),
    ...partProblems(env, "STRIPE_HOST", ["STRIPE_KEY_FILE"]),
    ...loginProblems(env),
    ...secretProblems(env),
  );
  if (env.ROLE === "migrate" && !env.DATABASE_HOST) {
    problems.push("DATABASE_HOST: a migration needs a database");
  }
  if (env.ROLE === "bot" && Number(env.API_WORKERS ?? 1) > 1) {
    problems.push("API_WORKERS: must be 1 for a bot; two pollers take each other's updates");
  }
  if (!parsed.success || !stripe || problems.length > 0) throw new ConfigError(problems);
  return toConfig(parsed.data, upstreams, stripe);
}

type Name = keyof Environment;

const DATABASE_PARTS: Name[] = ["DATABASE_NAME", "DATABASE_USER", "DATABASE_PASSWORD_FILE"];
const MONGO_PARTS: Name[] = ["MONGO_NAME", "MONGO_USER", "MONGO_PASSWORD_FILE"];
const SMTP_LOGIN = ["SMTP_USER_FILE", "SMTP_PASSWORD_FILE"] as const;

/** A host switches something on: some variables are needed then, and all are wrong without it. */
function partProblems(
  env: Partial<Environment>,
  host: Name,
  needed: readonly Name[],
  optional: readonly Name[] = [],
): string[] {
  return env[host]
    ? needed.filter((name) => !env[name]).map((name) => `${name}: needed with ${host}`)
    : [...needed, ...optional]
        .filter((name) => env[name])
        .map((name) => `${name}: set without ${host}`);
}

/** What each kind of resource stands on. A migration makes tables only. */
function resourceProblems(env: Partial<Environment>, upstreams: readonly string[]): string[] {
  if (env.ROLE !== undefined && env.ROLE !== "api") return [];
  const problems: string[] = [];
  const { RESOURCE_KIND: kind = "items", RESOURCE_UPSTREAM: upstream } = env;
  const needs = (name: Name): void => {
    if (!env[name]) problems.push(`${name}: needed for RESOURCE_KIND=${kind}`);
  };
  if (kind === "orders") needs("DATABASE_HOST");
  if (kind === "kitchen") needs("REDIS_HOST");
  if (kind === "kitchen" || kind === "proxy") needs("RESOURCE_UPSTREAM");
  if (upstream && !upstreams.includes(upstream)) {
    problems.push(
      `RESOURCE_UPSTREAM: no variable ${upstream.toUpperCase().replaceAll("-", "_")}_URL leads to it`,
    );
  }
  return problems;
}

function loginProblems(env: Partial<Environment>): string[] {
  const problems: string[] = [];
  if (env.REDIS_HOST && env.REDIS_USER && !env.REDIS_PASSWORD_FILE) {
    problems.push("REDIS_PASSWORD_FILE: needed with REDIS_USER");
  }
  if (!env.SMTP_HOST) return problems;
  const [missing, ...more] = SMTP_LOGIN.filter((name) => !env[name]);
  if (missing && more.length === 0) problems.push(`${missing}: needed for a login`);
  if (!env.MAIL_FROM && !isAddressFile(env.SMTP_USER_FILE)) {
    problems.push("MAIL_FROM: needed where the login's user is no mail address");
  }
  return problems;
}

/** Also true for a file that cannot be read, which is a problem of its own. */
function isAddressFile(path: string | undefined): boolean {
  if (!path) return false;
  try {
    return z.email().safeParse(readSecret(path)).success;
  } catch {
    return true;
  }
}

function secretProblems(env: Partial<Environment>): string[] {
  const shortest = {
    DATABASE_PASSWORD_FILE: 1,
    MONGO_PASSWORD_FILE: 1,
    REDIS_PASSWORD_FILE: 1,
    SMTP_USER_FILE: 1,
    SMTP_PASSWORD_FILE: 1,
    BOT_TOKEN_FILE: 1,
    STRIPE_KEY_FILE: SHORTEST_STRIPE_KEY,
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

function toConfig(
  env: Environment,
  upstreams: Record<string, UpstreamSettings>,
  stripe: Omit<UpstreamSettings, "url">,
): Config {
  return {
    role: env.ROLE,
    serviceName: env.SERVICE_NAME,
    serviceVersion: env.SERVICE_VERSION,
    host: env.LISTEN_HOST,
    port: env.PORT,
    workers: env.API_WORKERS,
    logLevel: env.LOG_LEVEL,
    drainSeconds: env.DRAIN_SECONDS,
    resourcePath: env.RESOURCE_PATH,
    resourceName: env.RESOURCE_PATH.slice(env.RESOURCE_PATH.lastIndexOf("/") + 1),
    resourceKind: env.RESOURCE_KIND,
    resourceMethods: env.RESOURCE_METHODS,
    ordersPath: env.ORDERS_PATH,
    queueName: env.QUEUE_NAME,
    ...(env.RESOURCE_UPSTREAM && { resourceUpstream: env.RESOURCE_UPSTREAM }),
    ...(env.STRIPE_HOST && {
      stripe: {
        url: `${env.STRIPE_ALLOW_PLAIN ? "http" : "https"}://${env.STRIPE_HOST}:${env.STRIPE_PORT}`,
        keyFile: env.STRIPE_KEY_FILE as string,
        settings: stripe,
      },
    }),
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
        // Their presence was checked: see partProblems.
        name: env.DATABASE_NAME as string,
        user: env.DATABASE_USER as string,
        passwordFile: env.DATABASE_PASSWORD_FILE as string,
        poolMax: env.DATABASE_POOL_MAX,
        pooled: env.DATABASE_POOL_MODE !== undefined,
        ...(env.DATABASE_OWNER_ROLE && { ownerRole: env.DATABASE_OWNER_ROLE }),
      },
    }),
    ...(env.MONGO_HOST && {
      mongo: {
        host: env.MONGO_HOST,
        port: env.MONGO_PORT,
        name: env.MONGO_NAME as string,
        user: env.MONGO_USER as string,
        passwordFile: env.MONGO_PASSWORD_FILE as string,
        options: env.MONGO_OPTIONS,
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
    ...(env.SMTP_HOST && {
      smtp: {
        host: env.SMTP_HOST,
        port: env.SMTP_PORT,
        to: env.MAIL_TO as string,
        allowPlain: env.SMTP_ALLOW_PLAIN,
        ...(env.MAIL_FROM && { from: env.MAIL_FROM }),
        ...(env.SMTP_USER_FILE &&
          env.SMTP_PASSWORD_FILE && {
            login: { userFile: env.SMTP_USER_FILE, passwordFile: env.SMTP_PASSWORD_FILE },
          }),
      },
    }),
  };
}
