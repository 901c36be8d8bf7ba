import { setInterval } from "node:timers";
import { UserError } from "../errors";
import { run } from "../process";
import { STACK_LABEL } from "./recovery-plan";
import { taskLines, type TaskLine, withoutQuotes } from "./tasks";

/** The parts of `docker service inspect` that say what a service wants of a node. */
export interface Wanting {
  readonly Spec: {
    readonly Name: string;
    readonly Labels?: Readonly<Record<string, string>>;
    readonly TaskTemplate: {
      readonly Resources?: { readonly Reservations?: Amounts };
      readonly Placement?: { readonly Constraints?: readonly string[] };
    };
    readonly EndpointSpec?: { readonly Ports?: readonly { readonly PublishedPort?: number }[] };
  };
}

interface Amounts {
  /** Billionths of a core. */
  readonly NanoCPUs?: number;
  readonly MemoryBytes?: number;
}

/** The parts of `docker node inspect` that are needed here. */
interface NodeInspection {
  readonly Description: { readonly Hostname: string; readonly Resources: Amounts };
}

/** One look at the engine, in the words of `docker`. */
export interface Look {
  /** `docker service ps --no-trunc --format '{{json .}}'` of the stack's services. */
  readonly tasks: string;
  /** `docker service inspect` of all services, of whatever stack. */
  readonly services: string;
  /** `docker node inspect` of all nodes. */
  readonly nodes: string;
  /** `docker node ps --no-trunc --format '{{json .}}'` of all nodes. */
  readonly placed: string;
}

/** A service with instances that the engine finds no node for. */
export interface Unplaced {
  readonly service: string;
  readonly instances: number;
  /** In the engine's words. */
  readonly why: string;
  /** What one instance reserves. */
  readonly reserves: Room;
  readonly constraints: readonly string[];
  /** Ports of the node itself. */
  readonly ports: readonly number[];
}

/** Cores, and bytes. */
export interface Room {
  readonly cpu: number;
  readonly memory: number;
}

/** What a node has, and what is reserved there by stack; `undefined` stands for what belongs to none. */
export interface NodeRoom {
  readonly node: string;
  readonly has: Room;
  readonly reserved: ReadonlyMap<string | undefined, Room>;
}

/** What waits for a node, and what the nodes have. */
export interface Shortage {
  readonly unplaced: readonly Unplaced[];
  readonly nodes: readonly NodeRoom[];
}

/** States of a task that has a node and holds what it reserves. */
const HOLDS = /^(?:Running|Starting|Preparing|Ready|Accepted|Assigned)\b/;

/** `api.1` and, of the tasks before it, ` \_ api.1`. */
const serviceOf = ({ Name }: TaskLine): string =>
  Name.replace(/^\s*\\_\s*/, "").replace(/\.[^.]*$/, "");

const isUnplaced = ({ CurrentState, DesiredState, Error: error }: TaskLine): boolean =>
  CurrentState.startsWith("Pending") &&
  !["Shutdown", "Remove"].includes(DesiredState) &&
  withoutQuotes(error).startsWith("no suitable node");

/** Whether a task finds no node. @param tasks as {@link Look} has them */
export const waits = (tasks: string): boolean => taskLines(tasks).some(isUnplaced);

