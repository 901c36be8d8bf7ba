import { type ClusterAccess, kubectlAccess } from "../../stack/kubernetes/access";
import type { PrometheusOperator } from "../../platforms/kubernetes/monitors";
import { run, type RunResult } from "../process";
import { isStuck, type PodStatus, type RolloutStatus } from "../stack/kubernetes";
import {
  answered,
  CannotAsk,
  type EngineState,
  type HealthEngine,
  type Instance,
  isRecent,
  lastLine,
  type WorkloadState,
} from "./engine";

interface Labelled {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
}

interface Ended {
  readonly terminated?: { readonly finishedAt?: string };
}

/** The parts of a pod that are needed here. */
export interface Pod extends Labelled {
  readonly kind: "Pod";
  readonly status?: {
    readonly containerStatuses?: readonly (NonNullable<
      NonNullable<PodStatus["status"]>["containerStatuses"]
    >[number] & { readonly name?: string; readonly state?: Ended; readonly lastState?: Ended })[];
  };
}

/** The parts of a Deployment, a StatefulSet or a DaemonSet that are needed here. */
export type Rollout = Labelled &
  RolloutStatus & {
    readonly status?: {
      /** Of a DaemonSet: nodes on which a pod should run, and on which one does and is ready. */
      readonly desiredNumberScheduled?: number;
      readonly numberReady?: number;
    };
  };

