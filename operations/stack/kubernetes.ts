import { setInterval } from "node:timers";
import { kubectlAccess } from "../../stack/kubernetes/access";
import { ExitCode, UserError } from "../errors";
import { say } from "../output";
import { lastLines, run } from "../process";
import { root } from "../project";
import { readStackFile } from "../setup/stack-file";
import type { StackEngine, Watch } from "./engine";
import { redact } from "./redact";
import { allSecrets } from "./rollback";
import { untilSettled } from "./settle";

/** How much of a failed pod's log is shown. */
const LOG_LINES = 20;

/** The parts of a Deployment or a StatefulSet that tell how its last rollout goes or went. */
export interface RolloutStatus {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly generation?: number;
  };
  readonly spec?: {
    readonly replicas?: number;
    /** Seconds without progress after which the cluster gives a Deployment up. */
    readonly progressDeadlineSeconds?: number;
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
      readonly lastUpdateTime?: string;
    }[];
  };
}

/** The parts of a pod that tell why it is not well. */
export interface PodStatus {
  readonly metadata: { readonly name: string; readonly creationTimestamp: string };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message?: string;
    }[];
    readonly containerStatuses?: readonly {
      readonly ready: boolean;
      readonly restartCount: number;
      readonly state?: State;
      readonly lastState?: State;
    }[];
  };
}

interface State {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly terminated?: { readonly reason?: string; readonly exitCode?: number };
}

/** What the cluster says of a rollout that it has given up. */
const givenUp = ({ status }: RolloutStatus): { readonly lastUpdateTime?: string } | undefined =>
  status?.conditions?.find(
    ({ type, status: is, reason }) =>
      type === "Progressing" && is === "False" && reason === "ProgressDeadlineExceeded",
  );

/** Whether a rollout stands still: the cluster has given it up. */
export const isStuck = (of: RolloutStatus): boolean => givenUp(of) !== undefined;

/**
 * The rollouts that an update cannot bring to an end: those that the cluster gave up meanwhile, and those that it
 * had given up before, once it would have done so again.
 * @param before as they were when the update began
 * @param milliseconds how long ago that was
 */
export function hopeless(
  now: readonly RolloutStatus[],
  before: readonly RolloutStatus[],
  milliseconds: number,
): readonly RolloutStatus[] {
  const mark = (of: RolloutStatus): string =>
    [of.metadata.namespace, of.metadata.name, givenUp(of)?.lastUpdateTime].join("/");
  const old = new Set(before.filter(isStuck).map(mark));
  return (
    now
      .filter(isStuck)
      // The cluster has not yet looked at what it is told now.
      .filter(({ metadata, status }) => status?.observedGeneration === metadata.generation)
      .filter(
        (of) =>
          !old.has(mark(of)) ||
          milliseconds > (of.spec?.progressDeadlineSeconds ?? Infinity) * 1_000,
      )
  );
}

/** Whether the cluster is still at it: old pods are left, or new ones are missing or not yet well. */
export function isRolling(of: RolloutStatus): boolean {
  if (isStuck(of)) return false;
  const { kind, metadata, spec, status } = of;
  const wanted = spec?.replicas ?? 1;
  return (
    (status?.observedGeneration ?? 0) < (metadata.generation ?? 0) ||
    (status?.updatedReplicas ?? 0) < wanted ||
    (status?.replicas ?? 0) > (status?.updatedReplicas ?? 0) ||
    // A Deployment's new pods have a time limit; those of a StatefulSet may crash for ever.
    (kind === "Deployment" && (status?.availableReplicas ?? 0) < wanted)
  );
}

/** Why the cluster makes no new pods: a quota, a policy. */
export const refusal = ({ status }: RolloutStatus): string | undefined =>
  status?.conditions?.find(({ type, status: is }) => type === "ReplicaFailure" && is === "True")
    ?.message;

/** Why a pod is not well, in the cluster's words. */
export function reasonOf(pod: PodStatus): string {
  const [container] = pod.status?.containerStatuses ?? [];
  const unplaced = pod.status?.conditions?.find(
    ({ type, status }) => type === "PodScheduled" && status === "False",
  );
  const ended = container?.lastState?.terminated ?? container?.state?.terminated;
  const parts = [
    container?.state?.waiting?.reason,
    container?.state?.waiting?.message,
    ended && `ended with ${ended.exitCode ?? "?"} (${ended.reason ?? "no reason given"})`,
    container && !container.ready && container.restartCount === 0
      ? "never became ready"
      : undefined,
  ];
  const said = parts.filter((part) => part !== undefined);
  if (said.length > 0) return said.join("; ");
  // In the scheduler's words, such as that no node has so much room left.
  return ["not scheduled", ...(unplaced?.message ? [unplaced.message] : [])].join(": ");
}

