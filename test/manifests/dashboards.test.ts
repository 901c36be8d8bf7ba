import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { ruleFile } from "../../components/observability/rules";
import { swarm } from "../../platforms/swarm/swarm";
import { floresVictoria } from "../../systems/flores-victoria";
import { grupoGad } from "../../systems/grupo-gad";
import { pronto } from "../../systems/pronto";
import { ROOT } from "../support/workspace";
import { run } from "../support/commands";
import { type Asked, metricsOf, panelQueries } from "../support/panels";
import { describeObserved } from "../support/systems";
import { watchedShop } from "../support/watched";
import { metricsIn } from "./metrics/record";
import { program } from "./monitoring-tools";
import { BUILD_MS } from "./tools";

jest.setTimeout(60_000);

/**
 * Every question of every panel, taken by Prometheus' own parser, and only of what real programs show
 * (`metrics/`, recorded from them). That it has an answer is for a running stack to say (`live/cases/dashboards.ts`).
 */
const models = [
  ...watchedShop(),
  ...describeObserved(swarm, "dev", [
    [floresVictoria, {}],
    [grupoGad, {}],
    [pronto, {}],
  ]),
];
const asked: readonly Asked[] = [
  ...panelQueries(watchedShop()),
  ...panelQueries(models.slice(watchedShop().length)),
];

/** Labels that each metric has at its program, by name. */
const shown = new Map<string, ReadonlySet<string>>();

const remember = (lines: readonly string[]): void => {
  for (const line of lines) {
    const [, name, labels = ""] = /^([\w:]+)(?:\{(.*)\})?$/.exec(line)!;
    shown.set(name!, new Set([...(shown.get(name!) ?? []), ...labels.split(",")]));
  }
};

let promtool: string;
beforeAll(async () => {
  promtool = await program("promtool");
  const folder = join(__dirname, "metrics");
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".txt"))) {
    const [head, ...lines] = readFileSync(join(folder, file), "utf8").trimEnd().split("\n");
    expect(head).toMatch(/^# [\w-]+@\d/);
    remember(lines);
  }
  // What the image of PostgreSQL says of backups and drills, by its own text.
  for (const program of ["atalaya-backup", "atalaya-restore"]) {
    const script = readFileSync(join(ROOT, "images/postgres", program), "utf8");
    remember([...script.matchAll(/# TYPE (\w+) /g)].map(([, name]) => `${name}{repository}`));
  }
  // What our exporter makes of the answers of a MongoDB: its own test compares this text with what it shows.
  const mongodb = join(ROOT, "images/monitoring/mongodb/testdata/metrics.txt");
  remember(metricsIn(readFileSync(mongodb, "utf8")));
  // What Prometheus makes of every target, of its rules and of ours.
  remember(["up", "scrape_duration_seconds", "ALERTS{alertname,alertstate,severity}"]);
  const recorded = models.flatMap((model) =>
    ruleFile(model, "").groups.flatMap(({ rules }) =>
      rules.flatMap((rule) => ("record" in rule ? [rule.record] : [])),
    ),
  );
  remember(recorded.map((name) => `${name}{check,group}`));
}, BUILD_MS);

test("the recorder reads what programs show", () => {
  const text = `# HELP a b\n# TYPE a counter\na 1\nb{x="1",y="a \\" {,}"} 2 1700000000\nb{z="3"} 4\n`;
  expect(metricsIn(text)).toEqual(["a", "b{x,y,z}"]);
});

test("names of metrics are found in our PromQL", () => {
  const expr =
    '(sum by (route) (rate(a_total{x="y{b_total}"}[5m])) or 0 * max(b{c="d"})) / on() (count(e) > 0) and time() - f < 3';
  expect(metricsOf(expr)).toEqual(["a_total", "b", "e", "f"]);
});

test("Prometheus' own parser takes every question", async () => {
  const folder = mkdtempSync(join(tmpdir(), "atalaya-panels-"));
  try {
    const file = join(folder, "panels.yml");
    const rules = asked.map(({ expr }, i) => ({ record: `panel:${i}`, expr }));
    writeFileSync(file, stringify({ groups: [{ name: "panels", rules }] }));
    const { code, stderr } = await run(promtool, ["check", "rules", file]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    // It would not take anything.
    writeFileSync(
      file,
      stringify({ groups: [{ name: "p", rules: [{ record: "a", expr: "sum(" }] }] }),
    );
    expect((await run(promtool, ["check", "rules", file])).code).not.toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** What alerts and checks ask for and no recording has, each with the reason: nothing else may be missing. */
const UNRECORDED: readonly string[] = [
  // Made by the first line that Loki refuses, and the recordings have no Loki.
  "loki_discarded_samples_total",
  // The recording is of the port for lines that were counted; log-agent.test.ts sees these at the agent's own.
  "otelcol_exporter_queue_capacity",
  "otelcol_exporter_queue_size",
];

/** What alerts and health checks ask Prometheus. */
const watched = models.flatMap(({ name: system, alerts, checks }) => [
  ...alerts.map(({ name, component, expr }) => ({ at: `${system}/${component} ${name}`, expr })),
  ...checks.flatMap(({ name, component, ask }) =>
    ask.kind === "query" ? [{ at: `${system}/${component}/${name}`, expr: ask.expr }] : [],
  ),
]);

test("every metric that is asked for is shown by a real program", () => {
  expect(asked.length).toBeGreaterThan(300);
  expect(watched.length).toBeGreaterThan(300);
  const unknown = (questions: readonly { at: string; expr: string }[]): (readonly string[])[] =>
    questions.flatMap(({ at, expr }) =>
      metricsOf(expr).flatMap((name) => (shown.has(name) ? [] : [[at, name]])),
    );
  expect(unknown(asked)).toEqual([]);
  const missing = unknown(watched);
  expect(missing.filter(([, name]) => !UNRECORDED.includes(name!))).toEqual([]);
  // One that is recorded by now is no exception any more.
  expect([...new Set(missing.map(([, name]) => name))].sort()).toEqual(UNRECORDED);
});

/** Labels that Prometheus adds to whatever a target shows. */
const TARGET = new Set(["system", "component", "workload", "host", "instance", "job"]);

test("and has the labels that lines are named and added up by", () => {
  const wrong = asked.flatMap(({ at, expr, legend }) => {
    const labels = metricsOf(expr).flatMap((name) => [...shown.get(name)!]);
    const named = [
      ...[...expr.matchAll(/\bby ?\(([^)]*)\)/g)].flatMap(([, list]) => list!.split(/, */)),
      ...[...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!),
    ];
    return named
      .filter((label) => !TARGET.has(label) && !labels.includes(label))
      .map((label) => `${at}: ${label}`);
  });
  expect(wrong).toEqual([]);
});
