import type { DescribedStack } from "../../stack/describe";
import { clusterEngine } from "./cluster";
import type { HealthEngine } from "./engine";
import { swarmEngine } from "./swarm";

/** The engine that a stack's configuration chooses. */
export function engineOf({ stack, config: { site } }: DescribedStack): HealthEngine {
  if (site.platform === "swarm") return swarmEngine(stack, site.engine);
  const { kubeconfig, context, prometheusOperator } = site.kubernetes;
  const access = {
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
  };
  return clusterEngine(stack, access, prometheusOperator);
}
