import type { KubernetesSite } from "../platforms/kubernetes/kubernetes";
import { kubernetes } from "../platforms/kubernetes/kubernetes";
import { swarm, type SwarmSite } from "../platforms/swarm/swarm";
import type { SiteConfig } from "./config";

/** The platforms that a stack can choose. */
export const PLATFORMS = { swarm, kubernetes } as const;

/** Where a stack's configuration says that it runs on Swarm. */
export function swarmSite(
  stack: string,
  config: SiteConfig,
  images: SwarmSite["images"],
): SwarmSite {
  return {
    stack,
    images: { front: images.front },
    ...(config.dataNode === undefined ? {} : { dataNode: config.dataNode }),
    encrypted: config.traffic === "encrypted",
  };
}

/** Where a stack's configuration says that it runs on Kubernetes. */
export function kubernetesSite(stack: string, config: SiteConfig): KubernetesSite {
  const { storageClass, sharedStorageClass, entrance, ...cluster } = config.kubernetes;
  const { verticalAutoscaler, prometheusOperator, certManager } = cluster;
  return {
    stack,
    entrance: {
      type: entrance.type,
      ...(entrance.annotations === undefined ? {} : { annotations: entrance.annotations }),
    },
    verticalAutoscaler,
    ...(prometheusOperator === undefined ? {} : { prometheusOperator }),
    ...(certManager === undefined ? {} : { certManager }),
    ...(storageClass === undefined ? {} : { storageClass }),
    ...(sharedStorageClass === undefined ? {} : { sharedStorageClass }),
    ...(config.registry === undefined ? {} : { registry: config.registry }),
  };
}
