import { z } from "zod";
import { External } from "../components/external";
import { CaddyGateway } from "../components/gateway/caddy/caddy";
import { EXCLUDABLE, isExcludable, perClient, type WafArgs } from "../components/gateway/gateway";
import { NginxGateway } from "../components/gateway/nginx/nginx";
import { Postgres } from "../components/postgres/postgres";
import { Redis } from "../components/redis/redis";
import { rolling } from "../components/release";
import type { Resilience } from "../components/resilience";
import { Service, type ServiceArgs } from "../components/service";
import { in_, System } from "../components/system";
import type { SecretSource } from "../model/system";
import { milliseconds, type Size } from "../model/units";
import type { Profile, SystemDefinition } from "./definition";
import { certificates, publicEntrance } from "./entrance";
import { duration, hostName, image, port, ranges, route, size } from "./fields";

/** What stands in front, by the word that chooses it. One more gateway is one more line. */
const GATEWAYS = { nginx: NginxGateway, caddy: CaddyGateway } as const;

type Name = "clients-app" | "employees-app" | "order-service" | "kitchen-display";

/** What a team may set of a service. */
const service = z
  .strictObject({
    /** The team's own; the reference service plays it where none is set. */
    image: image().optional(),
    /** Where it listens: assumed, since it is not given. */
    port: port().default(8000),
    /** Instances; the profile's when absent. */
    min: z.int().min(1).max(100).optional(),
    max: z.int().min(1).max(100).optional(),
    /** Limit of one instance; the profile's when absent. */
    memory: size().optional(),
    /** Time until an update that is not well counts as failed. */
    updateTimeout: duration().default("5 min"),
    /** Settings of its own that are no secrets. */
    environment: z.record(z.string(), z.string()).default({}),
  })
  .prefault({});

const connections = z.int().min(1).max(1_000);

const schema = z.strictObject({
  /** Public name for guests. */
  domain: hostName().default("pronto.localhost"),
  /** Public name for who works there; `employees.` and the domain when absent. */
  employeesDomain: hostName().optional(),
  /** Mail address for the certificates' authority; without one the gateway is its own authority. */
  acmeEmail: z.email().optional(),
  gateway: z.enum(Object.keys(GATEWAYS) as (keyof typeof GATEWAYS)[]).default("nginx"),
  /** The gateway's firewall for requests, which Nginx has and Caddy has not (PR-12). */
  waf: z
    .strictObject({
      /** `detect` only logs: for a first week. `block` when absent, `off` with Caddy. */
      mode: z.enum(["off", "detect", "block"]).optional(),
      /** How suspicious it is; 1 when absent. */
      paranoia: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)]).optional(),
      /** Score from which a request is refused; 5 when absent. */
      anomalyThreshold: z.int().min(1).max(1_000).optional(),
      /** Rules that are wrong about honest requests below a path. */
      exclusions: z
        .array(
          z.strictObject({
            path: route(),
            rules: z
              .array(z.int().refine(isExcludable, `is no rule that can be excluded: ${EXCLUDABLE}`))
              .min(1),
            /** The whole request when absent. */
            parameters: z.array(z.string().min(1)).min(1).optional(),
          }),
        )
        .default([]),
    })
    .prefault({}),
  services: z
    .strictObject({
      "clients-app": service,
      "employees-app": service,
      "order-service": service,
      "kitchen-display": service,
    })
    .prefault({}),
  /** Command that migrates the database, in order-service's image. Absent: nothing to migrate. */
  migrate: z.array(z.string().min(1)).min(1).optional(),
  database: z
    .strictObject({
      storage: size().default("20 GiB"),
      /** Limit; the profile's when absent. */
      memory: size().optional(),
      maxConnections: z.int().min(20).max(2_000).default(100),
      /** What a drill asks of the restored database; the reference service's own when absent, else nothing. */
      smoke: z.string().min(1).optional(),
      /** Between the services and the database (PR-14). */
      pool: z
        .strictObject({
          /** Connections to the database that each service has. */
          orders: connections.default(20),
          employees: connections.default(4),
          /** Connections of clients that one instance takes. */
          clients: z.int().min(1).max(20_000).default(2_000),
          instances: z.int().min(1).max(10).default(2),
        })
        .prefault({}),
    })
    .prefault({}),
  cache: z.strictObject({ memory: size().default("256 MiB") }).prefault({}),
  stripe: z
    .strictObject({
      host: hostName().default("api.stripe.com"),
      port: port().default(443),
      /** Longest time that an order waits for its payment; it is taken all the same. */
      timeout: duration().default("2 s"),
      /** Failures in a row after which payment is left alone, and for how long. */
      failures: z.int().min(1).max(1_000).default(5),
      reset: duration().default("10 s"),
      /** Without TLS: for tests, whose Stripe is not the real one. */
      plain: z.boolean().default(false),
    })
    .prefault({}),
  ports: z.strictObject({ http: port().default(80), https: port().default(443) }).prefault({}),
  /** Load balancers in front that speak HTTP, whose word about a client's address counts. */
  trustedProxies: ranges().default([]),
  /** Requests that one client may make in a second. */
  requestsPerSecond: z.int().min(1).default(100),
  /** Requests that one client may make in a minute, on paths that begin so. Where people log in is assumed. */
  requestsPerMinute: z.record(route(), z.int().min(1)).default({ "/login": 30 }),
  /**
   * Requests and WebSockets that one client may have open at once, by where paths begin; `/` is all of them.
   * Nginx counts them, Caddy does not.
   */
  openAtOnce: z.record(route(), z.int().min(1)).default({}),
  /** Routes that break services on purpose: for live tests, never in production. */
  testHooks: z.boolean().default(false),
});