/** What a look at the engine says of the services that find no node. */
export function shortageOf({ tasks, services, nodes, placed }: Look): Shortage {
  const specs = new Map(
    (JSON.parse(services) as readonly Wanting[]).map(({ Spec }) => [Spec.Name, Spec]),
  );
  const reserves = (service: string): Room =>
    roomOf(specs.get(service)?.TaskTemplate.Resources?.Reservations);

  const waiting = groupBy(taskLines(tasks).filter(isUnplaced), serviceOf);
  const holding = taskLines(placed).filter(({ CurrentState }) => HOLDS.test(CurrentState));
  return {
    unplaced: [...waiting].map(([service, of]) => ({
      service,
      instances: of.length,
      why: withoutQuotes(of[0]!.Error),
      reserves: reserves(service),
      constraints: specs.get(service)?.TaskTemplate.Placement?.Constraints ?? [],
      ports: (specs.get(service)?.EndpointSpec?.Ports ?? []).flatMap(({ PublishedPort }) =>
        PublishedPort === undefined ? [] : [PublishedPort],
      ),
    })),
    nodes: (JSON.parse(nodes) as readonly NodeInspection[]).map(({ Description }) => {
      const here = holding.filter(({ Node }) => Node === Description.Hostname).map(serviceOf);
      const byStack = groupBy(here, (name) => specs.get(name)?.Labels?.[STACK_LABEL]);
      return {
        node: Description.Hostname,
        has: roomOf(Description.Resources),
        reserved: new Map(
          [...byStack].map(([stack, names]) => [stack, sum(names.map(reserves))] as const),
        ),
      };
    }),
  };
}

