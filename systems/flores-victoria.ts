import { z } from "zod";
import { External } from "../components/external";
import { CaddyGateway } from "../components/gateway/caddy/caddy";
import { perClient } from "../components/gateway/gateway";
import { Mongo } from "../components/mongo/mongo";
import { Postgres } from "../components/postgres/postgres";
import { Redis } from "../components/redis/redis";
import { rolling } from "../components/release";
import { Service } from "../components/service";
import { in_, System } from "../components/system";
import type { Problem } from "../model/problems";
import type { SecretSource } from "../model/system";
import type { Size } from "../model/units";
import type { Profile, SystemDefinition } from "./definition";
import { certificates, publicEntrance } from "./entrance";
import { duration, hostName, image, port, ranges, route, size } from "./fields";

const NAMES = [
  "user-service",
  "contact-service",
  "review-service",
  "auth-service",
  "product-service",
  "order-service",
  "cart-service",
  "wishlist-service",
] as const;

type Name = (typeof NAMES)[number];

const STORES = ["postgres", "mongo", "redis"] as const;

interface Defaults {
  readonly port: number;
  /** Both probes ask this route. */
  readonly probe: string;
  /** What the gateway leads to the service. */
  readonly path: string;
  readonly stores?: (typeof STORES)[number][];
  readonly calls?: Name[];
}

/** What a team may set of a service. What FV-01 does not give has an assumption as its default. */
// The schema is its own best description: its type says every field.
// eslint-disable-next-line @typescript-eslint/explicit-function-return-type
const service = (defaults: Defaults) =>
  z
    .strictObject({
      /** The team's own; the reference service plays it where none is set. */
      image: image().optional(),
      port: port().default(defaults.port),
      path: route().default(defaults.path),
      /** Answers 2xx when an instance may get traffic (FV-03). */
      ready: route().default(defaults.probe),
      /** Answers 2xx as long as the process works. */
      live: route().default(defaults.probe),
      /** Where it keeps its data: a database of its own in each. */
      stores: z.array(z.enum(STORES)).default(defaults.stores ?? []),
      /** Services that it asks. */
      calls: z.array(z.enum(NAMES)).default(defaults.calls ?? []),
      /** Instances; the profile's when absent. */
      min: z.int().min(1).max(100).optional(),
      max: z.int().min(1).max(100).optional(),
      /** Percent of the CPU reservation at which an instance is added (FV-05). */
      cpu: z.int().min(1).max(100).default(70),
      /** Percent of the memory limit at which an instance is added (FV-05). */
      memoryUse: z.int().min(1).max(100).default(80),
      /** Limit of one instance; the profile's when absent. */
      memory: size().optional(),
      /** Time until an update that is not well counts as failed. */
      updateTimeout: duration().default("5 min"),
      /** Command that migrates its PostgreSQL database, in its image. Absent: nothing to migrate. */
      migrate: z.array(z.string().min(1)).min(1).optional(),
      /** Settings of its own that are no secrets. */
      environment: z.record(z.string(), z.string()).default({}),
    })
    .prefault({});

const store = z
  .strictObject({
    storage: size().default("20 GiB"),
    /** Limit; the profile's when absent. */
    memory: size().optional(),
  })
  .prefault({});

