import { z } from "zod";
import { CaddyGateway } from "../../../components/gateway/caddy/caddy";
import { perClient } from "../../../components/gateway/gateway";
import { NginxGateway } from "../../../components/gateway/nginx/nginx";
import { Redis } from "../../../components/redis/redis";
import { Service } from "../../../components/service";
import { in_, System } from "../../../components/system";
import { deploy } from "../../../stack";
import type { SystemDefinition } from "../../../systems/definition";
import { port } from "../../../systems/fields";

const KINDS = { caddy: CaddyGateway, nginx: NginxGateway };

const schema = z.strictObject({
  gateway: z.enum(["caddy", "nginx"]),
  ports: z.strictObject({ http: port(), https: port() }),
  requestsPerSecond: z.int(),
  /** Who before the front tells of a client. */
  trustedProxies: z.array(z.string()).default([]),
  /** What the firewall does; Nginx alone. */
  waf: z.enum(["off", "detect", "block"]).default("off"),
  /** Another image of the gateway, by reference. */
  image: z.string().optional(),
  /** A certificate and a key that do not belong together. */
  wrongKey: z.boolean().default(false),
});

/** A service behind a gateway of either kind, whose settings change from one `up` to the next. */
const gateway: SystemDefinition<z.infer<typeof schema>> = {
  name: "gateway",
  schema,
  secrets: {
    certificate: { about: "PEM, for the case that it does not fit", generate: "never" },
    key: { about: "PEM, likewise", generate: "never" },
  },
  build(config, context) {
    const { images } = context;
    const system = new System("gateway", {
      ...context,
      images: config.image === undefined ? images : { ...images, [config.gateway]: config.image },
    });
    const cache = new Redis("cache", { version: 7, memory: "64 MiB" }, in_(system));
    const api = new Service(
      "api",
      {
        image: images["reference-service"],
        port: 8000,
        health: { live: "/health/live", ready: "/health/ready" },
        links: [cache.as("api")],
        scale: { min: 2 },
        resources: {
          cpu: { reserve: 0.05, limit: 1 },
          memory: { reserve: "96 MiB", limit: "256 MiB" },
        },
      },
      in_(system),
    );
    new KINDS[config.gateway](
      "edge",
      {
        hosts: {
          "shop.localhost": [
            { to: api },
            { path: "/docs", to: api, contentSecurityPolicy: "default-src 'none'" },
          ],
          "closed.localhost": api,
        },
        tls: config.wrongKey
          ? {
              issuer: "files",
              certificates: {
                "*": { certificate: context.secret("certificate")!, key: context.secret("key")! },
              },
            }
          : { issuer: "internal" },
        rateLimit: perClient(config.requestsPerSecond, "1 s"),
        pathLimits: { "/api/v1/session": perClient(5, "1 min") },
        headers: { "X-Robots-Tag": "noindex, $host {env.HOME}" },
        maxBody: "4 MiB",
        timeouts: { header: "3 s", body: "5 s", response: "10 s" },
        maintenance: { hosts: ["closed.localhost"], retryAfter: "90 s" },
        ports: config.ports,
        trustedProxies: config.trustedProxies,
        waf: { mode: config.waf },
        ...(config.gateway === "nginx" ? { clientConnections: 40 } : {}),
      },
      in_(system),
    );
    return system;
  },
};

export = deploy([gateway]);
