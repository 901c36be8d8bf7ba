import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { namespaceOf } from "../../platforms/kubernetes/kubernetes";
import { kubectlAccess } from "../../stack/kubernetes/access";
import { UserError } from "../errors";
import { say } from "../output";
import { type Environment, run, type RunResult } from "../process";
import { root } from "../project";
import { configuredEngine, configuredPlatform, readStackFile } from "../setup/stack-file";
import { type PodStatus, reasonOf } from "../stack/kubernetes";

/** Runs a command in a workload's container, where what it needs is: keys, certificates, a socket. */
export type Inside = (
  system: string,
  workload: string,
  command: readonly string[],
  onLine?: (line: string) => void,
) => Promise<RunResult>;

/**
 * Runs a command now, in a container as a schedule has it: with its keys and its way out.
 * @param schedule its name
 */
export type AtOnce = (
  system: string,
  schedule: string,
  command: readonly string[],
  onLine?: (line: string) => void,
) => Promise<RunResult>;

/** Schedules on the engine that a stack's configuration chooses. */
export function atOnceOn(stack: string): AtOnce {
  // On Swarm the schedule's own container keeps the time, and has all that it needs.
  return configuredPlatform(root, stack) === "kubernetes" ? inJob(stack) : inTask(stack);
}

/**
 * Containers on the engine that a stack's configuration chooses.
 * @returns rejects with a UserError where no instance runs there
 */
export function insideOf(stack: string): Inside {
  return configuredPlatform(root, stack) === "kubernetes" ? inPod(stack) : inTask(stack);
}

const inPod =
  (stack: string): Inside =>
  (system, workload, command, onLine) =>
    run(
      "kubectl",
      [
        ...kubectlAccess(readStackFile(root, stack).config?.["atalaya:kubernetes"] ?? {}),
        ...["--namespace", namespaceOf(stack, system), "exec", `service/${workload}`, "--"],
        ...command,
      ],
      onLine === undefined ? {} : { onLine },
    );

/** Between two looks at a job, in milliseconds. */
const LOOK = 2_000;

/** Looks in a row that may fail: work of hours does not end because the cluster is away for a moment. */
const MISSED = 15;

/** Looks after which it is told why a job has not started, and again for another reason. */
const WAITS = 15;

/** What Kubernetes takes for the name of a job. */
const MAX_NAME = 63;

const inJob =
  (stack: string): AtOnce =>
  async (system, schedule, command, onLine) => {
    const access = kubectlAccess(readStackFile(root, stack).config?.["atalaya:kubernetes"] ?? {});
    const namespace = ["--namespace", namespaceOf(stack, system)];
    const kubectl = (args: readonly string[], input?: string): Promise<RunResult> =>
      run("kubectl", [...access, ...namespace, ...args], input === undefined ? {} : { input });
    const job = jobName(schedule);
    const drawn = await kubectl([
      ...["create", "job", job, `--from=cronjob/${schedule}`],
      ...["--dry-run=client", "--output", "json"],
    ]);
    if (drawn.code !== 0) return drawn;
    const made = await kubectl(["create", "--filename", "-"], withCommand(drawn.stdout, command));
    if (made.code !== 0) return made;
    try {
      let told: string | undefined;
      for (let looks = 1, missed = 0; ; looks++, await sleep(LOOK)) {
        const seen = await kubectl(["get", "job", job, "--output", "json"]);
        missed = seen.code === 0 ? 0 : missed + 1;
        if (missed > MISSED) return seen;
        const end = missed === 0 ? ended(seen.stdout) : undefined;
        if (end === undefined) {
          if (looks % WAITS !== 0) continue;
          const why = await notStarted(kubectl, job);
          if (why !== undefined && why !== told) say(`${job} has not started yet: ${why}`);
          told = why;
          continue;
        }
        const { stdout } = await kubectl(["logs", `job/${job}`]);
        for (const line of stdout.trim().split("\n")) onLine?.(line);
        return { ...seen, ...end, stdout };
      }
    } finally {
      await kubectl(["delete", "job", job, "--wait=false"]);
    }
  };

