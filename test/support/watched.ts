import type { Alert } from "../../model/observability";
import type { SystemModel } from "../../model/system";
import { CaddyGateway } from "../../components/gateway/caddy/caddy";
import { NginxGateway } from "../../components/gateway/nginx/nginx";
import { Mongo } from "../../components/mongo/mongo";
import { Postgres } from "../../components/postgres/postgres";
import { Redis } from "../../components/redis/redis";
import { Service } from "../../components/service";
import { in_, System } from "../../components/system";
import { swarm } from "../../platforms/swarm/swarm";
import type { SystemDefinition } from "../../systems/definition";
import { logs } from "../../systems/logs";
import { nodes } from "../../systems/nodes";
import { observability } from "../../systems/observability";
import { BACKUPS, describeSystem, IMAGES } from "./systems";

/** A small system with one of every kind that is watched. */
function shop(): SystemModel {
  const system = new System("shop", {
    images: IMAGES,
    surroundings: swarm.surroundings,
    observed: true,
    logged: true,
    backups: { ...BACKUPS, drill: "daily", repositories: BACKUPS.repositories.slice(1) },
  });
  const db = new Postgres(
    "db",
    { version: 15, storage: "20 GiB", pooling: { instances: 2 } },
    in_(system),
  );
  const documents = new Mongo("documents", { version: 8, storage: "20 GiB" }, in_(system));
  const sessions = new Redis("sessions", { version: 7, memory: "64 MiB" }, in_(system));
  const pages = new Redis("pages", { version: 7, memory: "64 MiB", use: "cache" }, in_(system));
  const service = (name: string, own: Pick<Service["args"], "links" | "metrics">): Service =>
    new Service(
      name,
      {
        image: "example.org/app:1",
        port: 8000,
        health: { live: "/live", ready: "/ready" },
        ...(name === "api" ? { webSocket: "/ws" } : {}),
        scale: { min: 2, max: 4 },
        resources: {
          cpu: { reserve: 0.1, limit: 1 },
          memory: { reserve: "64 MiB", limit: "128 MiB" },
        },
        ...own,
      },
      in_(system),
    );
  const api = service("api", { links: [db.as("api", { grants: ["read"] }), sessions.as("api")] });
  const worker = service("worker", {
    links: [documents.as("worker", { grants: ["read"] }), pages.as("worker"), api.as("worker")],
  });
  service("bot", { metrics: false });
  const tls = { issuer: "acme", email: "ops@example.org" } as const;
  new CaddyGateway("edge", { hosts: { "shop.example.org": api }, tls }, in_(system));
  // One that nobody meets at the door.
  const hosts = { "a.example.org": api, "b.example.org": { "/": api, "/work": worker } };
  new NginxGateway(
    "counter",
    { hosts, tls: { issuer: "internal" }, ports: { http: 8080, https: 8443 } },
    in_(system),
  );
  return system.describe();
}

/** The shop, who keeps its logs, the machines and who watches them. */
export function watchedShop(config: object = {}): SystemModel[] {
  const models = [shop()];
  for (const [system, own] of [
    [logs, {}],
    [nodes, {}],
    [observability, config],
  ] as const) {
    const watched = {
      mode: "full",
      systems: [...models],
      address: (of: string, workload: string) => swarm.instances("dev", of, workload),
      containers: (of: string, workload: string) => swarm.containers("dev", of, workload),
      logFiles: swarm.logFiles("dev"),
    } as const;
    const more = { observed: true, logged: true, watched };
    models.push(describeSystem<never>(system as SystemDefinition<never>, "dev", own, swarm, more));
  }
  return models;
}

/** Every alert with the system that it is of. */
export const alertsOf = (models: readonly SystemModel[]): (Alert & { system: string })[] =>
  models.flatMap(({ name: system, alerts }) => alerts.map((alert) => ({ ...alert, system })));
