import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { RECENT_OUTAGE, recentOutages, ruleFile } from "../../components/observability/rules";
import { runbookUrl } from "../../model/observability";
import { kubernetes } from "../../platforms/kubernetes/kubernetes";
import { grupoGad } from "../../systems/grupo-gad";
import { run } from "../support/commands";
import { describeObserved, OPERATOR } from "../support/systems";
import { alertsOf, watchedShop } from "../support/watched";
import { type AlertCase, cases } from "./alert-cases";
import { program } from "./monitoring-tools";
import { BUILD_MS } from "./tools";

jest.setTimeout(60_000);

/** What Prometheus' own checker makes of every alert: when it fires, and when it does not (GG-07). */
const PAGE = "https://docs.example.org/alerts";
const models = watchedShop();
const alerts = alertsOf(models);

/** Prometheus itself. */
const ANSWERS = 'up{system="observability",component="prometheus",workload="prometheus"}';

/** Seconds between two evaluations, as in our configuration. */
const EVALUATION = 5;

let promtool: string;
let folder: string;
beforeAll(async () => {
  promtool = await program("promtool");
  folder = mkdtempSync(join(tmpdir(), "atalaya-alerts-"));
  for (const model of models) {
    const groups = [...ruleFile(model, PAGE).groups, ...recentOutages(model)];
    writeFileSync(join(folder, `${model.name}.yml`), stringify({ groups }));
  }
}, BUILD_MS);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Expectation {
  readonly seconds: number;
  readonly fires: boolean;
}

const find = (of: AlertCase): (typeof alerts)[number] =>
  alerts.find(
    ({ name, component, system }) =>
      name === of.alert && component === of.component && system === (of.system ?? "shop"),
  )!;

/**
 * Has promtool run a file of rules against series.
 * @param expects in promtool's words
 * @param interval seconds between two values
 * @returns what it says where something is not as expected
 */
async function promtest(
  rules: string,
  series: Readonly<Record<string, string>>,
  expects: object,
  interval = 15,
): Promise<string> {
  const file = `${rules}.test.yml`;
  // Somebody has answered for long.
  const input = Object.entries({ [ANSWERS]: "1x300", ...series }).map(([name, values]) => ({
    series: name,
    values,
  }));
  writeFileSync(
    file,
    stringify({
      rule_files: [rules],
      evaluation_interval: `${EVALUATION}s`,
      tests: [{ interval: `${interval}s`, input_series: input, ...expects }],
    }),
  );
  const { code, stdout, stderr } = await run(promtool, ["test", "rules", file]);
  return code === 0 ? "" : `${stdout}${stderr}`;
}

/**
 * Runs a rule against series; what promtool says where it is not as expected.
 * @param interval seconds between two questions
 */
async function judge(
  of: AlertCase,
  series: Readonly<Record<string, string>>,
  expected: readonly Expectation[],
  interval = 15,
): Promise<string> {
  const alert = find(of);
  const firing = {
    exp_labels: {
      system: alert.system,
      component: alert.component,
      severity: alert.severity,
      ...of.labels,
    },
    exp_annotations: {
      summary: of.summary,
      description: alert.description,
      runbook_url: runbookUrl(PAGE, alert.name),
    },
  };
  // Every other alert of that name stays out of it.
  const model = models.find((m) => m.name === alert.system)!;
  const only = ruleFile({ ...model, alerts: [alert], checks: [] }, PAGE, interval);
  const rules = join(folder, `${alert.system}-${alert.component}-${alert.name}.rules.yml`);
  writeFileSync(rules, stringify(only));
  const alert_rule_test = expected.map(({ seconds, fires }) => ({
    eval_time: `${seconds}s`,
    alertname: alert.name,
    exp_alerts: fires ? [firing] : [],
  }));
  return promtest(rules, series, { alert_rule_test }, interval);
}

const text = ({ system = "shop", component, alert }: AlertCase): string =>
  `${system}/${component} ${alert}`;

test("every alert has a case, and every case an alert", () => {
  // The watchdog has no limit that something could be below of.
  const own = alerts
    // The second service is there for its links.
    .filter(({ name, component }) => name !== "Watchdog" && component !== "worker")
    .map(({ system, component, name }) => `${system}/${component} ${name}`);
  expect(cases.map(text).sort()).toEqual(own.sort());
});

/** What promtool says of rule files. */
const check = (...files: string[]): ReturnType<typeof run> =>
  run(promtool, ["check", "rules", "--lint=all", "--lint-fatal", ...files]);

test("promtool takes every rule file, with no rule twice", async () => {
  const files = models.map(({ name }) => join(folder, `${name}.yml`));
  const { code, stdout, stderr } = await check(...files);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain("SUCCESS");
});

test("promtool takes the groups of every PrometheusRule as well (FV-07)", async () => {
  const handed = describeObserved(
    ...([kubernetes, "prod", [[grupoGad, {}]]] as const),
    ...([{}, {}, true] as const),
  );
  const site = {
    ...({ stack: "prod", entrance: { type: "load-balancer" }, verticalAutoscaler: false } as const),
    prometheusOperator: OPERATOR,
  };
  const objects = handed.flatMap((model) => kubernetes.lower(model, site).objects);
  const rules = objects.filter(({ manifest }) => manifest.kind === "PrometheusRule");
  expect(rules.map(({ manifest }) => manifest.metadata.name)).toEqual([
    ...["grupo-gad", "logs", "nodes", "observability"],
  ]);
  for (const { manifest } of rules) {
    const file = join(folder, `operator-${manifest.metadata.name}.yml`);
    writeFileSync(file, stringify(manifest.spec));
    const { code, stdout, stderr } = await check(file);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/SUCCESS: [1-9]\d* rules found/);
  }
});