/** The parts of a node that are needed here. */
export interface ClusterNode {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

const LABEL = "app.kubernetes.io";

const keyOf = ({ metadata: { labels = {} } }: Labelled, name: string | undefined): string =>
  `${labels[`${LABEL}/part-of`] ?? ""}/${name ?? ""}`;

/** What the cluster's own objects say of a stack. @param nodes undefined where one may not ask */
export function clusterState(
  items: readonly (Pod | Rollout)[],
  nodes: readonly ClusterNode[] | undefined,
  now: number,
): EngineState {
  const pods = items.filter((item): item is Pod => item.kind === "Pod");
  const rollouts = items.filter((item): item is Rollout => item.kind !== "Pod");
  return {
    nodesNotReady: nodes?.filter(
      ({ status }) =>
        !status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True"),
    ).length,
    workloads: new Map(
      rollouts.map((of) => {
        const key = keyOf(of, of.metadata.name);
        const own = pods.filter(
          (pod) => keyOf(pod, pod.metadata.labels?.[`${LABEL}/name`]) === key,
        );
        return [key, workloadState(of, own, now)];
      }),
    ),
  };
}

function workloadState(of: Rollout, pods: readonly Pod[], now: number): WorkloadState {
  const containers = pods.flatMap(({ status }) => status?.containerStatuses ?? []);
  return {
    instances: pods
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .filter(({ status }) => {
        const own = status?.containerStatuses ?? [];
        return own.length > 0 && own.every(({ ready }) => ready);
      })
      .map(({ metadata: { name: id, namespace } }) => ({ id, namespace, reachable: true })),
    absent: (of.status?.desiredNumberScheduled ?? 0) - (of.status?.numberReady ?? 0),
    ended: containers.filter(({ state, lastState }) =>
      isRecent((state?.terminated ?? lastState?.terminated)?.finishedAt, now),
    ).length,
    hanging: isStuck(of),
  };
}

/** Why the cluster did not run a command in a pod: kubectl says it where a command ran and failed. */
export const refusedByKubectl = ({ code, stderr }: RunResult): string | undefined =>
  code === 0 || code === 124 || /^command terminated with exit code/m.test(stderr)
    ? undefined
    : (lastLine(stderr) ?? `kubectl failed (exit code ${code})`);

/** Of the containers that the operator gives to each of its Prometheis. */
const ITS_CONTAINER = "prometheus";

/** A pod of the operator's Prometheus that is ready. @throws CannotAsk */
export function itsInstance(
  pods: readonly Pod[],
  { namespace, pods: labels }: Pick<PrometheusOperator, "namespace" | "pods">,
): Instance {
  const ready = pods.find(
    ({ metadata, status }) =>
      metadata.deletionTimestamp === undefined &&
      status?.containerStatuses?.some((of) => of.name === ITS_CONTAINER && of.ready),
  );
  if (ready !== undefined) {
    return { id: ready.metadata.name, namespace, container: ITS_CONTAINER, reachable: true };
  }
  throw new CannotAsk(
    `no pod with ${asSelector(labels)} is ready in ${namespace} (kubernetes.prometheusOperator)`,
  );
}

const asSelector = (labels: PrometheusOperator["pods"]): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(",");

/** A Kubernetes cluster. @param operator of the cluster, where it collects what the stack hands over */
export function clusterEngine(
  stack: string,
  access: ClusterAccess,
  operator?: Pick<PrometheusOperator, "namespace" | "pods">,
): HealthEngine {
  const kubectl = (timeoutMs: number, ...args: readonly string[]): ReturnType<typeof run> =>
    run("kubectl", [...kubectlAccess(access), ...args], { timeoutMs });
  const selector = [
    "--selector",
    `${LABEL}/managed-by=atalaya,${LABEL}/instance=${stack}`,
    "--output",
    "json",
  ];
  return {
    async state(timeoutMs) {
      const kinds = "pods,deployments.apps,statefulsets.apps,daemonsets.apps";
      const [objects, nodes] = await Promise.all([
        kubectl(timeoutMs, "get", kinds, "--all-namespaces", ...selector),
        kubectl(timeoutMs, "get", "nodes", "--output", "json"),
      ]);
      const { items } = JSON.parse(answered(objects, "kubectl", timeoutMs)) as {
        items: (Pod | Rollout)[];
      };
      return clusterState(
        items,
        // Who may read the stack's namespaces need not be allowed to see nodes.
        nodes.code === 0 ? (JSON.parse(nodes.stdout) as { items: ClusterNode[] }).items : undefined,
        Date.now(),
      );
    },
    exec: async ({ id, namespace = "default", container }, command, timeoutMs) => {
      const where = container === undefined ? [] : ["--container", container];
      const to = ["exec", "--namespace", namespace, id, ...where, "--", ...command];
      const said = await kubectl(timeoutMs, ...to);
      const why = refusedByKubectl(said);
      if (why !== undefined) throw new CannotAsk(why);
      return said;
    },
    invocation: ({ id, namespace = "default" }, command) => ({
      command: "kubectl",
      args: [
        ...kubectlAccess(access),
        ...["exec", "--stdin", "--namespace", namespace, id, "--", ...command],
      ],
    }),
    ...(operator === undefined
      ? {}
      : {
          async prometheus(timeoutMs) {
            const { namespace, pods } = operator;
            const found = await kubectl(
              timeoutMs,
              ...["get", "pods", "--namespace", namespace, "--output", "json"],
              ...["--selector", asSelector(pods)],
            );
            const { items } = JSON.parse(answered(found, "kubectl", timeoutMs)) as { items: Pod[] };
            return itsInstance(items, operator);
          },
        }),
    async entrance(system, workload, timeoutMs) {
      const said = await kubectl(
        timeoutMs,
        ...["get", "services", "--all-namespaces", "--output", "json", "--selector"],
        `${LABEL}/instance=${stack},${LABEL}/part-of=${system},${LABEL}/component=${workload}`,
      );
      const { items } = JSON.parse(answered(said, "kubectl", timeoutMs)) as {
        items: readonly {
          readonly status?: {
            readonly loadBalancer?: {
              readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[];
            };
          };
        }[];
      };
      const [at] = items.flatMap(({ status }) => status?.loadBalancer?.ingress ?? []);
      const address = at?.ip ?? at?.hostname;
      if (address === undefined) throw new CannotAsk("its Service has no address of its own");
      return address;
    },
  };
}
