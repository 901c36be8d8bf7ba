import type { FastifyInstance } from "fastify";
import type { Bus } from "../bus";
import type { Config } from "../config";
import type { Dependencies } from "../dependencies";
import { sendUnavailable } from "../errors";
import type { Lifecycle } from "../lifecycle";
import { METRICS_CONTENT_TYPE } from "../metrics";

/** `/health` for people, `/health/live` and `/health/ready` for platforms (PR-06), `/metrics`. */
export function healthRoutes(
  app: FastifyInstance,
  config: Config,
  dependencies: Dependencies,
  lifecycle: Lifecycle,
  bus: Bus,
): void {
  const options = (summary: string) => ({
    logLevel: "warn" as const,
    schema: { summary, tags: ["health"] },
  });

  app.get("/health", options("State of the service and of what it needs"), async () => {
    const [states, readiness] = await Promise.all([dependencies.check(), lifecycle.readiness()]);
    const degraded = readiness.ready ? "ok" : "degraded";
    return {
      status: readiness.draining ? "draining" : degraded,
      service: config.serviceName,
      version: config.serviceVersion,
      uptime: lifecycle.uptimeSeconds,
      ...states,
    };
  });

  app.get("/health/live", options("200 as long as the process runs"), async () => ({
    status: "live",
  }));

  app.get("/health/ready", options("200 when requests can be served"), async (_request, reply) => {
    const { ready, draining, failing } = await lifecycle.readiness();
    if (ready) return { status: "ready" };
    return sendUnavailable(reply, { status: draining ? "draining" : "not ready", failing });
  });

  app.get("/metrics", { logLevel: "warn", schema: { hide: true } }, async (_request, reply) => {
    reply.header("content-type", METRICS_CONTENT_TYPE);
    return bus.metrics();
  });
}