describe.each(cases.map((of) => [text(of), of] as const))("%s", (_, of) => {
  test("fires just over its limit, when it has held as long as it must, and not before", async () => {
    const fires = of.from + find(of).for;
    const before = fires - EVALUATION;
    const moments = [
      ...(before < 0 ? [] : [{ seconds: before, fires: false }]),
      { seconds: fires, fires: true },
    ];
    for (const series of [of.over].flat()) {
      expect(await judge(of, series, moments)).toBe("");
    }
  });

  test("stays silent just below it", async () => {
    for (const series of [of.below].flat()) {
      // Half an hour, or until well after the limit would have told.
      const end = Math.max(1_800, of.from + find(of).for + 300);
      const moments = Array.from({ length: 120 }, (_, i) => ({
        seconds: Math.round((end * i) / (120 * EVALUATION)) * EVALUATION,
        fires: false,
      }));
      expect(await judge(of, series, moments)).toBe("");
    }
  });
});

describe("where 30 s lie between two questions", () => {
  const answers: Record<string, (values: string) => Record<string, string>> = {
    "api APIDown": (values) => ({ 'up{system="shop",component="api",workload="api"}': values }),
    "db DatabaseDown": (values) => ({ 'pg_up{system="shop",component="db"}': values }),
    "sessions RedisDown": (values) => ({ 'redis_up{system="shop",component="sessions"}': values }),
    "documents MongoDown": (values) => ({
      'mongodb_up{system="shop",component="documents"}': values,
    }),
  };
  const always = (seconds: readonly number[], fires: boolean): Expectation[] =>
    seconds.map((each) => ({ seconds: each, fires }));

  test.each(Object.keys(answers))("%s wants more than one answer", async (which) => {
    const of = cases.find((each) => `${each.component} ${each.alert}` === which)!;
    const series = answers[which]!;
    // From 330 s on, or once then.
    const every = Array.from({ length: 240 }, (_, i) => i * EVALUATION);
    expect(await judge(of, series("1x10 0 1x60"), always(every, false), 30)).toBe("");
    const told = [...always([365], false), ...always([370, 400, 600], true)];
    expect(await judge(of, series("1x10 0x60"), told, 30)).toBe("");
  });

  test.each([
    ["its machine is gone", "7x11 stale", false],
    ["it is there", "7x60", true],
  ])("a database's exporter has people wait, and %s", async (_, there, fires) => {
    const of = cases.find((each) => each.alert === "DatabaseDown")!;
    const exporter = 'system="shop",component="db",workload="db-metrics"';
    const shown = (workload: string): string =>
      `container_start_time_seconds{system="shop",component="${workload}",workload="${workload}"}`;
    const series = {
      ...{ [`up{${exporter}}`]: "1x10 0x60", [`scrape_duration_seconds{${exporter}}`]: "10x70" },
      ...{ [shown("db-metrics")]: there, [shown("api")]: "7x70" },
    };
    const every = Array.from({ length: 280 }, (_, i) => i * EVALUATION).filter(
      (at) => !fires || at >= 410,
    );
    expect(await judge(of, series, always(every, fires), 30)).toBe("");
  });

  test("a service is asked before it is told as away, when Prometheus has just begun", async () => {
    const of = cases.find(({ component, alert }) => component === "api" && alert === "APIDown")!;
    const every = Array.from({ length: 60 }, (_, i) => i * EVALUATION);
    const series = answers["api APIDown"]!("_x1 1x60");
    expect(await judge(of, series, always(every, false), 30)).toBe("");
  });
});

test("the watchdog fires from the first moment on", async () => {
  const watchdog = {
    system: "observability",
    component: "prometheus",
    alert: "Watchdog",
    summary: "alerts get through",
  };
  const of = { ...watchdog, over: {}, below: {}, from: 0 };
  expect(await judge(of, {}, [{ seconds: 0, fires: true }])).toBe("");
});

test("a certificate that has ended goes on being told of, when who verifies gets no answer any more", async () => {
  const host = "shop.example.org";
  const end = (probe: string): string =>
    `probe_ssl_earliest_cert_expiry{system="shop",component="edge",host="${host}",probe="${probe}"}`;
  const of = {
    ...{ component: "edge", alert: "SSLCertificateExpiring", labels: { host }, from: 0 },
    ...{ over: {}, below: {} },
    summary: `edge: the certificate of ${host} has ended`,
  };
  // It ends at 315 s.
  const series = { [end("https")]: "315x20 stale", [end("certificate")]: "315x140" };
  const moments = [330, 1_800].map((seconds) => ({ seconds, fires: true }));
  expect(await judge(of, series, moments)).toBe("");
});

test.each([45, 165, 345])("an outage is known for %i s more, and no longer", async (silence) => {
  // From 315 s on it lets nobody in, from 615 s on it does.
  const [down, over] = [315 + 15, 615];
  const moments = [
    { at: down - EVALUATION, known: false },
    // What has just begun to fire is seen by the next evaluation.
    { at: down + EVALUATION, known: true },
    { at: over + silence - EVALUATION, known: true },
    { at: over + silence + EVALUATION, known: false },
  ];
  const recent = `alertname="${RECENT_OUTAGE}",component="db",silence="${silence}s",alertstate="firing"`;
  const series = { 'pg_up{system="shop",component="db"}': "1x20 0x19 1x60" };
  const told = await promtest(join(folder, "shop.yml"), series, {
    promql_expr_test: moments.map(({ at, known }) => ({
      expr: `count(ALERTS{${recent}})`,
      eval_time: `${at}s`,
      exp_samples: known ? [{ labels: "{}", value: 1 }] : [],
    })),
  });
  expect(told).toBe("");
});
