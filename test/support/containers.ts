import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Container, SecretSource, SystemModel } from "../../model/system";
import { must, run } from "./commands";
import { until } from "./poll";

/** Without a front in between: the client's address is the connection's. */
export const ALONE = {
  clientAddress: "connection",
  readyInstancesOnly: false,
  containers: { names: "/var/lib/docker/containers" },
} as const;

/** Arguments that put a file into a container, which cannot write it. */
export const mounted = (path: string, at: string): string[] => ["--volume", `${path}:${at}:ro`];

/** Waits for up to a minute until a check succeeds in a container. @param container its whole name */
export const healthy = (container: string, ...check: string[]): Promise<unknown> =>
  until(`${container} is well`, { within: 60_000 }, async () => {
    return (await run("docker", ["exec", container, ...check])).code === 0;
  });

/**
 * Kills what has these words at the begin of its command line, in a container whose image has no pkill. As the
 * container's own user: root has no right to where a container has no capabilities.
 * @param container its whole name
 * @param words a regular expression
 */
export const killIn = (container: string, words: string): Promise<string> =>
  must("docker", [
    ...["exec", container, "bash", "-c"],
    `for p in /proc/[0-9]*; do if [[ $p != /proc/$$ ]] && tr '\\0' ' ' <$p/cmdline 2>/dev/null | grep -q -- '^${words}'; then kill -KILL "\${p#/proc/}"; fi; done`,
  ]);

/** Labels of the complete backups in a repository, by what `atalaya-backup info` prints. @param repository from 1 on */
export function labelsIn(info: string, repository: number): string[] {
  const [{ backup }] = JSON.parse(info) as [
    { readonly backup: readonly { label: string; database: { "repo-key": number } }[] },
  ];
  return backup
    .filter(({ database }) => database["repo-key"] === repository)
    .map(({ label }) => label);
}

/** Containers on a network of their own, by plain Docker: programs of images without an engine around them. */
export class Containers {
  /** The network's name; that of everything else begins with it. */
  readonly id: string;
  /** Where files for containers are. */
  readonly folder: string;

  /** @param of what they are for, as part of their names */
  constructor(of: string) {
    this.id = `atalaya-${of}-${randomBytes(3).toString("hex")}`;
    this.folder = mkdtempSync(join(tmpdir(), `atalaya-${of}-`));
    chmodSync(this.folder, 0o755);
  }

  /** @param options.internal without a way out. @default false */
  async open({ internal = false } = {}): Promise<void> {
    await must("docker", ["network", "create", ...(internal ? ["--internal"] : []), this.id]);
  }

  /** Removes all of it: what is on the network, and containers and volumes whose names begin with its name. */
  async close(): Promise<void> {
    const ids = async (...list: string[]): Promise<string[]> => {
      const { stdout } = await run("docker", [...list, "--quiet"]);
      return stdout.split("\n").filter((id) => id !== "");
    };
    const containers = new Set([
      ...(await ids("ps", "--all", "--filter", `name=${this.id}`)),
      ...(await ids("ps", "--all", "--filter", `network=${this.id}`)),
    ]);
    await run("docker", ["rm", "--force", "--volumes", ...containers]);
    const volumes = await ids("volume", "ls", "--filter", `name=${this.id}`);
    await run("docker", ["volume", "rm", ...volumes]);
    await run("docker", ["network", "rm", this.id]);
    rmSync(this.folder, { recursive: true });
  }

  /**
   * Starts a container that others find by its name.
   * @param aliases further names
   * @returns its address
   */
  async start(
    name: string,
    args: readonly string[],
    aliases: readonly string[] = [],
  ): Promise<string> {
    const names = [name, ...aliases].flatMap((alias) => ["--network-alias", alias]);
    const own = ["--detach", "--name", this.named(name), ...names];
    await must("docker", ["run", ...own, ...this.common, ...args]);
    return this.address(name);
  }

  /** A container's address on the network. */
  address(name: string): Promise<string> {
    const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    return must("docker", ["inspect", "--format", format, this.named(name)]);
  }

