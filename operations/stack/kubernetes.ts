import { ExitCode, UserError } from "../errors";
import { lastLines, run } from "../process";
import { root } from "../project";
import { readStackFile } from "../setup/stack-file";
import type { StackEngine } from "./engine";
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
  readonly spec?: { readonly replicas?: number };
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
    }[];
  };
}

/** The parts of a pod that tell why it is not well. */
export interface PodStatus {
  readonly metadata: { readonly name: string; readonly creationTimestamp: string };
  readonly status?: {
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

/** Whether a rollout stands still: the cluster has given it up. */
export const isStuck = ({ status }: RolloutStatus): boolean =>
  status?.conditions?.some(
    ({ type, status: is, reason }) =>
      type === "Progressing" && is === "False" && reason === "ProgressDeadlineExceeded",
  ) ?? false;

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
  const ended = container?.lastState?.terminated ?? container?.state?.terminated;
  const parts = [
    container?.state?.waiting?.reason,
    container?.state?.waiting?.message,
    ended && `ended with ${ended.exitCode ?? "?"} (${ended.reason ?? "no reason given"})`,
    container && !container.ready && container.restartCount === 0
      ? "never became ready"
      : undefined,
  ];
  return parts.filter((part) => part !== undefined).join("; ") || "not scheduled";
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
    watchJobs: () => () => Promise.resolve([]),
    removeVolumes: () => Promise.resolve(),
    explainFailure: () => explain(stack),
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
function access(stack: string): string[] {
  const of = readStackFile(root, stack).config?.["atalaya:kubernetes"] as
    { readonly kubeconfig?: string; readonly context?: string } | undefined;
  return [
    ...(of?.kubeconfig === undefined ? [] : ["--kubeconfig", of.kubeconfig]),
    ...(of?.context === undefined ? [] : ["--context", of.context]),
  ];
}
