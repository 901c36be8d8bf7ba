import {
  AggregatorRegistry,
  Counter,
  Gauge,
  Histogram,
  collectDefaultMetrics,
  register,
} from "prom-client";
import type { FastifyInstance } from "fastify";
import type { Config } from "./config";
import type { Dependencies, DependencyName } from "./dependencies";

/** Edges in seconds; 0.1, 0.2, 0.3 and 0.5 are the limits of GG-07, GG-08 and GG-12. */
const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10];

/** Probes and scrapes are no user's traffic: they would thin out error rates and percentiles. */
const UNCOUNTED = /^\/(health|metrics|test)(\/|$)/;

const requests = new Counter({
  name: "http_requests_total",
  help: "Answered HTTP requests, without probes and scrapes.",
  labelNames: ["method", "route", "status"] as const,
});
const durations = new Histogram({
  name: "http_request_duration_seconds",
  help: "Time from a request's head to its answer's end.",
  labelNames: ["method", "route"] as const,
  buckets: DURATION_BUCKETS,
});
const inFlight = new Gauge({
  name: "http_requests_in_flight",
  help: "HTTP requests that are being answered.",
});
const webSockets = new Gauge({
  name: "websocket_connections",
  help: "Open WebSocket connections.",
});
const botPolls = new Counter({
  name: "bot_polls_total",
  help: "Outbound polls of the bot.",
  labelNames: ["outcome"] as const,
});
const botUpdates = new Counter({
  name: "bot_updates_total",
  help: "Updates that the bot received.",
});

const upstreamRequests = new Counter({
  name: "upstream_requests_total",
  help: "Requests to other services; an outcome is ok, failed, slow, resting (breaker open) or busy.",
  labelNames: ["upstream", "outcome"] as const,
});
const upstreamOpen = new Gauge({
  name: "upstream_breaker_open",
  help: "1 while another service failed too often and is left alone.",
  labelNames: ["upstream"] as const,
  aggregator: "max",
});

const ordersPlaced = new Counter({
  name: "orders_placed_total",
  help: "Orders that were accepted; one that is sent again counts once.",
});
const ordersPaid = new Counter({
  name: "orders_paid_cents_total",
  help: "What was collected for orders, in hundredths of the currency. What is paid at the table is not in it.",
});

/** What routes and the bot move by hand. */
export const counters = {
  ordersPlaced,
  ordersPaid,
  webSockets,
  botPolls,
  botUpdates,
  upstreamRequests,
  upstreamOpen,
} as const;

/** Registers the gauges that need this process's connections, and the process's own metrics. */
export function registerProcessMetrics(config: Config, dependencies: Dependencies): void {
  collectDefaultMetrics();
  new Gauge({
    name: "service_info",
    help: "Always 1; the labels say what runs.",
    labelNames: ["service", "version", "role"] as const,
    aggregator: "first",
  }).set({ service: config.serviceName, version: config.serviceVersion, role: config.role }, 1);
  new Gauge({
    name: "dependency_up",
    help: "1 while a configured dependency answers.",
    labelNames: ["dependency"] as const,
    aggregator: "min",
    async collect() {
      const states = await dependencies.check();
      for (const name of Object.keys(states) as DependencyName[]) {
        if (states[name] !== "off") this.set({ dependency: name }, states[name] === "up" ? 1 : 0);
      }
    },
  });
  const { database } = dependencies;
  if (!database) return;
  new Gauge({
    name: "db_pool_connections",
    help: "Connections of the pool by state; waiting counts requests without one.",
    labelNames: ["state"] as const,
    collect() {
      this.set({ state: "used" }, database.totalCount - database.idleCount);
      this.set({ state: "idle" }, database.idleCount);
      this.set({ state: "waiting" }, database.waitingCount);
    },
  });
  new Gauge({ name: "db_pool_max", help: "Most connections that the pool may open." }).set(
    database.options.max,
  );
}

/** Measures rate, errors and duration of every route but probes, by the route's pattern. */
export function measureRequests(app: FastifyInstance): void {
  app.addHook("onRequest", async (request, reply) => {
    // A WebSocket's request lasts as long as its connection, which has its own gauge.
    if (request.ws || UNCOUNTED.test(request.url.split("?", 1)[0] ?? "")) return;
    const stop = durations.startTimer();
    inFlight.inc();
    // "close" comes once in every case, also when the client left before the answer.
    reply.raw.once("close", () => {
      const route = request.routeOptions.url ?? "unmatched";
      inFlight.dec();
      stop({ method: request.method, route });
      const status = reply.raw.writableFinished ? String(reply.raw.statusCode) : "499";
      requests.inc({ method: request.method, route, status });
    });
  });
}

/** The content type and text of this process's metrics. */
export async function localMetrics(): Promise<string> {
  return register.metrics();
}

export const METRICS_CONTENT_TYPE = register.contentType;

/**
 * Lets a worker answer the primary's question for its metrics, and the primary sum them up.
 * Creating the registry is what installs prom-client's message listeners.
 */
export function clusterRegistry(): AggregatorRegistry<typeof register.contentType> {
  return new AggregatorRegistry();
}
