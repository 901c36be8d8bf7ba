import type { LimitRange, ResourceQuota } from "kubernetes-types/core/v1";
import { type Container, runnables, scales, type SystemModel } from "../../model/system";
import { cpu, size } from "./quantities";

/** While pods are replaced, old and new ones stand side by side, and those that end still count. */
const SIDE_BY_SIDE = 2;

/** So many nodes can a cluster have, by Kubernetes' own documentation. */
const MOST_NODES = 5_000;

/**
 * A ceiling for a namespace: what the system declares, fully scaled, twice. More is a mistake or a theft.
 * @param verticalAutoscaler it may raise what is reserved up to the limit, and the pod that it evicted for that
 * must find room
 */
export function quota(model: SystemModel, verticalAutoscaler: boolean): ResourceQuota["spec"] {
  const all: { of: Container; instances: number; grows: boolean }[] = [
    ...model.workloads.map((of) => ({
      of,
      instances: of.node === undefined ? of.scale.max : MOST_NODES,
      grows: verticalAutoscaler && !scales(of),
    })),
    ...[...model.jobs, ...model.schedules].map((of) => ({ of, instances: 1, grows: false })),
  ];
  const sum = (pick: (of: Container, grows: boolean) => number): number =>
    SIDE_BY_SIDE *
    all.reduce((total, { of, instances, grows }) => total + pick(of, grows) * instances, 0);
  const reserved =
    (what: "cpu" | "memory") =>
    ({ resources }: Container, grows: boolean): number =>
      resources[what][grows ? "limit" : "reserve"];
  const entrances = model.workloads.filter((w) => w.exposures.length > 0);
  return {
    hard: {
      "requests.cpu": cpu(sum(reserved("cpu"))),
      "requests.memory": size(sum(reserved("memory"))),
      "limits.cpu": cpu(sum((of) => of.resources.cpu.limit)),
      "limits.memory": size(sum((of) => of.resources.memory.limit)),
      "requests.storage": size(model.volumes.reduce((total, v) => total + v.size, 0)),
      persistentvolumeclaims: String(model.volumes.length),
      pods: String(sum(() => 1)),
      "services.loadbalancers": String(entrances.length),
      "services.nodeports": String(entrances.reduce((n, w) => n + w.exposures.length, 0)),
    },
  };
}

/** What a container gets that says nothing, and the most that one may say. */
export function limitRange(model: SystemModel): LimitRange["spec"] {
  const all = runnables(model).map((of) => of.resources);
  const least = (numbers: number[]): number => Math.min(...numbers);
  const most = (numbers: number[]): number => Math.max(...numbers);
  return {
    limits: [
      {
        type: "Container",
        default: {
          cpu: cpu(least(all.map((r) => r.cpu.limit))),
          memory: size(least(all.map((r) => r.memory.limit))),
        },
        defaultRequest: {
          cpu: cpu(least(all.map((r) => r.cpu.reserve))),
          memory: size(least(all.map((r) => r.memory.reserve))),
        },
        max: {
          cpu: cpu(most(all.map((r) => r.cpu.limit))),
          memory: size(most(all.map((r) => r.memory.limit))),
        },
      },
    ],
  };
}