const schema = z.strictObject({
  /** Public name of the shop's API. */
  domain: hostName().default("flores.localhost"),
  /** Mail address for the certificates' authority; without one the gateway is its own authority. */
  acmeEmail: z.email().optional(),
  services: z
    .strictObject({
      // Given (FV-01): port and probe route.
      "user-service": service({
        port: 3003,
        probe: "/api/users/",
        path: "/api/users",
        stores: ["postgres"],
      }),
      // Given: port; that it sends mail.
      "contact-service": service({ port: 3008, probe: "/api/contact", path: "/api/contact" }),
      // Given: port and probe route.
      "review-service": service({
        port: 3007,
        probe: "/api/reviews",
        path: "/api/reviews",
        stores: ["mongo"],
        calls: ["product-service"],
      }),
      // From here on everything is assumed.
      "auth-service": service({
        port: 3001,
        probe: "/api/auth",
        path: "/api/auth",
        stores: ["postgres", "redis"],
        calls: ["user-service"],
      }),
      "product-service": service({
        port: 3002,
        probe: "/api/products",
        path: "/api/products",
        stores: ["mongo"],
      }),
      "order-service": service({
        port: 3004,
        probe: "/api/orders",
        path: "/api/orders",
        stores: ["postgres"],
        calls: ["user-service", "product-service", "cart-service"],
      }),
      "cart-service": service({
        port: 3005,
        probe: "/api/cart",
        path: "/api/cart",
        stores: ["redis"],
        calls: ["product-service"],
      }),
      "wishlist-service": service({
        port: 3006,
        probe: "/api/wishlist",
        path: "/api/wishlist",
        stores: ["redis"],
        calls: ["product-service"],
      }),
    })
    .prefault({}),
  mail: z
    .strictObject({
      host: hostName().default("smtp.gmail.com"),
      port: port().default(587),
      /** Sender, and who gets what customers write: `tienda@` the domain when absent. */
      from: z.email().optional(),
      to: z.email().optional(),
    })
    .prefault({}),
  postgres: store
    .unwrap()
    .extend({
      /** What a drill asks of one restored database; of a reference service's own when absent, else nothing. */
      smoke: z.strictObject({ database: z.string().min(1), query: z.string().min(1) }).optional(),
    })
    .prefault({}),
  mongo: store,
  redis: z.strictObject({ memory: size().default("256 MiB") }).prefault({}),
  ports: z.strictObject({ http: port().default(80), https: port().default(443) }).prefault({}),
  /** Load balancers in front that speak HTTP, whose word about a client's address counts. */
  trustedProxies: ranges().default([]),
  /** Requests that one client may make in a second. */
  requestsPerSecond: z.int().min(1).default(100),
  /** Routes that break services on purpose: for live tests, never in production. */
  testHooks: z.boolean().default(false),
});

/** What a profile means here: instances and memory limits. */
const SIZES = {
  dev: { min: 1, max: 1, service: "192 MiB", postgres: "512 MiB", mongo: "1 GiB", gateways: 2 },
  staging: { min: 1, max: 3, service: "256 MiB", postgres: "1 GiB", mongo: "1 GiB", gateways: 2 },
  prod: { min: 2, max: 6, service: "512 MiB", postgres: "4 GiB", mongo: "4 GiB", gateways: 3 },
} as const satisfies Record<
  Profile,
  Record<"min" | "max" | "gateways", number> & Record<"service" | "postgres" | "mongo", Size>
>;

type Config = z.infer<typeof schema>;

/** A service as it is called in links. */
const shortOf = (name: Name): string => name.replace(/-service$/, "");

/** Each has a database of its own, in each of its stores. */
const databaseOf = (name: Name): string => `${shortOf(name)}s`;

