import { randomInt } from "node:crypto";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { must, run, type Running, start } from "./commands";
import type { Target } from "./https";
import { type LoadOptions, type LoadReport, together } from "./load";

/**
 * Clients with addresses of their own. On loopback all requests reach the gateway from one address, so
 * each client is a network namespace with a cable to this machine: `10.203.<n>.2`. Needs root, or sudo
 * without a password.
 */
export class Clients {
  private readonly names: string[] = [];
  /** Third number of each client's addresses. */
  private readonly subnets: number[] = [];

  private constructor(private readonly id: string) {}

  /** @param id tells the namespaces of several runs apart; a few letters and digits */
  static async create(id: string, count: number): Promise<Clients> {
    const clients = new Clients(id);
    try {
      for (let n = 1; n <= count; n++) await clients.add(n);
    } catch (error) {
      await clients.remove();
      throw error;
    }
    return clients;
  }

  get count(): number {
    return this.names.length;
  }

  /**
   * Runs one of this folder's programs at a client's address, to its end.
   * @param file its argument is the options as JSON, with the target as the client sees it
   * @returns what it printed, read as JSON
   */
  async node<T>(client: number, file: string, target: Target, options: object): Promise<T> {
    const { code, stdout, stderr } = await this.start(client, file, target, options).ended;
    if (code !== 0 || stdout === "") throw new Error(`${file}: exit code ${code}\n${stderr}`);
    return JSON.parse(stdout) as T;
  }

  /** Starts steady load from every client, `rate` requests a second in all; resolves once it flows. */
  async load(target: Target, rate: number, prefix: string, maxSeconds = 300): Promise<RunningLoad> {
    const running = this.names.map((_name, client) =>
      this.start(client, "load-main.ts", target, {
        rate: rate / this.names.length,
        maxSeconds,
        prefix: `${prefix}-${client}`,
      } satisfies Omit<LoadOptions, "target">),
    );
    await Promise.all(
      running.map(async ({ child, ended }) => {
        const first = new Promise((resolve) => child.stderr?.once("data", resolve));
        await Promise.race([first, ended]);
      }),
    );
    return new RunningLoad(running);
  }

  async remove(): Promise<void> {
    for (const name of this.names.splice(0)) {
      const [program, ...args] = asRoot("ip", ["netns", "del", name]);
      await run(program!, args);
    }
  }

  private start(client: number, file: string, target: Target, options: object): Running {
    const own = JSON.stringify({
      ...options,
      // Loopback is another one in there; this machine is at the end of the cable.
      target: { address: `10.203.${this.subnets[client]}.1`, ...target },
    });
    const node = [process.execPath, "--require", "tsx/cjs", join(__dirname, file), own];
    const [program, ...args] = asRoot("ip", ["netns", "exec", this.names[client]!, ...node]);
    return start(program!, args, { cwd: join(__dirname, "..", "..") });
  }

  private async add(n: number): Promise<void> {
    const subnet = freeSubnet();
    const name = `atalaya-${this.id}-${n}`;
    // At most 15 characters.
    const cable = `at${this.id}${n}`;
    const ip = (...args: string[]): Promise<string> => {
      const [program, ...rest] = asRoot("ip", args);
      return must(program!, rest);
    };
    await ip("netns", "add", name);
    this.names.push(name);
    this.subnets.push(subnet);
    await ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name);
    await ip("addr", "add", `10.203.${subnet}.1/30`, "dev", cable);
    await ip("link", "set", cable, "up");
    await ip("-n", name, "link", "set", "lo", "up");
    await ip("-n", name, "addr", "add", `10.203.${subnet}.2/30`, "dev", "eth0");
    await ip("-n", name, "link", "set", "eth0", "up");
    await ip("-n", name, "route", "add", "default", "via", `10.203.${subnet}.1`);
  }
}

/** Load that is under way. */
export class RunningLoad {
  constructor(private readonly running: readonly Running[]) {}

  /** Ends it and adds the clients' reports up. */
  async stop(): Promise<LoadReport> {
    for (const { signal } of this.running) signal("SIGTERM");
    const reports = await Promise.all(
      this.running.map(async ({ ended }) => {
        const { code, stdout, stderr } = await ended;
        if (code !== 0 || stdout === "") throw new Error(`the load broke off: ${code} ${stderr}`);
        return JSON.parse(stdout) as LoadReport;
      }),
    );
    return together(reports);
  }
}

/** One that no other run on this machine has. */
function freeSubnet(): number {
  const taken = new Set(
    Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)),
  );
  for (;;) {
    const subnet = randomInt(1, 255);
    if (!taken.has(`10.203.${subnet}.1`)) return subnet;
  }
}

function asRoot(command: string, args: readonly string[]): string[] {
  return process.getuid?.() === 0 ? [command, ...args] : ["sudo", "-n", command, ...args];
}