/**
 * A Kubernetes cluster. It does most by itself: an object that exists is taken over, a failed Job is told
 * at once, and old pods serve on while new ones are not ready.
 */
export function clusterOf(stack: string): StackEngine {
  return {
    settle: () =>
      untilSettled(async () =>
        (await rollouts(stack)).filter(isRolling).map(({ metadata }) => metadata.name),
      ),
    removeLeftovers: () => Promise.resolve(),
    clearTheWay: () => Promise.resolve(false),
    watch: (since) => watchRollouts(stack, since),
    removeVolumes: () => Promise.resolve(),
    explainFailure: () => explain(stack),
  };
}

/** Milliseconds between two looks at the rollouts of an update. */
const POLL_MS = 5_000;

/**
 * Watches an update's rollouts. The provider waits for one until its whole time is over, also when the cluster has
 * given it up long since.
 */
function watchRollouts(stack: string, since: number): Watch {
  const found = new AbortController();
  const before = rollouts(stack);
  let looking = false;
  const look = async (): Promise<void> => {
    const stuck = hopeless(await rollouts(stack), await before, Date.now() - since);
    if (stuck.length === 0 || found.signal.aborted) return;
    say(`The cluster has given up on ${stuck.map(({ metadata }) => metadata.name).join(", ")}.`);
    found.abort();
  };
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    // A cluster that does not answer is Pulumi's to tell.
    void look()
      .catch(() => undefined)
      .finally(() => (looking = false));
  }, POLL_MS);
  return {
    hopeless: found.signal,
    end: () => {
      clearInterval(timer);
      return Promise.resolve({ failedJobs: [] });
    },
  };
}

async function explain(stack: string): Promise<UserError | undefined> {
  const failed = (await rollouts(stack)).filter(isStuck);
  if (failed.length === 0) return undefined;
  const secrets = await allSecrets(stack);
  const why = await Promise.all(
    failed.map(
      async (of) => `${of.metadata.name}: ${refusal(of) ?? (await podsOf(stack, of.metadata))}`,
    ),
  );
  const names = failed.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).join(", ");
  const serving = failed.every(({ status }) => (status?.availableReplicas ?? 0) > 0);
  return new UserError(
    `${names} did not become ready${serving ? "; the old version is running" : ", and no old version is there"}.`,
    `${redact(why.join("\n"), secrets)}\nCorrect the cause and run this again.`,
    serving ? ExitCode.rolledBack : ExitCode.failed,
  );
}

async function rollouts(stack: string): Promise<readonly RolloutStatus[]> {
  const found = await kubectl<{ items: readonly RolloutStatus[] }>(
    stack,
    ...["get", "deployments,statefulsets", "--all-namespaces"],
    ...["--selector", `app.kubernetes.io/managed-by=atalaya,app.kubernetes.io/instance=${stack}`],
  );
  return found?.items ?? [];
}

/** What the newest pod of a Deployment that is not ready says. */
async function podsOf(stack: string, of: RolloutStatus["metadata"]): Promise<string> {
  const pods = await kubectl<{ items: readonly PodStatus[] }>(
    stack,
    ...["get", "pods", "--namespace", of.namespace],
    ...["--selector", `app.kubernetes.io/name=${of.name}`],
  );
  const [newest] = [...(pods?.items ?? [])]
    .filter((pod) => !pod.status?.containerStatuses?.every((c) => c.ready))
    .sort((a, b) => b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp));
  if (newest === undefined) return "no pod of it is left";
  const log = await logOf(stack, of.namespace, newest.metadata.name);
  return [
    reasonOf(newest),
    ...(log === "" ? [] : ["its last lines:", log.replace(/^/gm, "  ")]),
  ].join("\n");
}

async function logOf(stack: string, namespace: string, pod: string): Promise<string> {
  const log = (...which: string[]): ReturnType<typeof run> =>
    run("kubectl", [
      ...access(stack),
      ...["logs", "--namespace", namespace, `--tail=${LOG_LINES}`, ...which, pod],
    ]);
  const before = await log("--previous");
  const text = before.code === 0 && before.stdout !== "" ? before : await log();
  return text.code === 0 ? lastLines(text.stdout.trim(), LOG_LINES) : "";
}

async function kubectl<T>(stack: string, ...args: string[]): Promise<T | undefined> {
  const said = await run("kubectl", [...access(stack), ...args, "--output", "json"]);
  return said.code === 0 ? (JSON.parse(said.stdout) as T) : undefined;
}

/** Which cluster, by the stack's own configuration. */
const access = (stack: string): string[] =>
  kubectlAccess(readStackFile(root, stack).config?.["atalaya:kubernetes"] ?? {});
