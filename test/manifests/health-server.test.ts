import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { ruleFile } from "../../components/observability/rules";
import { OBSERVER } from "../../model/observability";
import { type Asked, askAll } from "../../operations/health/ask";
import type { HealthEngine } from "../../operations/health/engine";
import { run } from "../../operations/process";
import { until } from "../support/poll";
import { watchedShop } from "../support/watched";
import { freePorts } from "../support/workspace";
import { program } from "./monitoring-tools";
import { BUILD_MS } from "./tools";

jest.setTimeout(120_000);

/** A real Prometheus with our rules, asked by a real promtool as the command asks it (FV-08, GG-08). */
const models = watchedShop();
const shop = models.find(({ name }) => name === "shop")!;

/** What a database's exporter shows: of 100 connections 90 are in use; nothing of its sizes. */
const METRICS = `pg_up 1
pg_settings_max_connections 100
pg_stat_activity_count{state="active"} 30
pg_stat_activity_count{state="idle"} 60
pg_stat_activity_max_tx_duration{state="active"} 12
`;

let folder: string;
let exporter: Server;
let prometheus: ChildProcess;
let promtool: string;
let address: string;

beforeAll(async () => {
  promtool = await program("promtool");
  folder = mkdtempSync(join(tmpdir(), "atalaya-health-server-"));
  exporter = createServer((_, response) => {
    response.setHeader("content-type", "text/plain; version=0.0.4").end(METRICS);
  }).listen(0, "127.0.0.1");
  await new Promise((ready) => exporter.once("listening", ready));
  const target = `127.0.0.1:${(exporter.address() as AddressInfo).port}`;
  // Five minutes are long for a test; all else is what a stack gets.
  const rules = stringify(ruleFile(shop, "")).replaceAll("interval: 5m", "interval: 1s");
  writeFileSync(join(folder, "rules.yml"), rules);
  const labels = { system: "shop", component: "db", workload: "db-metrics" };
  const config = {
    global: { scrape_interval: "1s", evaluation_interval: "1s" },
    rule_files: ["rules.yml"],
    scrape_configs: [{ job_name: "db", static_configs: [{ targets: [target], labels }] }],
  };
  writeFileSync(join(folder, "prometheus.yml"), stringify(config));
  const [port] = await freePorts(1);
  address = `http://localhost:${port}`;
  prometheus = spawn(
    await program("prometheus"),
    [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=error",
    ],
    { stdio: "ignore" },
  );
}, BUILD_MS);
afterAll(async () => {
  const ended = new Promise((end) => prometheus.once("exit", end));
  prometheus.kill();
  await ended;
  exporter.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Everything runs; commands for Prometheus' container are run here. */
const engine: HealthEngine = {
  state: () =>
    Promise.resolve({
      nodesNotReady: 0,
      workloads: new Map([
        [
          `${OBSERVER.system}/${OBSERVER.metrics}`,
          {
            instances: [{ id: "prometheus", reachable: true }],
            absent: 0,
            ended: 0,
            hanging: false,
          },
        ],
      ]),
    }),
  exec: (_, [, ...args], timeoutMs) =>
    run(
      promtool,
      args.map((arg) => arg.replace("http://localhost:9090", address)),
      { timeoutMs },
    ),
  invocation: () => {
    throw new Error("nobody stays here");
  },
  entrance: () => Promise.reject(new Error("nobody asks for it here")),
};

async function asked(): Promise<Record<string, Asked>> {
  const checks = shop.checks
    .filter(({ ask }) => ask.kind === "query")
    .map((check) => ({ ...check, system: "shop" }));
  const all = await askAll(checks, models, engine, 30_000);
  return Object.fromEntries(all.map((of) => [`${of.check.component}/${of.check.name}`, of]));
}

test("the server takes every question; what it measures has a value, what nobody measures is not known", async () => {
  await until(
    "the database has metrics",
    { within: 60_000 },
    async () => (await asked())["db/connections"]?.value !== undefined,
  );
  const found = await asked();
  expect(found["db/queries"]).toMatchObject({ value: 1 });
  expect(found["db/connections"]).toMatchObject({ value: 0.9 });
  expect(found["db/transactions"]).toMatchObject({ value: 12 });
  expect(found["db/size"]).toMatchObject({ value: undefined, note: "no metric says it" });
  // No question is refused: without metrics there is no answer, or that nobody is there.
  const notes = Object.values(found).flatMap(({ note }) => note ?? []);
  expect([...new Set(notes)]).toEqual(["no metric says it"]);
});

test("and records by itself what the values mean", async () => {
  const level = async (check: string): Promise<string> => {
    const expr = `atalaya_health{system="shop",component="db",check="db/${check}"}`;
    const said = await run(promtool, ["query", "instant", "--format=json", address, expr]);
    return (JSON.parse(said.stdout) as { value: [number, string] }[])[0]?.value[1] ?? "none";
  };
  await until(
    "a check is recorded",
    { within: 60_000 },
    async () => (await level("connections")) !== "none",
  );
  expect(await Promise.all(["queries", "connections", "size"].map(level))).toEqual([
    "0",
    "1",
    "none",
  ]);
});
