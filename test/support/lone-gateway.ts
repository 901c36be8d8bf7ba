import type { CaddyGateway } from "../../components/gateway/caddy/caddy";
import { type GatewayArgs, HTTPS_PORT } from "../../components/gateway/gateway";
import type { NginxGateway } from "../../components/gateway/nginx/nginx";
import { Service } from "../../components/service";
import { in_, System } from "../../components/system";
import { catalog, imageTag } from "../../images/catalog";
import type { SystemModel } from "../../model/system";
import { ALONE } from "./containers";

/** Where the service behind it listens, under the name `api`. */
export const SERVICE_PORT = 8000;

/** Below it a request with a body may be sent twice. */
export const AGAIN = "/again";

/**
 * A gateway as a system's author has it, `edge`, with this machine's images and nothing around it.
 * @param hosts all lead to `api`
 */
export function loneGateway(
  Kind: typeof CaddyGateway | typeof NginxGateway,
  args: Partial<Omit<GatewayArgs, "hosts">> = {},
  hosts: readonly string[] = ["shop.test"],
): SystemModel {
  const images = Object.fromEntries(catalog.map(({ name }) => [name, imageTag(name)]));
  const system = new System("lone", {
    images: images as Record<(typeof catalog)[number]["name"], string>,
    surroundings: ALONE,
  });
  const api = new Service(
    "api",
    {
      image: imageTag("reference-service"),
      port: SERVICE_PORT,
      health: { live: "/health/live", ready: "/health/ready" },
      resources: {
        cpu: { reserve: 0.1, limit: 1 },
        memory: { reserve: "64 MiB", limit: "256 MiB" },
      },
    },
    in_(system),
  );
  new Kind(
    "edge",
    {
      hosts: Object.fromEntries(
        hosts.map((host) => [host, [{ path: AGAIN, to: api, retryBodies: true }, { to: api }]]),
      ),
      tls: { issuer: "internal" },
      ports: { http: 80, https: HTTPS_PORT },
      ...args,
    },
    in_(system),
  );
  return system.describe();
}
