import { type Environment, run, type RunResult } from "../process";
import { findEndpoint } from "../setup/engine";
import { STACK_LABEL } from "../stack/recovery-plan";
import type { ServiceInspection } from "../stack/tasks";
import {
  answered,
  CannotAsk,
  type EngineState,
  type HealthEngine,
  isRecent,
  RECENT_MS,
  type WorkloadState,
} from "./engine";

/** The parts of `docker service inspect` that are needed here. */
export interface Service extends ServiceInspection {
  readonly Spec: ServiceInspection["Spec"] & { readonly Labels: Readonly<Record<string, string>> };
}

/** The parts of `docker inspect --type task` that are needed here. */
export interface Task {
  readonly ServiceID: string;
  readonly NodeID?: string;
  readonly DesiredState: string;
  readonly Status: {
    readonly State: string;
    readonly Timestamp: string;
    readonly ContainerStatus?: { readonly ContainerID?: string };
  };
}

/** One line of `docker node ls --format '{{json .}}'`. */
export interface Node {
  readonly Status: string;
}

/** What came of a task that nobody told to end. */
const ENDED = ["failed", "rejected", "complete", "orphaned"];

/** What comes of an update that does not come to its end. */
const STOPPED = ["paused", "rollback_started", "rollback_paused", "rollback_completed"];

/**
 * What the engine's own objects say of a stack.
 * @param of.node the node whose containers can be reached from here
 */
export function swarmState(
  stack: string,
  of: {
    readonly services: readonly Service[];
    readonly tasks: readonly Task[];
    readonly nodes: readonly Node[];
    readonly node: string;
  },
  now: number,
): EngineState {
  return {
    nodesNotReady: of.nodes.filter(({ Status }) => Status !== "Ready").length,
    workloads: new Map(
      of.services.map((service) => {
        const system = service.Spec.Labels["atalaya.system"] ?? "";
        const workload = service.Spec.Name.slice(`${stack}-${system}-`.length);
        const tasks = of.tasks.filter(({ ServiceID }) => ServiceID === service.ID);
        return [`${system}/${workload}`, workloadState(service, tasks, of.node, now)];
      }),
    ),
  };
}

function workloadState(
  { UpdateStatus }: Service,
  tasks: readonly Task[],
  node: string,
  now: number,
): WorkloadState {
  const hangs =
    UpdateStatus?.State === "updating" &&
    now - Date.parse(UpdateStatus.StartedAt ?? "") > RECENT_MS;
  // Swarm calls a task running once its check has passed, and ends one whose check fails.
  const run = tasks.filter((t) => t.DesiredState === "running" && t.Status.State === "running");
  // Ready is what waits for its turn to run, as after one that has failed.
  const wanted = tasks.filter((t) => ["running", "ready"].includes(t.DesiredState));
  const nodes = (of: readonly Task[]): number => new Set(of.map(({ NodeID }) => NodeID)).size;
  return {
    instances: run.map(({ NodeID, Status }) => ({
      id: Status.ContainerStatus?.ContainerID ?? "",
      reachable: NodeID === node,
    })),
    absent: nodes(wanted) - nodes(run),
    ended: tasks.filter(
      ({ Status }) => ENDED.includes(Status.State) && isRecent(Status.Timestamp, now),
    ).length,
    hanging: hangs || STOPPED.includes(UpdateStatus?.State ?? ""),
  };
}

/** How often a list is asked for anew: what has gone since makes the question after it fail. */
const ATTEMPTS = 3;

/** A Docker Swarm. @param endpoint the engine's address in the stack's configuration */
export function swarmEngine(stack: string, endpoint: string | undefined): HealthEngine {
  const env: Environment = endpoint === undefined ? {} : { DOCKER_HOST: endpoint };

  async function look(timeoutMs: number): Promise<EngineState> {
    const ask = async (...args: readonly string[]): Promise<string> =>
      answered(await run("docker", args, { env, timeoutMs }), "docker", timeoutMs);
    const [node, nodes, listed] = await Promise.all([
      ask("info", "--format", "{{.Swarm.NodeID}}"),
      ask("node", "ls", "--format", "{{json .}}"),
      ask("service", "ls", "--quiet", "--filter", `label=${STACK_LABEL}=${stack}`),
    ]);
    const services = words(listed);
    const [inspected, tasks] = await Promise.all([
      services.length === 0 ? "[]" : ask("service", "inspect", ...services),
      services.length === 0 ? "" : ask("service", "ps", "--quiet", "--no-trunc", ...services),
    ]);
    const ids = words(tasks);
    return swarmState(
      stack,
      {
        node: node.trim(),
        nodes: lines(nodes).map((line) => JSON.parse(line) as Node),
        services: JSON.parse(inspected) as Service[],
        tasks:
          ids.length === 0
            ? []
            : (JSON.parse(await ask("inspect", "--type", "task", ...ids)) as Task[]),
      },
      Date.now(),
    );
  }

  async function state(timeoutMs: number, attempts = ATTEMPTS): Promise<EngineState> {
    try {
      return await look(timeoutMs);
    } catch (error) {
      const gone = error instanceof CannotAsk && /no such/i.test(error.message);
      if (!gone || attempts <= 1) throw error;
      return state(timeoutMs, attempts - 1);
    }
  }

  return {
    state: (timeoutMs) => state(timeoutMs),
    exec: async (instance, command, timeoutMs) => {
      const said = await run("docker", ["exec", instance.id, ...command], { env, timeoutMs });
      const why = refusedByDocker(said);
      if (why !== undefined) throw new CannotAsk(why);
      return said;
    },
    invocation: ({ id }, command) => ({
      command: "docker",
      args: ["exec", "--interactive", id, ...command],
      env,
    }),
    // The front's ports are the node's own.
    entrance: async (_system, _workload, timeoutMs) =>
      hostOf(await findEndpoint(endpoint), async (args) => {
        const { code, stdout } = await run("ssh", args, { timeoutMs });
        return code === 0 ? stdout : "";
      }),
  };
}

/** Why the engine did not run a command in a container. Whatever else is said there, the container said. */
export const refusedByDocker = ({ code, stderr }: RunResult): string | undefined =>
  code === 0
    ? undefined
    : /^(?:Error response from daemon: |Error: No such container|Cannot connect to the Docker|error during connect).*/m.exec(
        stderr,
      )?.[0];

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== "");
const lines = (text: string): string[] => text.split("\n").filter((line) => line.trim() !== "");

/**
 * Where an engine's node is. What an `ssh://` address names may be an alias of ~/.ssh/config, which only ssh knows.
 * @param ssh what it prints when it is called like that; nothing where it cannot say
 */
export async function hostOf(
  endpoint: string,
  ssh: (args: readonly string[]) => Promise<string>,
): Promise<string> {
  if (!/^(?:ssh|tcp):/.test(endpoint)) return "127.0.0.1";
  const { protocol, hostname, username, port } = new URL(endpoint);
  if (protocol === "tcp:") return hostname;
  // As Docker calls it: settings may be for a user or a port alone. -G prints them, and connects to nobody.
  const settings = await ssh([
    "-G",
    ...(username === "" ? [] : ["-l", username]),
    ...(port === "" ? [] : ["-p", port]),
    ...["--", hostname],
  ]);
  return /^hostname (\S+)$/m.exec(settings)?.[1] ?? hostname;
}
