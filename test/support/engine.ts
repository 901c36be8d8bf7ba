import type { Ran } from "./commands";
import { until } from "./poll";

/** A running container of a workload. */
export interface Instance {
  /** Another one means another container. */
  readonly id: string;
  /** How the engine calls it, for `exec`. */
  readonly target: string;
  /** It passes its checks. */
  readonly well: boolean;
}

export interface ExecOptions {
  readonly input?: string;
  readonly workdir?: string;
}

/** Limits that an engine holds a container to. */
export interface Limits {
  /** Bytes. */
  readonly memory: number;
  /** Cores. */
  readonly cpu: number;
  readonly readOnlyRoot: boolean;
}

/** What something that runs takes. */
export interface Taken {
  readonly name: string;
  /** Memory in MiB. */
  readonly mib: number;
}

/** A line that a container has printed, as the engine itself has it: whose, when, what. */
export interface Printed {
  readonly system: string;
  /** The component. */
  readonly service: string;
  /** Its place on Swarm, its pod on Kubernetes. */
  readonly instance: string;
  /** Nanoseconds since 1970. */
  readonly time: string;
  readonly line: string;
}

/** Lines as engines show them with their moments: empty ones, and those that an engine has cut, are left out. */
export function printedIn(text: string, whose: Omit<Printed, "time" | "line">): Printed[] {
  return text.split("\n").flatMap((shown) => {
    const [, second, part, zone, line] =
      /^(\S{19})\.(\d{1,9})(Z|[+-]\d\d:\d\d) ([^]*)$/.exec(shown) ?? [];
    if (line === undefined || line === "" || line.length > 16_000) return [];
    const seconds = BigInt(Date.parse(`${second}${zone}`) / 1_000);
    const time = String(seconds * 1_000_000_000n + BigInt(part!.padEnd(9, "0")));
    return [{ ...whose, time, line }];
  });
}

/** How a container ended. */
export interface Ended {
  /** It took more memory than it may. */
  readonly outOfMemory: boolean;
  readonly exitCode: number;
}

/** Something that an engine says about a stack's objects, to be searched for what it must not say. */
export interface Told {
  readonly what: string;
  readonly text: string;
}

/**
 * What tests ask of an engine, for one system of one stack. Workloads have the names that the system
 * gives them.
 */
export abstract class Engine {
  abstract readonly name: "swarm" | "kubernetes";
  /** How Pulumi says that a new version did not become well. */
  abstract readonly refusal: RegExp;
  /** How `atalaya up` says that a new version's process ended with 1. */
  abstract readonly crash: RegExp;

  /** The running containers of a workload. */
  abstract instances(workload: string): Promise<Instance[]>;
  /** Runs a program in a container and gives back how it ended. */
  abstract exec(target: string, command: readonly string[], options?: ExecOptions): Promise<Ran>;
  /** Has every instance of a workload replaced, as an update would. */
  abstract replace(workload: string): Promise<void>;
  abstract scale(workload: string, count: number): Promise<void>;
  /** Ends a container's process as a crash would. */
  abstract kill(instance: Instance): Promise<void>;
  /** How a container's process ended; undefined while it runs. */
  abstract ended(instance: Instance): Promise<Ended | undefined>;
  /**
   * Has the clock of a schedule start what it starts, by the schedule's own line, within a minute or two.
   * @returns what that printed
   * @throws Error with what it printed where it failed
   */
  abstract byTheClock(workload: string): Promise<string>;
  /** Whether an update of the workload is under way. */
  abstract updating(workload: string): Promise<boolean>;
  abstract limits(instance: Instance): Promise<Limits>;
  /** Memory of each container of the system that runs, by `system/instance`. */
  abstract taken(): Promise<Taken[]>;
  /** Every container of the system that runs, for `exec`. */
  abstract running(): Promise<string[]>;
  /** Descriptions of all objects, without the content of secrets themselves. */
  abstract told(): Promise<Told[]>;
  /** What all containers have written, those that ended included. */
  abstract logs(): Promise<Told[]>;
  /** The same line by line. */
  abstract printed(): Promise<Printed[]>;
  /** Everything that carries the stack's label, as `kind name`, sorted. */
  abstract left(): Promise<string[]>;
  /** What `left` says when nothing but these volumes was kept. */
  abstract kept(volumes: readonly string[]): string[];

  /** Ids of a workload's instances, sorted: equal lists mean that nothing was replaced. */
  async ids(workload: string): Promise<string[]> {
    return (await this.instances(workload)).map((instance) => instance.id).sort();
  }

  /** What the running containers of a workload have written. */
  async logsOf(workload: string): Promise<string> {
    const targets = (await this.instances(workload)).map(({ target }) => target);
    const own = (await this.logs()).filter(({ what }) => targets.some((t) => t.startsWith(what)));
    return own.map(({ text }) => text).join("\n");
  }

  /** A running container that is well, for `exec`; waits for one. */
  async one(workload: string, within = 30_000): Promise<string> {
    const { value } = await until(`a container of ${workload} is well`, { within }, async () =>
      (await this.instances(workload)).find((instance) => instance.well),
    );
    return value.target;
  }

  /** Waits until a refused version has left everything as it was: so many instances are well. */
  async refused(workload: string, count: number): Promise<void> {
    await this.settled(workload, count);
  }

  /**
   * Waits until as many containers of a workload run, all well, and no others.
   * @returns milliseconds that it took
   */
  async settled(workload: string, count: number, within = 90_000): Promise<number> {
    const { milliseconds } = await until(
      `${count} containers of ${workload} are well`,
      { within },
      async () => {
        const instances = await this.instances(workload);
        return instances.length === count && instances.every((instance) => instance.well);
      },
    );
    return milliseconds;
  }

  /**
   * Runs a script in a container of the reference service, where `require` finds its packages.
   * @param body an asynchronous function's body; what it returns comes back as JSON
   * @throws Error when the script throws
   */
  async script<T>(workload: string, body: string): Promise<T> {
    return this.scriptIn(await this.one(workload), body);
  }

  async scriptIn<T>(target: string, body: string): Promise<T> {
    const input = `(async () => { ${body} })().then(
    (value) => { process.stdout.write(JSON.stringify(value ?? null), () => process.exit(0)); },
    (error) => { console.error(error); process.exit(1); });`;
    const ran = await this.exec(target, ["node", "-"], { input, workdir: "/app" });
    if (ran.code !== 0) throw new Error(`script in ${target}: ${ran.stderr || ran.stdout}`);
    return JSON.parse(ran.stdout) as T;
  }

  /** Rows that the database's administrator sees, as text fields. */
  async sql(workload: string, database: string, query: string): Promise<string[][]> {
    const ran = await this.exec(await this.one(workload), [
      ...["psql", "--no-psqlrc", "-h", "/var/run/postgresql", "-U", "postgres", "-d", database],
      ...["-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", query],
    ]);
    if (ran.code !== 0) throw new Error(`${query}: ${ran.stderr}`);
    return ran.stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.split("\t"));
  }
}
