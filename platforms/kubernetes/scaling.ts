import type { HorizontalPodAutoscaler } from "kubernetes-types/autoscaling/v2";
import { scales, type Workload } from "../../model/system";
import { cpu, size } from "./quantities";

/** Percent at which an instance is added where a workload scales and does not say more. */
const CPU_TARGET = 70;
const MEMORY_TARGET = 80;

/**
 * Adds instances at once and takes one away a minute, after five quiet ones. CPU counts against what is
 * reserved; memory against the limit, since a process is well until then.
 */
export function horizontal(workload: Workload): HorizontalPodAutoscaler["spec"] {
  const { scale, resources } = workload;
  const memory = (resources.memory.limit * (scale.memory ?? MEMORY_TARGET)) / 100;
  return {
    scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: workload.name },
    minReplicas: scale.min,
    maxReplicas: scale.max,
    metrics: [
      {
        type: "Resource",
        resource: {
          name: "cpu",
          target: { type: "Utilization", averageUtilization: scale.cpu ?? CPU_TARGET },
        },
      },
      {
        type: "Resource",
        resource: {
          name: "memory",
          target: {
            type: "AverageValue",
            averageValue: size(Math.floor(memory / 2 ** 20) * 2 ** 20),
          },
        },
      },
    ],
    behavior: {
      scaleUp: {
        stabilizationWindowSeconds: 0,
        selectPolicy: "Max",
        policies: [
          { type: "Percent", value: 100, periodSeconds: 15 },
          { type: "Pods", value: 2, periodSeconds: 15 },
        ],
      },
      scaleDown: {
        stabilizationWindowSeconds: 300,
        selectPolicy: "Max",
        policies: [{ type: "Pods", value: 1, periodSeconds: 60 }],
      },
    },
  };
}

/**
 * Adjusts what is reserved by itself, unless an HPA counts by that: then it recommends. It never goes
 * over the limit. (A field of the CRD `verticalpodautoscalers.autoscaling.k8s.io`.)
 */
export function vertical(workload: Workload, kind: string): object {
  const { memory, cpu: cores } = workload.resources;
  return {
    targetRef: { apiVersion: "apps/v1", kind, name: workload.name },
    updatePolicy: { updateMode: scales(workload) ? "Off" : "Recreate" },
    resourcePolicy: {
      containerPolicies: [
        {
          containerName: workload.name,
          controlledValues: "RequestsOnly",
          maxAllowed: { cpu: cpu(cores.limit), memory: size(memory.limit) },
        },
      ],
    },
  };
}
