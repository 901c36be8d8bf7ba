import { must, type Ran, run } from "./commands";
import { until } from "./poll";
import {
  type Ended,
  Engine,
  type ExecOptions,
  type Instance,
  type Limits,
  type Printed,
  printedIn,
  type Taken,
  type Told,
} from "./engine";

interface Terminated {
  readonly containerID: string;
  readonly exitCode: number;
  readonly reason: string;
}

interface Quantities {
  readonly cpu: string;
  readonly memory: string;
}

/** What one pod reserves. */
export interface Reserved extends Quantities {
  /** The VerticalPodAutoscaler has decided on it. */
  readonly fitted: boolean;
}

interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: {
    readonly containers: readonly {
      readonly resources: { readonly limits: Quantities; readonly requests: Quantities };
      readonly securityContext: { readonly readOnlyRootFilesystem: boolean };
    }[];
  };
  readonly status: {
    readonly phase: string;
    readonly containerStatuses?: readonly {
      readonly containerID?: string;
      readonly ready: boolean;
      readonly state: { readonly running?: object; readonly terminated?: Terminated };
      readonly lastState?: { readonly terminated?: Terminated };
    }[];
  };
}

interface Deployment {
  readonly metadata: { readonly generation: number };
  readonly spec: { readonly replicas: number };
  readonly status: {
    readonly observedGeneration: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
    readonly replicas?: number;
  };
}

/** A Job of a CronJob. */
interface Scheduled {
  readonly metadata: {
    readonly name: string;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[];
  };
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

interface Owned {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly ownerReferences?: readonly object[] };
}

/** Kinds that our systems consist of, without what the cluster adds by itself. */
const KINDS = [
  ...["Deployment", "StatefulSet", "Job", "CronJob", "Service", "ConfigMap", "Secret"],
  ...["PersistentVolumeClaim", "ServiceAccount", "NetworkPolicy", "ResourceQuota", "LimitRange"],
  ...["HorizontalPodAutoscaler", "PodDisruptionBudget"],
];

