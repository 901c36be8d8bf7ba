import { z } from "zod";
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

/** Routes that no other ones may take the place of. */
const TAKEN_PATHS = ["/api/v1/counter", "/api/v1/session"];

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
  RESOURCE_PATH: z
    .string()
    .max(200)
    .regex(
      /^\/api(\/[A-Za-z0-9][A-Za-z0-9_-]*)+$/,
      "must be /api/ and parts of letters, digits, - and _, without a slash at its end",
    )
    .refine((path) => !TAKEN_PATHS.includes(path), "is a route of the service's own")
    .default("/api/v1/items"),
  LOG_LEVEL: z.enum(LOG_LEVELS).default("info"),
  DRAIN_SECONDS: z.coerce.number().min(0).max(300).default(3),
  DATABASE_HOST: z.string().optional(),
  DATABASE_PORT: wholeNumber(5432, 1, 65535),
  DATABASE_NAME: z.string().optional(),
  DATABASE_USER: z.string().optional(),
  DATABASE_PASSWORD_FILE: z.string().optional(),
  DATABASE_POOL_MAX: wholeNumber(10, 1, 1000),
  DATABASE_OWNER_ROLE: z.string().optional(),
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

  for (const [name, url] of linkedUrls(given)) {
    if (!httpUrl.safeParse(url).success) problems.push(`${name}: is no http URL`);
  }
  problems.push(
    ...partProblems(env, "DATABASE_HOST", DATABASE_PARTS),
    ...partProblems(env, "MONGO_HOST", MONGO_PARTS),
    ...partProblems(env, "REDIS_HOST", [], ["REDIS_USER", "REDIS_PASSWORD_FILE"]),
    ...partProblems(env, "SMTP_HOST", ["MAIL_TO"], [...SMTP_LOGIN, "MAIL_FROM"]),
    ...loginProblems(env),
    ...secretProblems(env),
  );
  if (env.ROLE === "migrate" && !env.DATABASE_HOST) {
    problems.push("DATABASE_HOST: a migration needs a database");
  }
  if (env.ROLE === "bot" && Number(env.WORKERS ?? 1) > 1) {
    problems.push("WORKERS: must be 1 for a bot; two pollers take each other's updates");
  }
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  return toConfig(parsed.data, upstreamsOf(given));
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
    resourcePath: env.RESOURCE_PATH,
    resourceName: env.RESOURCE_PATH.slice(env.RESOURCE_PATH.lastIndexOf("/") + 1),
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
