import { must, run } from "./commands";
import { until } from "./poll";

/** Docker's own client, which the tests look at the engine with. */
export const docker = (...args: string[]): Promise<string> => must("docker", args);

/** A container of a service's task. */
export interface Task {
  /** Swarm's id of the task: another one means another container. */
  readonly id: string;
  readonly container: string;
  /** `running`, `healthy`: as the engine says. */
  readonly status: string;
}

/** The running containers of a service. */
export async function tasksOf(service: string): Promise<Task[]> {
  const lines = await docker(
    ...["ps", "--no-trunc", "--filter", `label=com.docker.swarm.service.name=${service}`],
    ...["--format", '{{.ID}}\t{{.Label "com.docker.swarm.task.id"}}\t{{.Status}}'],
  );
  return lines
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split("\t"))
    .map(([container, id, status]) => ({ container: container!, id: id!, status: status! }));
}

/** Ids of a service's running tasks, sorted: equal lists mean that nothing was replaced. */
export async function taskIds(service: string): Promise<string[]> {
  return (await tasksOf(service)).map((task) => task.id).sort();
}

/** A running, healthy container of a service; waits for one. */
export async function containerOf(service: string, within = 30_000): Promise<string> {
  const { value } = await until(`a healthy container of ${service}`, { within }, async () =>
    (await tasksOf(service)).find((task) => /\(healthy\)/.test(task.status)),
  );
  return value.container;
}

/** Waits until as many healthy containers of a service run, and no others. */
export async function settled(service: string, count: number, within = 90_000): Promise<number> {
  const { milliseconds } = await until(
    `${count} healthy containers of ${service}`,
    { within },
    async () => {
      const tasks = await tasksOf(service);
      return tasks.length === count && tasks.every((task) => /\(healthy\)/.test(task.status));
    },
  );
  return milliseconds;
}

/** Runs a program in a container and gives back how it ended. */
export const exec = (
  container: string,
  command: readonly string[],
  options: { input?: string; user?: string; workdir?: string } = {},
): ReturnType<typeof run> =>
  run(
    "docker",
    [
      ...["exec", ...(options.input === undefined ? [] : ["-i"])],
      ...(options.user === undefined ? [] : ["--user", options.user]),
      ...(options.workdir === undefined ? [] : ["--workdir", options.workdir]),
      ...[container, ...command],
    ],
    options.input === undefined ? {} : { input: options.input },
  );

/**
 * Runs a script in a container of the reference service, where `require` finds its packages.
 * @param script an asynchronous function's body; what it returns comes back as JSON
 * @throws Error when the script throws
 */
export async function script<T>(container: string, body: string): Promise<T> {
  const input = `(async () => { ${body} })().then(
    (value) => { process.stdout.write(JSON.stringify(value ?? null), () => process.exit(0)); },
    (error) => { console.error(error); process.exit(1); });`;
  const ran = await exec(container, ["node", "-"], { input, workdir: "/app" });
  if (ran.code !== 0) throw new Error(`script in ${container}: ${ran.stderr || ran.stdout}`);
  return JSON.parse(ran.stdout) as T;
}

/** Rows that the database's administrator sees, as text fields. */
export async function sql(
  databaseService: string,
  database: string,
  query: string,
): Promise<string[][]> {
  const container = await containerOf(databaseService);
  const ran = await exec(container, [
    ...["psql", "--no-psqlrc", "-h", "/var/run/postgresql", "-U", "postgres", "-d", database],
    ...["-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", query],
  ]);
  if (ran.code !== 0) throw new Error(`${query}: ${ran.stderr}`);
  return ran.stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split("\t"));
}

const KINDS = ["service", "secret", "config", "network", "volume"] as const;

/** Everything of the engine that carries a stack's label, as `kind name`, sorted. */
export async function labelled(stack: string): Promise<string[]> {
  const found = await Promise.all(
    KINDS.map(async (kind) => {
      const names = await docker(
        ...[kind, "ls", "--format", "{{.Name}}"],
        ...["--filter", `label=atalaya.stack=${stack}`],
      );
      return names
        .split("\n")
        .filter((name) => name !== "")
        .map((name) => `${kind} ${name}`);
    }),
  );
  return found.flat().sort();
}

/** Removes whatever a stack has left in the engine, its data too. For the end of a test. */
export async function sweep(stack: string): Promise<void> {
  for (const kind of KINDS) {
    const names = (await labelled(stack))
      .filter((entry) => entry.startsWith(`${kind} `))
      .map((entry) => entry.slice(kind.length + 1));
    for (const name of names) {
      await until(`${kind} ${name} is released`, { within: 90_000, every: 1_000 }, async () => {
        const removed = await run("docker", [kind, "rm", name]);
        return removed.code === 0 || /no such|not found/i.test(removed.stderr);
      });
    }
  }
}
