import { z } from "zod";
import { CaddyGateway } from "../components/gateway/caddy/caddy";
import { perClient } from "../components/gateway/gateway";
import { External } from "../components/external";
import { Postgres } from "../components/postgres/postgres";
import { Redis } from "../components/redis/redis";
import { rolling } from "../components/release";
import { Service } from "../components/service";
import { in_, System } from "../components/system";
import type { Size } from "../model/units";
import { certificates, publicEntrance } from "./entrance";
import type { Profile, SystemDefinition } from "./definition";
import { duration, hostName, image, port, ranges, size } from "./fields";

const schema = z.strictObject({
  /** Public name of the API. */
  domain: hostName().default("gad.localhost"),
  /** Mail address for the certificates' authority; without one the gateway is its own authority. */
  acmeEmail: z.email().optional(),
  /** Images of the team; the reference service plays both where none is set. */
  images: z.strictObject({ api: image().optional(), bot: image().optional() }).prefault({}),
  api: z
    .strictObject({
      min: z.int().min(1).max(50).default(2),
      max: z.int().min(1).max(50).default(2),
      /** Processes of one instance: API_WORKERS (GG-15). */
      workers: z.int().min(1).max(64).default(2),
      /** Limit of one instance; the profile's when absent. About 120 MiB a worker. */
      memory: size().optional(),
      jwtMinutes: z.int().min(1).default(30),
      /** Time until an update that is not well counts as failed. */
      updateTimeout: duration().default("5 min"),
      /** Command that migrates the database, in the API's image. Absent: nothing to migrate. */
      migrate: z.array(z.string().min(1)).min(1).optional(),
    })
    .prefault({}),
  database: z
    .strictObject({
      storage: size().default("20 GiB"),
      /** Limit; the profile's when absent. */
      memory: size().optional(),
      maxConnections: z.int().min(20).max(2_000).default(100),
      /** What a drill asks of the restored database; the reference service's own when absent, else nothing. */
      smoke: z.string().min(1).optional(),
    })
    .prefault({}),
  cache: z.strictObject({ memory: size().default("256 MiB") }).prefault({}),
  /** Where errors are sent once `sentryDsn` is given: host and port of the DSN. */
  sentry: z
    .strictObject({ host: hostName().default("sentry.io"), port: port().default(443) })
    .prefault({}),
  ports: z.strictObject({ http: port().default(80), https: port().default(443) }).prefault({}),
  /** Load balancers in front that speak HTTP, whose word about a client's address counts. */
  trustedProxies: ranges().default([]),
  /** Requests that one client may make in a second. */
  requestsPerSecond: z.int().min(1).default(100),
  /** Routes that break the service on purpose: for live tests, never in production. */
  testHooks: z.boolean().default(false),
  /** Settings of the API's own that are no secrets. */
  environment: z.record(z.string(), z.string()).default({}),
});

/** What a profile means here: memory limits, and instances of the gateway. */
const SIZES = {
  dev: { api: "384 MiB", database: "512 MiB", gateways: 2 },
  staging: { api: "512 MiB", database: "1 GiB", gateways: 2 },
  prod: { api: "1 GiB", database: "4 GiB", gateways: 3 },
} as const satisfies Record<Profile, { api: Size; database: Size; gateways: number }>;

