import { Service } from "../../components/service";
import { in_, System } from "../../components/system";
import type { SystemModel } from "../../model/system";
import { kubernetes, type KubernetesSite } from "../../platforms/kubernetes/kubernetes";

export const SITE: KubernetesSite = {
  stack: "bench",
  entrance: { type: "load-balancer" },
  verticalAutoscaler: false,
};

/**
 * A system of so many services, each with six objects: service account, network policy, Deployment,
 * Service, HPA, disruption budget. Each calls the next one.
 */
export function describeServices(count: number): SystemModel {
  const none = {
    postgres: "",
    pgbouncer: "",
    mongo: "",
    redis: "",
    caddy: "",
    nginx: "",
    monitoring: "",
    "log-agent": "",
  };
  const system = new System("many", { images: none, surroundings: kubernetes.surroundings });
  const services = Array.from(
    { length: count },
    (_, i) =>
      new Service(
        `service-${i}`,
        {
          image: "registry.example/app:v1",
          port: 8000,
          health: { live: "/live", ready: "/ready" },
          environment: { NUMBER: String(i) },
          scale: { min: 2, max: 4 },
          resources: {
            cpu: { reserve: 0.1, limit: 1 },
            memory: { reserve: "64 MiB", limit: "128 MiB" },
          },
        },
        in_(system),
      ),
  );
  services.forEach((service, i) => service.calls(services[(i + 1) % count]!));
  return system.describe();
}