  /**
   * A gateway that is called `edge` in its system, as an engine would start it: the check first, then an instance.
   * @param name its container's
   * @param options the volume that it shares with other instances, other names, the values of configured secrets; whether
   *   its scratch outlives the container, as on Kubernetes
   * @returns its address
   */
  async gateway(
    name: string,
    model: SystemModel,
    options: {
      readonly volume?: string;
      readonly aliases?: readonly string[];
      readonly secrets?: Readonly<Record<string, string>>;
      readonly keepsScratch?: boolean;
    } = {},
  ): Promise<string> {
    const gateway = model.workloads.find((workload) => workload.name === "edge")!;
    const check = model.jobs.find((job) => job.name === "edge-check")!;
    const volume = options.volume ?? (await this.volume(name));
    const value = (source: SecretSource): string =>
      (source.kind === "configured" ? options.secrets?.[source.key] : undefined) ?? "";
    const of = (container: Container): string[] => [
      ...["--user", `${container.user.uid}:${container.user.gid}`, "--read-only"],
      ...["--cpus", String(container.resources.cpu.limit)],
      ...["--memory", String(container.resources.memory.limit)],
      ...container.scratch.flatMap(({ path, size }) =>
        options.keepsScratch
          ? ["--volume", `${this.scratch(`${name}-scratch`)}:${path}`]
          : ["--tmpfs", `${path}:size=${size},mode=1777`],
      ),
      ...container.files.flatMap(({ file, path }) => {
        const { content } = model.files.find((one) => one.name === file)!;
        return mounted(this.file(`${name}-${file}`, content), path);
      }),
      ...container.secrets.flatMap(({ secret, file }) => {
        const { source } = model.secrets.find((one) => one.name === secret)!;
        return mounted(this.file(`${name}-${secret}`, value(source)), `/run/secrets/${file}`);
      }),
      ...container.volumes.flatMap(({ path }) => ["--volume", `${volume}:${path}`]),
    ];
    const [program, ...args] = check.command as [string, ...string[]];
    await this.finish([...of(check), "--entrypoint", program, check.image, ...args]);
    return this.start(name, [...of(gateway), gateway.image], options.aliases);
  }

  /** Ends a container as an engine does, and starts it again. @returns its address */
  async again(name: string): Promise<string> {
    await must("docker", ["restart", "--time", "20", this.named(name)]);
    return this.address(name);
  }

  /** This machine's own address on the network: where requests of the tests come from. */
  host(): Promise<string> {
    const format = "{{(index .IPAM.Config 0).Gateway}}";
    return must("docker", ["network", "inspect", "--format", format, this.id]);
  }

  /** What a command in a container says. */
  exec(name: string, command: readonly string[]): Promise<string> {
    return must("docker", ["exec", this.named(name), ...command]);
  }

  /** What a container has said, on both ways out. */
  async logs(name: string): Promise<string> {
    const { stdout, stderr } = await run("docker", ["logs", this.named(name)]);
    return stdout + stderr;
  }

  async remove(name: string): Promise<void> {
    await must("docker", ["rm", "--force", "--volumes", this.named(name)]);
  }

  /** Path of a file that containers can read. */
  file(name: string, content: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, content);
    // Whatever the umask.
    chmodSync(path, 0o644);
    return path;
  }

  /** A folder that every container may write to. */
  private scratch(name: string): string {
    const path = join(this.folder, name);
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o1777);
    return path;
  }

  /** Runs a container to its end, and gives back what it says. */
  finish(args: readonly string[]): Promise<string> {
    return must("docker", ["run", "--rm", ...this.common, ...args]);
  }

  /** A volume that goes with the rest. */
  async volume(name: string): Promise<string> {
    const volume = this.named(name);
    await must("docker", ["volume", "create", volume]);
    return volume;
  }

  private named(name: string): string {
    return `${this.id}-${name}`;
  }

  private get common(): string[] {
    return ["--network", this.id, "--cap-drop", "ALL", "--init"];
  }
}