/** An online flower shop: eight services, three stores, a gateway (FV-01, FV-02). */
export const floresVictoria: SystemDefinition<Config> = {
  name: "flores-victoria",
  schema,
  secrets: {
    smtpUser: { about: "the mail account that contact-service sends from (FV-01)" },
    smtpPassword: { about: "the mail account's application password (FV-01)", minLength: 8 },
    jwtSecretKey: { about: "signs the tokens of auth-service", minLength: 32 },
  },

  check(config, profile) {
    const problems: Problem[] = publicEntrance("flores-victoria", config, profile);
    for (const [name, { calls }] of Object.entries(config.services)) {
      if (calls.includes(name as Name)) {
        problems.push({ path: `services.${name}.calls`, message: "has the service itself" });
      }
    }
    return problems;
  },

  build(config, context) {
    const { profile, images, secret } = context;
    const sizes = SIZES[profile];
    const system = new System("flores-victoria", context);
    const { host, port: mailPort } = config.mail;
    const smtp = new External("smtp", { host, port: mailPort }, in_(system));
    // Holds for a database that nobody has written to, and fails where the table is not there.
    const asked = NAMES.find(
      (name) =>
        config.services[name].image === undefined &&
        config.services[name].stores.includes("postgres"),
    );
    const smoke =
      config.postgres.smoke ??
      (asked === undefined
        ? undefined
        : { database: databaseOf(asked), query: "SELECT count(*) >= 0 FROM public.items" });
    const db = new Postgres(
      "db",
      {
        version: 15,
        storage: config.postgres.storage,
        ...(smoke === undefined ? {} : { database: smoke.database, smoke: smoke.query }),
        resources: {
          cpu: { reserve: 0.1, limit: 1 },
          memory: { reserve: "256 MiB", limit: config.postgres.memory ?? sizes.postgres },
        },
      },
      in_(system),
    );
    const documents = new Mongo(
      "documents",
      {
        version: 8,
        storage: config.mongo.storage,
        resources: {
          cpu: { reserve: 0.1, limit: 1 },
          memory: { reserve: "256 MiB", limit: config.mongo.memory ?? sizes.mongo },
        },
      },
      in_(system),
    );
    const cache = new Redis("cache", { version: 7, memory: config.redis.memory }, in_(system));

    /** What one service needs beside what all of them have. */
    const own: Partial<Record<Name, Pick<Service["args"], "environment" | "secrets" | "links">>> = {
      "contact-service": {
        environment: {
          MAIL_FROM: config.mail.from ?? `tienda@${config.domain}`,
          MAIL_TO: config.mail.to ?? `tienda@${config.domain}`,
        },
        secrets: secrets({ SMTP_USER: "smtpUser", SMTP_PASSWORD: "smtpPassword" }, secret),
        links: [smtp.as("contact")],
      },
      "auth-service": { secrets: secrets({ JWT_SECRET_KEY: "jwtSecretKey" }, secret) },
    };

    const build = (name: Name): Service => {
      const of = config.services[name];
      const short = shortOf(name);
      const database = databaseOf(name);
      const played = of.image === undefined;
      const migrate = of.migrate ?? (played ? ["node", "/app/dist/main.js", "migrate"] : undefined);
      const keeps = (kind: (typeof STORES)[number]): boolean => of.stores.includes(kind);
      return new Service(
        name,
        {
          image: of.image ?? images["reference-service"],
          port: of.port,
          health: { live: of.live, ready: of.ready },
          environment: {
            ...(played ? { RESOURCE_PATH: of.path } : {}),
            ...(config.testHooks ? { TEST_HOOKS: "true" } : {}),
            ...own[name]?.environment,
            ...of.environment,
          },
          ...(own[name]?.secrets === undefined ? {} : { secrets: own[name].secrets }),
          links: [
            ...(keeps("postgres") ? [db.as(short, { grants: ["read", "write"], database })] : []),
            ...(keeps("mongo")
              ? [documents.as(short, { grants: ["read", "write"], database })]
              : []),
            ...(keeps("redis") ? [cache.as(short, { keys: [`${name}:*`] })] : []),
            ...(own[name]?.links ?? []),
          ],
          ...(keeps("postgres") && migrate !== undefined
            ? {
                migrate: {
                  command: migrate,
                  links: [db.as(`${short}-migrate`, { grants: ["owner"], database })],
                },
              }
            : {}),
          scale: {
            min: of.min ?? sizes.min,
            max: of.max ?? Math.max(of.min ?? 1, sizes.max),
            cpu: of.cpu,
            memory: of.memoryUse,
          },
          resources: {
            cpu: { reserve: 0.05, limit: 1 },
            memory: { reserve: "96 MiB", limit: of.memory ?? sizes.service },
          },
          release: rolling({ timeout: of.updateTimeout }),
        },
        in_(system),
      );
    };
    const services = Object.fromEntries(NAMES.map((name) => [name, build(name)])) as Record<
      Name,
      Service
    >;
    for (const name of NAMES) {
      services[name].calls(...config.services[name].calls.map((other) => services[other]));
    }

    new CaddyGateway(
      "edge",
      {
        hosts: {
          [config.domain]: NAMES.map((name) => ({
            path: config.services[name].path,
            to: services[name],
          })),
        },
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

/** Those of the wanted secrets that there are, by the variable that names their file. */
function secrets(
  wanted: Readonly<Record<string, string>>,
  of: (name: string) => SecretSource | undefined,
): Record<string, SecretSource> {
  return Object.fromEntries(
    Object.entries(wanted).flatMap(([variable, name]) => {
      const source = of(name);
      return source === undefined ? [] : [[variable, source]];
    }),
  );
}