function groupBy<Item, Key>(items: readonly Item[], key: (of: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

const roomOf = (amounts: Amounts = {}): Room => ({
  cpu: (amounts.NanoCPUs ?? 0) / 1e9,
  memory: amounts.MemoryBytes ?? 0,
});

const sum = (rooms: readonly Room[]): Room => ({
  cpu: rooms.reduce((all, { cpu }) => all + cpu, 0),
  memory: rooms.reduce((all, { memory }) => all + memory, 0),
});

/**
 * The services that found no node to the last, from look to look: who is listed now and does not wait has its node;
 * who is gone was taken away as it waited.
 * @param now those of this look
 * @param tasks as {@link Look} has them
 */
export function toTheLast(
  before: readonly Unplaced[],
  now: readonly Unplaced[],
  tasks: string,
): readonly Unplaced[] {
  const listed = new Set(taskLines(tasks).map(serviceOf));
  return [...before.filter(({ service }) => !listed.has(service)), ...now];
}

/** What an update that left services without a node has to tell the person; undefined where all have one. */
export function explainShortage(
  stack: string,
  { unplaced, nodes }: Shortage,
): UserError | undefined {
  if (unplaced.length === 0) return undefined;
  const names = unplaced.map(({ service }) => service).join(", ");
  const short = unplaced.some((one) => isFor(one, "room"));
  return new UserError(
    `The engine found no node for ${names}.`,
    [
      ...unplaced.map(waitsFor),
      ...(short ? nodes.map(holds) : []),
      ...fixes(stack, unplaced, nodes),
    ].join("\n"),
  );
}

function waitsFor({ service, instances, why, reserves }: Unplaced): string {
  const subject = instances === 1 ? "an instance waits" : `${instances} instances wait`;
  const each = instances === 1 ? "it reserves" : "each reserves";
  return `${service}: ${subject}; ${each} ${inWords(reserves)}. The engine: ${why}`;
}

function holds({ node, has, reserved }: NodeRoom): string {
  const parts = [...reserved]
    .filter(([, { cpu, memory }]) => cpu > 0 || memory > 0)
    .sort(([, a], [, b]) => b.memory - a.memory)
    .map(([stack, room]) => `${stack ?? "services of no stack"} ${inWords(room)}`);
  const taken = sum([...reserved.values()]);
  const by = parts.length === 0 ? "" : ` (${parts.join("; ")})`;
  return `${node} has ${inWords(has)}; reserved there are ${inWords(taken)}${by}.`;
}

/** @example inWords({ cpu: 0.1, memory: 134217728 }) // "0.1 CPU cores and 128 MiB" */
const inWords = ({ cpu, memory }: Room): string =>
  `${Math.round(cpu * 100) / 100} CPU cores and ${Math.round(memory / 2 ** 20)} MiB`;

/** What a node is refused for, in the engine's words. */
const REASONS = {
  room: "insufficient resources",
  constraints: "constraints not satisfied",
  port: "port already in use",
} as const;

const isFor = ({ why }: Unplaced, reason: keyof typeof REASONS): boolean =>
  why.includes(REASONS[reason]);

function fixes(stack: string, unplaced: readonly Unplaced[], nodes: readonly NodeRoom[]): string[] {
  return [
    ...(unplaced.some((one) => isFor(one, "room")) ? [reserveLess(stack, nodes)] : []),
    ...unplaced
      .filter((one) => isFor(one, "constraints"))
      .map(
        ({ service, constraints }) =>
          `${service} may run where ${constraints.join(" and ")} alone; there are ${nodes.map(({ node }) => node).join(", ")}. dataNode in the stack's configuration has to name one of them that is up.`,
      ),
    ...unplaced
      .filter((one) => isFor(one, "port"))
      .map(
        ({ service, ports }) =>
          `${service} wants port ${ports.join(", ")} of the node, which another service has: give one of them another (ports in the system's configuration).`,
      ),
    ...(unplaced.some(({ why }) => Object.values(REASONS).every((reason) => !why.includes(reason)))
      ? ["`docker node ls` says which nodes are there and take work."]
      : []),
    "Then run this again.",
  ];
}

function reserveLess(stack: string, nodes: readonly NodeRoom[]): string {
  const there = new Set(nodes.flatMap(({ reserved }) => [...reserved.keys()]));
  const others = [...there].filter((other) => other !== undefined && other !== stack);
  const less =
    "Have it reserve less: fewer instances, a smaller profile, smaller reservations (docs/configuration.md); or";
  return others.length === 0
    ? `${less} give the engine a larger node.`
    : `${less} take another stack down: ${others.map((other) => `npx atalaya down -s ${other}`).join(", ")}.`;
}

/** Milliseconds between two looks; what finds no node waits for minutes. */
const POLL_MS = 10_000;

/**
 * Watches for services that find no node while an update runs. Afterwards it is too late to ask: the provider takes
 * a new service that did not run in time away.
 * @returns call it to end the watch; gives what found no node to the last
 */
export function watchRoom(stack: string): () => Promise<UserError | undefined> {
  let seen: Shortage = { unplaced: [], nodes: [] };
  let busy: Promise<void> = Promise.resolve();
  let looking = false;
  const look = async (): Promise<void> => {
    const services = words(
      await docker("service", "ls", "--quiet", "--filter", `label=${STACK_LABEL}=${stack}`),
    );
    if (services.length === 0) return;
    const tasks = await docker(...tasksOf("service", services));
    const { unplaced, nodes } = waits(tasks)
      ? shortageOf({ tasks, ...(await wholeEngine()) })
      : { unplaced: [], nodes: seen.nodes };
    seen = { unplaced: toTheLast(seen.unplaced, unplaced, tasks), nodes };
  };
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    // An engine that does not answer is Pulumi's to tell.
    busy = look()
      .catch(() => undefined)
      .finally(() => (looking = false));
  }, POLL_MS);
  return async () => {
    clearInterval(timer);
    await busy;
    return explainShortage(stack, seen);
  };
}

/** All services and nodes: what is reserved by others is missing, too. */
async function wholeEngine(): Promise<Omit<Look, "tasks">> {
  const [services, nodes] = await Promise.all([
    docker("service", "ls", "--quiet").then(words),
    docker("node", "ls", "--quiet").then(words),
  ]);
  return {
    services: await docker("service", "inspect", ...services),
    nodes: await docker("node", "inspect", ...nodes),
    placed: await docker(...tasksOf("node", nodes)),
  };
}

const tasksOf = (kind: "service" | "node", ids: readonly string[]): readonly string[] => [
  ...[kind, "ps", "--no-trunc", "--format", "{{json .}}"],
  ...ids,
];

/** What it says; where one of several has gone meanwhile, what it says of the others. */
const docker = async (...args: readonly string[]): Promise<string> =>
  (await run("docker", args, { timeoutMs: 15_000 })).stdout;

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== "");