/** What a profile means here: instances and memory limits. */
const SIZES = {
  dev: { min: 1, max: 1, service: "192 MiB", database: "512 MiB", gateways: 2 },
  staging: { min: 1, max: 3, service: "256 MiB", database: "1 GiB", gateways: 2 },
  prod: { min: 2, max: 6, service: "512 MiB", database: "4 GiB", gateways: 3 },
} as const satisfies Record<
  Profile,
  Record<"min" | "max" | "gateways", number> & Record<"service" | "database", Size>
>;

type Config = z.infer<typeof schema>;

/** What the gateway's firewall does: blocks, where there is one. */
const firewall = ({ gateway, waf }: Config): WafArgs => ({
  mode: waf.mode ?? (gateway === "nginx" ? "block" : "off"),
  ...(waf.paranoia === undefined ? {} : { paranoia: waf.paranoia }),
  ...(waf.anomalyThreshold === undefined ? {} : { anomalyThreshold: waf.anomalyThreshold }),
  exclusions: waf.exclusions.map(({ parameters, ...of }) => ({
    ...of,
    ...(parameters === undefined ? {} : { parameters }),
  })),
});

/** What is set of the firewall beside its mode. */
function tuningOf({ waf }: Config): [string, string][] {
  const { paranoia, anomalyThreshold, exclusions } = waf;
  const of = {
    paranoia,
    anomalyThreshold,
    exclusions: exclusions.length > 0 ? "not empty" : undefined,
  };
  return Object.entries(of).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, `${value}`]],
  );
}

/** What an order takes beside its payment: a place in the pool, the database. In milliseconds. */
const BESIDE_PAYMENT_MS = 6_000;
/** A guest's app asks for an order twice at most, and the gateway waits 60 s for it. */
const LONGEST_PAYMENT_MS = 20_000;

/**
 * How the apps ask the order service: longer than a payment may take, which they would else take for a failure and stop
 * asking for the menu too. Each order carries a key, so that it counts once.
 */
const patience = ({ stripe }: Config): Resilience => ({
  timeout: `${Math.max(8_000, milliseconds(stripe.timeout) + BESIDE_PAYMENT_MS)} ms`,
  retries: 1,
  idempotent: true,
  breaker: { failures: 10, reset: "2 s" },
});

/** Where orders are, at every service that shows them. */
const ORDERS = "/api/orders";

