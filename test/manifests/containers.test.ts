import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { ruleFile } from "../../components/observability/rules";
import { prometheusConfig } from "../../components/observability/targets";
import type { SystemModel } from "../../model/system";
import { kubernetes } from "../../platforms/kubernetes/kubernetes";
import { swarm } from "../../platforms/swarm/swarm";
import { until } from "../support/poll";
import { watchedShop } from "../support/watched";
import { freePorts } from "../support/workspace";
import { program } from "./monitoring-tools";
import { BUILD_MS } from "./tools";

jest.setTimeout(120_000);

/**
 * A real Prometheus, as a stack's is told to read what a node shows of its containers: each has the labels of its own
 * system, and so have the alerts about it; containers of others are not there (PR-03).
 */
const models = watchedShop();
/** Its name begins as the shop's. */
const branch: SystemModel = {
  ...models[0]!,
  name: "shop-db",
  workloads: models[0]!.workloads.filter(({ name }) => name === "api"),
  scrapes: [],
  probes: [],
};

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
}

class Watching {
  private constructor(
    private readonly folder: string,
    private readonly exporter: Server,
    private readonly prometheus: ChildProcess,
    private readonly address: string,
  ) {}

  /** @param names of containers, each of which has had two processes killed */
  static async of(platform: typeof swarm | typeof kubernetes, names: string[]): Promise<Watching> {
    let kills = 0;
    const exporter = createServer((_, response) => {
      kills += 2;
      const lines = names.map(
        (n, i) => `container_oom_events_total{id="${i}",name="${n}"} ${kills}`,
      );
      response.setHeader("content-type", "text/plain; version=0.0.4");
      response.end(`process_start_time_seconds 1\n${lines.join("\n")}\n`);
    }).listen(0, "127.0.0.1");
    await new Promise((ready) => exporter.once("listening", ready));
    const folder = mkdtempSync(join(tmpdir(), "atalaya-containers-"));
    const [port] = await freePorts(1);
    const config = prometheusConfig({
      systems: [...models, branch],
      address: (system, workload) => platform.instances("prod", system, workload),
      containers: (system, workload) => platform.containers("prod", system, workload),
      interval: 1,
      ruleFiles: ["rules.yml"],
      ...{ alertmanager: 9093, blackbox: 9115 },
    }) as { scrape_configs: { job_name: string }[] };
    const job = config.scrape_configs.find(({ job_name }) => job_name === "nodes/containers")!;
    const target = `127.0.0.1:${(exporter.address() as AddressInfo).port}`;
    const own = {
      ...config,
      alerting: {},
      global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
      // In the place of the nodes that a name would lead to.
      scrape_configs: [{ ...job, dns_sd_configs: [], static_configs: [{ targets: [target] }] }],
    };
    const nodes = models.find(({ name }) => name === "nodes")!;
    writeFileSync(join(folder, "prometheus.yml"), stringify(own));
    writeFileSync(join(folder, "rules.yml"), stringify(ruleFile(nodes, "")));
    const prometheus = spawn(
      await program("prometheus"),
      [
        `--config.file=${join(folder, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
        "--log.level=error",
      ],
      { stdio: "ignore" },
    );
    return new Watching(folder, exporter, prometheus, `http://127.0.0.1:${port}`);
  }

  async ask(expr: string): Promise<Readonly<Record<string, string>>[]> {
    const response = await fetch(`${this.address}/api/v1/query?query=${encodeURIComponent(expr)}`);
    const { data } = (await response.json()) as { data: { result: Sample[] } };
    return data.result.map(({ metric }) => metric);
  }

  /** Once there is an answer. */
  async answer(expr: string): Promise<Readonly<Record<string, string>>[]> {
    let found: Readonly<Record<string, string>>[] = [];
    await until(`an answer to ${expr}`, { within: 60_000 }, async () => {
      found = await this.ask(expr);
      return found.length > 0;
    });
    return found;
  }

  async end(): Promise<void> {
    const ended = new Promise((end) => this.prometheus.once("exit", end));
    this.prometheus.kill();
    await ended;
    this.exporter.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

describe.each([
  ["Swarm", swarm, (system: string, workload: string) => `prod-${system}-${workload}`],
  ["Kubernetes", kubernetes, (system: string, workload: string) => `prod-${system}/${workload}`],
] as const)("on %s", (_, platform, called) => {
  let watching: Watching;
  beforeAll(async () => {
    watching = await Watching.of(platform, [
      called("shop", "db-pool"),
      // The platform's own.
      called("shop", "edge-front"),
      called("shop-db", "api"),
      called("observability", "prometheus"),
      // Another stack's, and one that is no workload.
      called("shop", "api").replace("prod", "staging"),
      called("shop", "somebody"),
    ]);
  }, BUILD_MS);
  afterAll(() => watching.end());

  test("each has its own system's labels, and others are not there", async () => {
    const found = await watching.answer("container_oom_events_total");
    const whose = found.map(({ system, component, workload }) => [system, component, workload]);
    expect(whose.sort()).toEqual([
      ["observability", "prometheus", "prometheus"],
      ["shop", "db-pool", "db-pool"],
      ["shop", "edge-front", "edge-front"],
      ["shop-db", "api", "api"],
    ]);
    expect(found.every((labels) => !("name" in labels))).toBe(true);
  });

  test("what the observer shows of itself stays its own", async () => {
    const [own] = await watching.answer("process_start_time_seconds");
    expect(own).toMatchObject({ system: "nodes", component: "containers", workload: "containers" });
  });

  test("an alert goes to whom it is about", async () => {
    const fires = 'ALERTS{alertname="ContainerOutOfMemory",alertstate="firing"}';
    const found = await watching.answer(fires);
    expect(found.map(({ system, component }) => `${system}/${component}`).sort()).toEqual([
      "observability/prometheus",
      "shop-db/api",
      "shop/db-pool",
      "shop/edge-front",
    ]);
  });
});
