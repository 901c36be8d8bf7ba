import { randomUUID } from "node:crypto";
import cookie from "@fastify/cookie";
import swagger from "@fastify/swagger";
import websocket from "@fastify/websocket";
import Fastify, { LogController, type FastifyInstance } from "fastify";
import type { Bus } from "./bus";
import type { Config } from "./config";
import type { Dependencies } from "./dependencies";
import { handleErrors, sendUnavailable } from "./errors";
import { Faults } from "./faults";
import type { Lifecycle } from "./lifecycle";
import type { Logger } from "./log";
import { measureRequests } from "./metrics";
import { docsRoutes } from "./routes/docs";
import { stripePayments } from "./payments";
import { reader, send } from "./queue";
import { healthRoutes } from "./routes/health";
import { itemRoutes } from "./routes/items";
import { kitchenRoutes } from "./routes/kitchen";
import { mailRoutes } from "./routes/mail";
import { orderReadingRoutes, orderRoutes } from "./routes/orders";
import { proxyRoutes } from "./routes/proxy";
import { sessionRoutes } from "./routes/sessions";
import { testingRoutes } from "./routes/testing";
import { upstreamRoutes } from "./routes/upstreams";
import { webSocketRoutes } from "./routes/websocket";
import { mongoStore } from "./stores/mongo";
import { orderStore } from "./stores/orders";
import { postgresStore } from "./stores/postgres";
import { redisStore } from "./stores/redis";
import type { ItemStore } from "./stores/store";
import { ticketStore } from "./stores/tickets";
import { type Upstreams, upstreamsOf } from "./upstream";

/** Everything that a server stands on. */
export interface ServerParts {
  readonly config: Config;
  readonly log: Logger;
  readonly dependencies: Dependencies;
  readonly lifecycle: Lifecycle;
  readonly bus: Bus;
}

const BODY_LIMIT = 64 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;
/**
 * Longer than a proxy keeps an idle connection (Caddy: 2 minutes), so that the proxy closes
 * first and never sends a request into a connection that is being closed.
 */
const KEEP_ALIVE_MS = 150_000;
const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** A client's request id where it is harmless, else a new one. */
export function requestId(given: string | string[] | undefined): string {
  return typeof given === "string" && REQUEST_ID.test(given) ? given : randomUUID();
}

/** Builds the HTTP server of a role; it does not listen yet. */
export async function buildServer(parts: ServerParts): Promise<FastifyInstance> {
  const { config, dependencies, lifecycle, bus } = parts;
  const app = Fastify({
    loggerInstance: parts.log,
    // One line a request, written below, without query, headers and body.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: (raw) => requestId(raw.headers["x-request-id"]),
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: "idle",
    // A request that comes while the last ones are finished is served, not refused.
    return503OnClosing: false,
    // An unknown field is the client's mistake to see, not ours to drop.
    ajv: { customOptions: { removeAdditional: false } },
  }) as unknown as FastifyInstance;

  await app.register(swagger, {
    openapi: {
      openapi: "3.0.3",
      info: { title: config.serviceName, version: config.serviceVersion },
    },
    // Of the two names that a prefix's root has, the one without a slash is shown.
    transform: ({ schema, url }) => ({ schema, url: url.replace(/(.)\/$/, "$1") }),
  });
  await app.register(cookie);
  await app.register(websocket, {
    options: { maxPayload: BODY_LIMIT },
    preClose(done) {
      for (const client of this.websocketServer.clients) client.close(1001, "going away");
      this.websocketServer.close();
      done();
    },
  });

  measureRequests(app);
  logRequests(app);
  handleErrors(app);
  app.addHook("onSend", async (request, reply) => {
    reply.header("x-request-id", request.id);
    if (lifecycle.draining) reply.header("connection", "close");
  });

  healthRoutes(app, config, dependencies, lifecycle, bus);
  if (config.testHooks) testingRoutes(app, config, bus);
  if (config.role === "api") await publicRoutes(app, parts);
  return app;
}

async function publicRoutes(app: FastifyInstance, parts: ServerParts): Promise<void> {
  const { config, dependencies, lifecycle, bus } = parts;
  const faults = new Faults();
  faults.listen(bus);

  const upstreams = upstreamsOf(config.upstreams);
  docsRoutes(app);
  upstreamRoutes(app, upstreams, config.testHooks);
  await app.register(async (scope) => {
    refuseWhileNotReady(scope, lifecycle);
    webSocketRoutes(scope);
  });
  await app.register(async (scope) => {
    faults.apply(scope);
    refuseWhileNotReady(scope, lifecycle);
    // A prefix serves its own root with and without a slash at the end.
    await scope.register(async (resource) => resourceRoutes(resource, parts, upstreams), {
      prefix: config.resourcePath,
    });
    const { redis } = dependencies;
    if (redis) {
      await scope.register(async (inner) => sessionRoutes(inner, redis, config), {
        prefix: "/api/v1",
      });
    }
  });
}

/** What the service is there for. */
function resourceRoutes(app: FastifyInstance, parts: ServerParts, upstreams: Upstreams): void {
  const { config, dependencies, log } = parts;
  const { database, redis, blockingRedis } = dependencies;
  // Whether they are configured was checked: see resourceProblems.
  const upstream = upstreams[config.resourceUpstream ?? ""];
  switch (config.resourceKind) {
    case "items": {
      const store = chooseStore(config, dependencies);
      if (store) itemRoutes(app, store);
      else if (config.smtp) mailRoutes(app, config.smtp);
      return;
    }
    case "orders": {
      if (!database) return;
      const store = orderStore(database);
      if (upstream) {
        orderReadingRoutes(app, store);
        proxyRoutes(app, upstream, ["POST", "PUT"]);
        return;
      }
      orderRoutes(app, {
        store,
        ...(redis && { tell: (tickets) => send(redis, config.queueName, tickets) }),
        ...(config.stripe && { payments: stripePayments(config.stripe, log) }),
      });
      return;
    }
    case "kitchen":
      if (!redis || !blockingRedis || !upstream) return;
      kitchenRoutes(app, {
        tickets: ticketStore(redis, config.serviceName),
        queue: reader(redis, blockingRedis, config.queueName, "kitchen"),
        orders: upstream,
        ordersPath: config.ordersPath,
      });
      return;
    case "proxy":
      if (upstream) proxyRoutes(app, upstream, config.resourceMethods);
  }
}

/** The first of these that is configured keeps the items. */
function chooseStore(config: Config, dependencies: Dependencies): ItemStore | undefined {
  const { database, mongo, redis } = dependencies;
  if (database) return postgresStore(database);
  if (mongo) return mongoStore(mongo, config.resourceName);
  if (redis) return redisStore(redis, config.serviceName, config.resourceName);
  return undefined;
}

/** Routes that need a dependency answer 503 at once while one is away. */
function refuseWhileNotReady(scope: FastifyInstance, lifecycle: Lifecycle): void {
  scope.addHook("onRequest", async (_request, reply) => {
    const failing = await lifecycle.failing();
    if (failing.length > 0) return sendUnavailable(reply, { error: "not ready", failing });
  });
}

function logRequests(app: FastifyInstance): void {
  app.addHook("onResponse", async (request, reply) => {
    // Probes and scrapes come every few seconds; their routes log from `warn` on.
    request.log.info(
      {
        method: request.method,
        route: request.routeOptions.url ?? "unmatched",
        path: request.url.split("?", 1)[0],
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
      },
      "request",
    );
  });
}