const UNITS: Readonly<Record<string, number>> = {
  m: 1e-3,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** What a quantity says. @example amount("256Mi") // 268435456 */
function amount(quantity: string): number {
  const [, number, unit] = /^(\d+)(m|[KMGT]i)?$/.exec(quantity)!;
  return Number(number) * (unit === undefined ? 1 : UNITS[unit]!);
}

/** One system of one stack on a Kubernetes cluster. */
export class Kubernetes extends Engine {
  readonly name = "kubernetes";
  readonly refusal =
    /ProgressDeadlineExceeded|MinimumReplicasUnavailable|failed to progress|timed out/i;
  readonly crash = /ended with 1 \(Error\)/;
  readonly namespace: string;

  constructor(
    private readonly kubectlProgram: string,
    readonly kubeconfig: string,
    private readonly stack: string,
    private readonly system: string,
  ) {
    super();
    this.namespace = `${stack}-${system}`;
  }

  kubectl(...args: string[]): Promise<string> {
    return must(this.kubectlProgram, this.options(args));
  }

  async instances(workload: string): Promise<Instance[]> {
    const { items } = await this.get<{ items: Pod[] }>(
      ...["pods", "--selector", `app.kubernetes.io/name=${workload}`],
    );
    return items.flatMap(({ metadata, status }): Instance[] => {
      const [container] = status.containerStatuses ?? [];
      if (container?.state.running === undefined || metadata.deletionTimestamp !== undefined) {
        return [];
      }
      return [{ id: container.containerID!, target: metadata.name, well: container.ready }];
    });
  }

  exec(pod: string, command: readonly string[], options: ExecOptions = {}): Promise<Ran> {
    const inFolder =
      options.workdir === undefined
        ? command
        : ["sh", "-c", 'cd "$0" && exec "$@"', options.workdir, ...command];
    return run(
      this.kubectlProgram,
      this.options([
        ...["exec", pod, ...(options.input === undefined ? [] : ["--stdin"])],
        ...["--", ...inFolder],
      ]),
      options.input === undefined ? {} : { input: options.input },
    );
  }

  /** A pod of the refused version stays beside the old ones, and gets no traffic. */
  override async refused(workload: string, count: number): Promise<void> {
    await until(`${count} old pods of ${workload} are well`, { within: 60_000 }, async () => {
      return (await this.instances(workload)).filter((one) => one.well).length === count;
    });
  }

  async replace(workload: string): Promise<void> {
    await this.kubectl("rollout", "restart", `deployment/${workload}`);
    await this.kubectl("rollout", "status", `deployment/${workload}`, "--timeout=180s");
  }

  async scale(workload: string, count: number): Promise<void> {
    const kinds = ["statefulset", "deployment"].map((kind) => `${kind}/${workload}`);
    const there = await this.kubectl("get", ...kinds, "--ignore-not-found", "--output", "name");
    await this.kubectl("scale", there, `--replicas=${count}`);
  }

  async kill({ target }: Instance): Promise<void> {
    // From inside: a container's first process hears no KILL from its own, so all others get it too.
    await this.exec(target, ["sh", "-c", "kill -9 -1"]);
  }

  async ended({ id, target }: Instance): Promise<Ended | undefined> {
    const { status } = await this.get<Pod>("pod", target);
    // It is started again in the same pod, which remembers the last end.
    const ends = (status.containerStatuses ?? []).flatMap(({ state, lastState }) => [
      state.terminated,
      lastState?.terminated,
    ]);
    const end = ends.find((one) => one?.containerID === id);
    return end && { outOfMemory: end.reason === "OOMKilled", exitCode: end.exitCode };
  }

  /** The CronJob is due every minute for as long as it takes to begin once. */
  async byTheClock(workload: string): Promise<string> {
    const due = (schedule: string): Promise<string> =>
      this.kubectl("patch", "cronjob", workload, "--patch", JSON.stringify({ spec: { schedule } }));
    const { spec } = await this.get<{ spec: { schedule: string } }>("cronjob", workload);
    const ofIt = async (): Promise<Scheduled[]> => {
      const { items } = await this.get<{ items: Scheduled[] }>("jobs");
      return items.filter(({ metadata }) =>
        metadata.ownerReferences?.some(({ kind, name }) => kind === "CronJob" && name === workload),
      );
    };
    const before = (await ofIt()).map(({ metadata }) => metadata.name);
    await due("* * * * *");
    let name: string;
    try {
      const { value } = await until(`${workload} begins`, { within: 90_000 }, async () =>
        (await ofIt()).find(({ metadata }) => !before.includes(metadata.name)),
      );
      ({ name } = value.metadata);
    } finally {
      await due(spec.schedule);
    }
    const { value: ended } = await until(`${name} ends`, { within: 240_000 }, async () => {
      const { status } = await this.get<Scheduled>("job", name);
      return status.conditions?.find(
        ({ type, status: holds }) => holds === "True" && ["Complete", "Failed"].includes(type),
      );
    });
    const printed = await this.kubectl("logs", `job/${name}`);
    if (ended.type !== "Complete") throw new Error(`${workload}, by its clock: ${printed}`);
    return printed;
  }

  async updating(workload: string): Promise<boolean> {
    const { metadata, spec, status } = await this.get<Deployment>("deployment", workload);
    return (
      status.observedGeneration < metadata.generation ||
      (status.updatedReplicas ?? 0) < spec.replicas ||
      (status.replicas ?? 0) > (status.updatedReplicas ?? 0)
    );
  }

  async limits({ target }: Instance): Promise<Limits> {
    const { spec } = await this.get<Pod>("pod", target);
    const { resources, securityContext } = spec.containers[0]!;
    return {
      memory: amount(resources.limits.memory),
      cpu: amount(resources.limits.cpu),
      readOnlyRoot: securityContext.readOnlyRootFilesystem,
    };
  }

  /** What the pods of a workload reserve, without those that end. */
  async reserved(workload: string): Promise<Reserved[]> {
    const { items } = await this.get<{ items: Pod[] }>(
      ...["pods", "--selector", `app.kubernetes.io/name=${workload}`],
    );
    return items
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata, spec }) => ({
        ...spec.containers[0]!.resources.requests,
        fitted: metadata.annotations?.["vpaUpdates"] !== undefined,
      }));
  }

  /** By the cluster's own metrics. */
  async taken(): Promise<Taken[]> {
    const text = await this.kubectl("top", "pods", "--no-headers");
    return text.split("\n").map((line) => {
      const [pod, , memory] = line.trim().split(/\s+/);
      return { name: `${this.system}/${pod}`, mib: Number.parseInt(memory!, 10) };
    });
  }

  async running(): Promise<string[]> {
    const { items } = await this.get<{ items: Pod[] }>(
      ...["pods", "--field-selector", "status.phase=Running"],
    );
    return items.map(({ metadata }) => metadata.name);
  }

  async told(): Promise<Told[]> {
    const kinds = [...KINDS.filter((kind) => kind !== "Secret"), "Pod", "ReplicaSet", "Event"];
    return Promise.all(
      kinds.map(async (kind) => ({
        what: kind,
        text: await this.kubectl("get", kind, "-o", "yaml"),
      })),
    );
  }

  async logs(): Promise<Told[]> {
    const { items } = await this.get<{ items: Pod[] }>("pods");
    return Promise.all(
      items.map(async ({ metadata }) => {
        const now = await run(this.kubectlProgram, this.options(["logs", metadata.name]));
        const before = await run(
          this.kubectlProgram,
          this.options(["logs", "--previous", metadata.name]),
        );
        return { what: metadata.name, text: now.stdout + before.stdout };
      }),
    );
  }

  async printed(): Promise<Printed[]> {
    const { items } = await this.get<{ items: Pod[] }>("pods");
    const all: Printed[] = [];
    for (const { metadata } of items) {
      const service = metadata.labels!["app.kubernetes.io/component"]!;
      const whose = { system: this.system, service, instance: metadata.name };
      // Of the container before it there may be none, and a pod may not have begun.
      for (const which of [[], ["--previous"]]) {
        const asked = ["logs", "--timestamps", ...which, metadata.name];
        const { stdout } = await run(this.kubectlProgram, this.options(asked));
        all.push(...printedIn(stdout, whose));
      }
    }
    return all;
  }

  async left(): Promise<string[]> {
    const found = await Promise.all(
      [KINDS.join(","), "Namespace,PriorityClass"].map((kinds) =>
        this.get<{ items: Owned[] }>(
          ...[kinds, "--selector", `app.kubernetes.io/instance=${this.stack}`],
        ),
      ),
    );
    // What an object makes by itself, as a CronJob its Jobs, comes and goes with it.
    return found
      .flatMap(({ items }) => items)
      .filter(({ metadata }) => metadata.ownerReferences === undefined)
      .map(({ kind, metadata }) => `${kind} ${metadata.name}`)
      .sort();
  }

  kept(volumes: readonly string[]): string[] {
    return [
      ...volumes.map((volume) => `PersistentVolumeClaim ${volume}`),
      // What the claims stand on: their namespace, and the ceiling that counts them.
      `Namespace ${this.namespace}`,
      "ResourceQuota ceiling",
    ].sort();
  }

  /** Removes whatever the stack has left of any of its systems, its data too. */
  async sweep(): Promise<void> {
    const own = ["--selector", `app.kubernetes.io/instance=${this.stack}`];
    await run(this.kubectlProgram, this.options(["delete", "namespace", ...own, "--timeout=120s"]));
    await run(this.kubectlProgram, this.options(["delete", "priorityclass", ...own]));
  }

  private async get<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.kubectl("get", ...args, "-o", "json")) as T;
  }

  private options(args: readonly string[]): string[] {
    return ["--kubeconfig", this.kubeconfig, "--namespace", this.namespace, ...args];
  }
}