/** A restaurant's orders: from the guest by the order service to the kitchen, and paid by Stripe (PR-01). */
export const pronto: SystemDefinition<Config> = {
  name: "pronto",
  schema,
  secrets: {
    secretKey: { about: "signs the sessions of guests and employees (GG-14)", minLength: 32 },
    stripeKey: { about: "Stripe's secret key (PR-11)", minLength: 20 },
  },

  check(config, profile) {
    const problems = publicEntrance("pronto", config, profile);
    if (config.stripe.plain && profile !== "dev") {
      problems.push({
        path: "stripe.plain",
        message: "sends Stripe's key and payments unencrypted: never outside dev",
        fix: "pulumi config set --path 'pronto.stripe.plain' false",
      });
    }
    if (milliseconds(config.stripe.timeout) > LONGEST_PAYMENT_MS) {
      problems.push({
        path: "stripe.timeout",
        message: `is ${config.stripe.timeout}: the gateway would give an order up before its payment`,
        fix: "at most 20 s; an order is taken all the same, and collected later",
      });
    }
    if (config.gateway === "caddy") {
      const { mode = "off" } = config.waf;
      const set = [...(mode === "off" ? [] : [["mode", mode]]), ...tuningOf(config)];
      for (const [name, value] of set) {
        problems.push({
          path: `waf.${name}`,
          message: `is ${value}, and Caddy has no firewall for requests`,
          fix: `pulumi config set --path 'pronto.gateway' nginx, or pulumi config rm --path 'pronto.waf.${name}'`,
        });
      }
    }
    if (config.employeesDomain === config.domain) {
      problems.push({
        path: "employeesDomain",
        message: `is ${config.domain}, which is the guests'`,
        fix: "give employees a name of their own, or leave it out",
      });
    }
    return problems;
  },

  advise(config) {
    // Kept for when it is on again: a problem would have it deleted for an hour without a firewall.
    const tuning = config.gateway === "nginx" && config.waf.mode === "off" ? tuningOf(config) : [];
    return tuning.map(([name, value]) => ({
      path: `waf.${name}`,
      message: `is ${value}, and changes nothing while the firewall is off`,
      fix: "pulumi config set --path 'pronto.waf.mode' block",
    }));
  },

  build(config, context) {
    const { profile, images, secret } = context;
    const sizes = SIZES[profile];
    const { pool } = config.database;
    const system = new System("pronto", context);

    const stripe = new External(
      "stripe",
      { host: config.stripe.host, port: config.stripe.port },
      in_(system),
    );
    // The dishes come with the table; that nobody has ordered yet is no fault.
    const smoke =
      config.database.smoke ??
      (config.services["order-service"].image === undefined
        ? "SELECT (SELECT count(*) FROM public.dishes) > 0 AND (SELECT count(*) FROM public.orders) >= 0"
        : undefined);
    const db = new Postgres(
      "db",
      {
        version: 15,
        storage: config.database.storage,
        maxConnections: config.database.maxConnections,
        ...(smoke === undefined ? {} : { smoke }),
        pooling: { mode: "transaction", clients: pool.clients, instances: pool.instances },
        resources: {
          cpu: { reserve: 0.1, limit: 1 },
          memory: { reserve: "256 MiB", limit: config.database.memory ?? sizes.database },
        },
      },
      in_(system),
    );
    // It keeps sessions and the queue: nothing of it may be thrown away for room.
    const cache = new Redis(
      "cache",
      { version: 7, memory: config.cache.memory, use: "store" },
      in_(system),
    );

    /** What all services have in common, beside what is a service's own. */
    const build = (
      name: Name,
      own: Pick<ServiceArgs, "figures" | "links" | "secrets" | "migrate"> & {
        /** What the reference service is told to be. */
        readonly role: Readonly<Record<string, string>>;
      },
    ): Service => {
      const of = config.services[name];
      const { role, ...rest } = own;
      return new Service(
        name,
        {
          image: of.image ?? images["reference-service"],
          port: of.port,
          health: { live: "/health/live", ready: "/health/ready" },
          environment: {
            ...(of.image === undefined ? role : {}),
            ...(config.testHooks ? { TEST_HOOKS: "true" } : {}),
            ...of.environment,
          },
          ...rest,
          scale: {
            min: of.min ?? sizes.min,
            max: of.max ?? Math.max(of.min ?? 1, sizes.max),
            cpu: 70,
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
    const sessions: Record<string, SecretSource> = { SECRET_KEY: secret("secretKey")! };

    const migrate =
      config.migrate ??
      (config.services["order-service"].image === undefined
        ? ["node", "/app/dist/main.js", "migrate"]
        : undefined);
    const orders = build("order-service", {
      role: {
        RESOURCE_KIND: "orders",
        RESOURCE_PATH: ORDERS,
        ...(config.stripe.plain ? { STRIPE_ALLOW_PLAIN: "true" } : {}),
      },
      secrets: { STRIPE_KEY: secret("stripeKey")! },
      // What the service's image has to count (PR-03).
      figures: [
        { title: "Orders", counter: "orders_placed_total" },
        { title: "Revenue", counter: "orders_paid_cents_total", hundredthsOf: "MXN" },
      ],
      links: [
        db.as("orders", { grants: ["read", "write"], pool: { size: pool.orders } }),
        cache.as("orders", { keys: ["order-service:*", "orders:*"] }),
        stripe.as("orders", {
          timeout: config.stripe.timeout,
          breaker: { failures: config.stripe.failures, reset: config.stripe.reset },
        }),
      ],
      ...(migrate === undefined
        ? {}
        : {
            migrate: {
              command: migrate,
              environment: { RESOURCE_KIND: "orders" },
              links: [db.as("orders-migrate", { grants: ["owner"] })],
            },
          }),
    });

    const kitchen = build("kitchen-display", {
      role: {
        RESOURCE_KIND: "kitchen",
        RESOURCE_PATH: "/api/kitchen",
        RESOURCE_UPSTREAM: orders.name,
        ORDERS_PATH: ORDERS,
      },
      links: [
        cache.as("kitchen", { keys: ["kitchen-display:*", "orders:*"] }),
        // To bring an order to a state twice is to bring it there once.
        orders.as("kitchen", { timeout: "3 s", retries: 1, idempotent: true }),
      ],
    });

    const clients = build("clients-app", {
      role: {
        RESOURCE_KIND: "proxy",
        RESOURCE_PATH: ORDERS,
        RESOURCE_UPSTREAM: orders.name,
        RESOURCE_METHODS: "GET,POST",
      },
      secrets: sessions,
      links: [
        cache.as("clients", { keys: ["clients-app:*"] }),
        orders.as("clients", patience(config)),
      ],
    });

    const employees = build("employees-app", {
      role: { RESOURCE_KIND: "orders", RESOURCE_PATH: ORDERS, RESOURCE_UPSTREAM: orders.name },
      secrets: sessions,
      links: [
        db.as("employees", { grants: ["read"], pool: { size: pool.employees } }),
        cache.as("employees", { keys: ["employees-app:*"] }),
        orders.as("employees", patience(config)),
      ],
    });

    const Gateway = GATEWAYS[config.gateway];
    const { "/": clientConnections, ...pathConnections } = config.openAtOnce;
    new Gateway(
      "edge",
      {
        hosts: {
          [config.domain]: clients,
          [config.employeesDomain ?? `employees.${config.domain}`]: {
            "/": employees,
            "/api/kitchen": kitchen,
          },
        },
        tls: certificates(config),
        rateLimit: perClient(config.requestsPerSecond, "1 s"),
        pathLimits: Object.fromEntries(
          Object.entries(config.requestsPerMinute).map(([path, n]) => [
            path,
            perClient(n, "1 min"),
          ]),
        ),
        ...(clientConnections === undefined ? {} : { clientConnections }),
        pathConnections,
        waf: firewall(config),
        trustedProxies: config.trustedProxies,
        ports: config.ports,
        instances: sizes.gateways,
      },
      in_(system),
    );
    return system;
  },
};