interface Job {
  readonly spec: { readonly template: { readonly spec: { containers: readonly object[] } } };
}

/** A job as its schedule has it, but for what it runs. */
function withCommand(json: string, command: readonly string[]): string {
  const job = JSON.parse(json) as Job;
  const pod = job.spec.template.spec;
  pod.containers = pod.containers.map((container) => ({ ...container, command }));
  return JSON.stringify(job);
}

/** Of its own at each call: by the end of the name, which is never cut. */
function jobName(schedule: string): string {
  const end = `-now-${randomBytes(4).toString("hex")}`;
  return `${schedule.slice(0, MAX_NAME - end.length)}${end}`;
}

/**
 * How a job ended; undefined while it has not.
 * @param json as kubectl prints it
 */
function ended(json: string): { code: 0 | 1; stderr: string } | undefined {
  const { status: { succeeded = 0, failed = 0, conditions = [] } = {} } = JSON.parse(json) as {
    readonly status?: {
      readonly succeeded?: number;
      readonly failed?: number;
      readonly conditions?: readonly { readonly reason?: string; readonly message?: string }[];
    };
  };
  // One whose time is over may never have had a pod: nobody else says why it ended.
  const late = conditions.find(({ reason }) => reason === "DeadlineExceeded");
  if (failed > 0 || late !== undefined) return { code: 1, stderr: late?.message ?? "" };
  return succeeded > 0 ? { code: 0, stderr: "" } : undefined;
}

/** Why a job's pod has not started, in the cluster's words; undefined where it has, or nobody answers. */
async function notStarted(
  kubectl: (args: readonly string[]) => Promise<RunResult>,
  job: string,
): Promise<string | undefined> {
  const listed = async <T>(...what: string[]): Promise<readonly T[] | undefined> => {
    const { code, stdout } = await kubectl(["get", ...what, "--output", "json"]);
    return code === 0 ? (JSON.parse(stdout) as { items: readonly T[] }).items : undefined;
  };
  const pods = await listed<PodStatus>("pods", "--selector", `job-name=${job}`);
  const pod = pods?.[0];
  if (pod !== undefined) return pod.status?.phase === "Pending" ? reasonOf(pod) : undefined;
  if (pods === undefined) return undefined;
  // As where a quota is used up: only what happened to the job itself says so.
  const events = await listed<{ readonly message?: string }>(
    ...["events", "--field-selector", `involvedObject.name=${job}`, "--sort-by=.lastTimestamp"],
  );
  return events?.at(-1)?.message ?? "it has no pod";
}

/**
 * Where a stack's containers are looked for: on its own engine, as by every other command, then on the one that
 * somebody names: on a swarm of several nodes the one that has the volumes.
 */
function engines(stack: string): readonly Environment[] {
  const own = configuredEngine(root, stack);
  const { DOCKER_HOST: named } = process.env;
  if (own === undefined) return [{}];
  return [{ DOCKER_HOST: own }, ...(named === undefined || named === own ? [] : [{}])];
}

const inTask =
  (stack: string): Inside =>
  async (system, workload, command, onLine) => {
    const service = `${stack}-${system}-${workload}`;
    for (const env of engines(stack)) {
      const found = await run(
        "docker",
        ["ps", "--quiet", "--filter", `label=com.docker.swarm.service.name=${service}`],
        { env },
      );
      if (found.code !== 0) return found;
      const container = found.stdout.trim().split("\n")[0] ?? "";
      if (container === "") continue;
      return run("docker", ["exec", container, ...command], {
        env,
        ...(onLine === undefined ? {} : { onLine }),
      });
    }
    throw new UserError(
      `No instance of ${service} runs on this engine.`,
      "On a swarm of several nodes name the one that has the volumes: DOCKER_HOST=ssh://…",
    );
  };