/** Citizen services: a FastAPI API, a Telegram bot, PostGIS, Redis, Caddy (GG-01). */
export const grupoGad: SystemDefinition<z.infer<typeof schema>> = {
  name: "grupo-gad",
  schema,
  secrets: {
    secretKey: { about: "signs sessions (SECRET_KEY, GG-15)", minLength: 32 },
    jwtSecretKey: { about: "signs tokens (JWT_SECRET_KEY, GG-15)", minLength: 32 },
    telegramToken: { about: "the bot's token from Telegram", minLength: 20, generate: "never" },
    sentryDsn: {
      about: "where API and bot send their errors (SENTRY_DSN, GG-15)",
      minLength: 20,
      generate: "never",
    },
  },

  check: (config, profile) =>
    publicEntrance(
      "grupo-gad",
      { ...config, testHooks: config.testHooks || "TEST_HOOKS" in config.environment },
      profile,
    ),

  build(config, context) {
    const { profile, images, secret } = context;
    const sizes = SIZES[profile];
    const system = new System("grupo-gad", context);
    const appImages = {
      api: config.images.api ?? images["reference-service"],
      bot: config.images.bot ?? images["reference-service"],
    };
    const migrate =
      config.api.migrate ??
      (config.images.api === undefined ? ["node", "/app/dist/main.js", "migrate"] : undefined);
    const telegramToken = secret("telegramToken");
    const sentryDsn = secret("sentryDsn");

    const telegram = new External("telegram", { host: "api.telegram.org", port: 443 }, in_(system));
    const sentry =
      sentryDsn === undefined ? undefined : new External("sentry", config.sentry, in_(system));
    const errors = {
      secrets: sentryDsn === undefined ? {} : { SENTRY_DSN: sentryDsn },
      links: (consumer: string) => (sentry === undefined ? [] : [sentry.as(consumer)]),
    };
    // Holds for a database that nobody has written to, and fails where the table is not there.
    const smoke =
      config.database.smoke ??
      (config.images.api === undefined ? "SELECT count(*) >= 0 FROM public.items" : undefined);
    const db = new Postgres(
      "db",
      {
        version: 15,
        extensions: ["postgis"],
        storage: config.database.storage,
        maxConnections: config.database.maxConnections,
        ...(smoke === undefined ? {} : { smoke }),
        resources: {
          cpu: { reserve: 0.1, limit: 1 },
          memory: { reserve: "256 MiB", limit: config.database.memory ?? sizes.database },
        },
      },
      in_(system),
    );
    const cache = new Redis("cache", { version: 7, memory: config.cache.memory }, in_(system));

    const api = new Service(
      "api",
      {
        image: appImages.api,
        port: 8000,
        health: { live: "/health/live", ready: "/health/ready" },
        webSocket: "/ws/connect",
        environment: {
          ...config.environment,
          API_WORKERS: String(config.api.workers),
          JWT_ACCESS_TOKEN_EXPIRE_MINUTES: String(config.api.jwtMinutes),
          ...(config.testHooks ? { TEST_HOOKS: "true" } : {}),
        },
        secrets: {
          SECRET_KEY: secret("secretKey")!,
          JWT_SECRET_KEY: secret("jwtSecretKey")!,
          ...errors.secrets,
        },
        links: [
          db.as("api", { grants: ["read", "write"] }),
          cache.as("api"),
          ...errors.links("api"),
        ],
        ...(migrate === undefined
          ? {}
          : {
              migrate: {
                command: migrate,
                links: [db.as("api-migrate", { grants: ["owner"] })],
              },
            }),
        scale: { min: config.api.min, max: config.api.max, cpu: 70 },
        resources: {
          cpu: { reserve: 0.1, limit: 1 },
          memory: { reserve: "128 MiB", limit: config.api.memory ?? sizes.api },
        },
        release: rolling({ timeout: config.api.updateTimeout }),
      },
      in_(system),
    );

    new Service(
      "bot",
      {
        image: appImages.bot,
        port: 8000,
        health: { live: "/health/live", ready: "/health/ready" },
        environment: {
          ROLE: "bot",
          ...(telegramToken === undefined ? {} : { BOT_API_URL: "https://api.telegram.org" }),
        },
        secrets: {
          ...(telegramToken === undefined ? {} : { BOT_TOKEN: telegramToken }),
          ...errors.secrets,
        },
        links: [
          api.as("bot"),
          cache.as("bot", { keys: ["bot:*"] }),
          telegram.as("bot"),
          ...errors.links("bot"),
        ],
        // Telegram hands each update to one poller: two would take them from each other.
        singleton: true,
        resources: {
          cpu: { reserve: 0.05, limit: 0.5 },
          memory: { reserve: "64 MiB", limit: "192 MiB" },
        },
      },
      in_(system),
    );

    new CaddyGateway(
      "edge",
      {
        hosts: { [config.domain]: api },
        tls: certificates(config),
        rateLimit: perClient(config.requestsPerSecond, "1 s"),
        trustedProxies: config.trustedProxies,
        ports: config.ports,
        instances: sizes.gateways,
      },
      in_(system),
    );
    return system;
  },
};
