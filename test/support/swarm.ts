import { networkInterfaces } from "node:os";
import { must, type Ran, run } from "./commands";
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
import { until } from "./poll";

/** What containers with a way out know this machine by. */
export function hostAddress(): string {
  const [bridge] = networkInterfaces()["docker_gwbridge"] ?? [];
  if (bridge === undefined) throw new Error("this machine is no node of a swarm");
  return bridge.address;
}

/** Docker's own client, which the tests look at the engine with. */
export const docker = (...args: string[]): Promise<string> => must("docker", args);

const KINDS = ["service", "secret", "config", "network", "volume"] as const;

/** Everything of the engine that carries a stack's label, as `kind name`, sorted. */
export async function labelled(stack: string): Promise<string[]> {
  const found = await Promise.all(
    KINDS.map(async (kind) =>
      lines(
        await docker(
          ...[kind, "ls", "--format", "{{.Name}}"],
          ...["--filter", `label=atalaya.stack=${stack}`],
        ),
      ).map((name) => `${kind} ${name}`),
    ),
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

/** One system of one stack on this machine's Swarm. */
export class Swarm extends Engine {
  readonly name = "swarm";
  readonly refusal = /rolled back|rollback/i;
  readonly crash = /non-zero exit \(1\)/;

  constructor(
    private readonly stack: string,
    private readonly system: string,
  ) {
    super();
  }

  /** Name of a service in the engine. */
  service(workload: string): string {
    return `${this.stack}-${this.system}-${workload}`;
  }

  async instances(workload: string): Promise<Instance[]> {
    const found = await docker(
      ...["ps", "--no-trunc", "--format", "{{.ID}}\t{{.Status}}"],
      ...["--filter", `label=com.docker.swarm.service.name=${this.service(workload)}`],
    );
    return lines(found)
      .map((line) => line.split("\t"))
      .map(([id, status]) => ({ id: id!, target: id!, well: /\(healthy\)/.test(status!) }));
  }

  exec(container: string, command: readonly string[], options: ExecOptions = {}): Promise<Ran> {
    return run(
      "docker",
      [
        ...["exec", ...(options.input === undefined ? [] : ["-i"])],
        ...(options.workdir === undefined ? [] : ["--workdir", options.workdir]),
        ...[container, ...command],
      ],
      options.input === undefined ? {} : { input: options.input },
    );
  }

  async replace(workload: string): Promise<void> {
    await docker("service", "update", "--force", "--quiet", this.service(workload));
  }

  async scale(workload: string, count: number): Promise<void> {
    await docker("service", "scale", "--detach", `${this.service(workload)}=${count}`);
  }

  async kill({ target }: Instance): Promise<void> {
    await docker("kill", "--signal", "KILL", target);
  }

  async ended({ target }: Instance): Promise<Ended | undefined> {
    const now = JSON.parse(await docker("inspect", "--format", "{{json .State}}", target)) as {
      Running: boolean;
      OOMKilled: boolean;
      ExitCode: number;
    };
    return now.Running ? undefined : { outOfMemory: now.OOMKilled, exitCode: now.ExitCode };
  }

  /**
   * A schedule is due every hour at most, at a minute of its own: in its own container a second clock has its line for
   * every minute, until it has ended once.
   */
  async byTheClock(workload: string): Promise<string> {
    const ran = await this.exec(await this.one(workload), [
      ...["bash", "-c"],
      `sed -E 's/^([^ ]+ ){5}/* * * * * /' /etc/atalaya/crontab >/tmp/every-minute
       supercronic -passthrough-logs /tmp/every-minute >/tmp/clock 2>&1 &
       for ((i = 0; i < 600; i++)); do
         if grep -qE 'job succeeded|error running command' /tmp/clock; then break; fi; sleep 0.5
       done
       kill %1; wait %1; cat /tmp/clock`,
    ]);
    if (!ran.stdout.includes("job succeeded")) {
      throw new Error(`${workload}, by its clock: ${ran.stdout}${ran.stderr}`);
    }
    return ran.stdout;
  }

  async updating(workload: string): Promise<boolean> {
    const state = await docker(
      ...["service", "inspect", "--format", "{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}"],
      this.service(workload),
    );
    return state === "updating";
  }

  async limits({ target }: Instance): Promise<Limits> {
    const found = JSON.parse(
      await docker("inspect", "--format", "{{json .HostConfig}}", target),
    ) as { Memory: number; NanoCpus: number; ReadonlyRootfs: boolean };
    return { memory: found.Memory, cpu: found.NanoCpus / 1e9, readOnlyRoot: found.ReadonlyRootfs };
  }

  async taken(): Promise<Taken[]> {
    const containers = await this.containers();
    // Asked of none it would tell of all.
    if (containers.length === 0) return [];
    const stats = await docker(
      ...["stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}"],
      ...containers,
    );
    return lines(stats).flatMap((line) => {
      const [, name, amount, unit] = /^(\S+?)\.\S+ ([\d.]+)([KMG]iB)/.exec(line) ?? [];
      // One that has just started or ended takes nothing.
      if (name === undefined) return [];
      return {
        name: `${this.system}/${name.slice(this.service("").length)}`,
        mib: Number(amount) * { KiB: 1 / 1_024, MiB: 1, GiB: 1_024 }[unit as "MiB"],
      };
    });
  }

  running(): Promise<string[]> {
    return this.containers();
  }

  async told(): Promise<Told[]> {
    const told: Told[] = [];
    for (const kind of KINDS) {
      const ids = lines(
        await docker(kind, "ls", "--quiet", "--filter", `label=atalaya.stack=${this.stack}`),
      );
      const text = await docker(kind, "inspect", ...ids);
      told.push({ what: kind, text });
      if (kind !== "config") continue;
      for (const { Spec } of JSON.parse(text) as { Spec: { Name: string; Data: string } }[]) {
        told.push({ what: Spec.Name, text: Buffer.from(Spec.Data, "base64").toString() });
      }
    }
    told.push({
      what: "containers",
      text: await docker("inspect", ...(await this.containers("--all"))),
    });
    const images = new Set(
      lines(await docker("ps", "--format", "{{.Image}}", "--filter", `name=${this.stack}-`)),
    );
    for (const image of images) {
      const history = await docker("history", "--no-trunc", image);
      told.push({
        what: `image ${image}`,
        text: history + (await docker("image", "inspect", image)),
      });
    }
    return told;
  }

  async logs(): Promise<Told[]> {
    const containers = await this.containers("--all");
    return Promise.all(
      containers.map(async (what) => {
        const ran = await run("docker", ["logs", what]);
        return { what, text: ran.stdout + ran.stderr };
      }),
    );
  }

  async printed(): Promise<Printed[]> {
    const all: Printed[] = [];
    for (const container of await this.containers("--all")) {
      const inspected = await run("docker", [
        ...["inspect", "--format", "{{json .Config.Labels}}", container],
      ]);
      const told = await run("docker", ["logs", "--timestamps", container]);
      // A job's container that the engine has put away meanwhile.
      if (inspected.code !== 0 || told.code !== 0) continue;
      const labels = JSON.parse(inspected.stdout) as Record<string, string>;
      const task = labels["com.docker.swarm.task.name"]!.split(".").slice(0, 2).join(".");
      const whose = {
        system: this.system,
        service: labels["atalaya.component"]!,
        instance: task.slice(this.service("").length),
      };
      // Which have no order between them.
      for (const text of [told.stdout, told.stderr]) all.push(...printedIn(text, whose));
    }
    return all;
  }

  left(): Promise<string[]> {
    return labelled(this.stack);
  }

  kept(volumes: readonly string[]): string[] {
    return volumes.map((volume) => `volume ${this.service(volume)}`).sort();
  }

  private async containers(...options: string[]): Promise<string[]> {
    return lines(
      await docker("ps", ...options, "--quiet", "--filter", `name=${this.stack}-${this.system}-`),
    );
  }
}

const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "");
