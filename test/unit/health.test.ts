import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { healthTables } from "../../components/observability/health-page";
import { allAlerts } from "../../components/observability/page";
import { ruleFile } from "../../components/observability/rules";
import { checkId, type HealthCheck, type HealthLimits, levelOf } from "../../model/health";
import type { SystemModel } from "../../model/system";
import { describeStack } from "../../stack/describe";
import { systems } from "../../systems";
import { watchedShop } from "../support/watched";

const described = (values: Record<string, string>): readonly SystemModel[] =>
  describeStack("dev", { values, isSecret: () => false }, systems).systems;

const grupoGad = (monitoring: "off" | "full"): readonly SystemModel[] => described({ monitoring });

const all = (models: readonly SystemModel[]): (HealthCheck & { system: string })[] =>
  models.flatMap(({ name: system, checks }) => checks.map((check) => ({ ...check, system })));

const ids = (checks: readonly HealthCheck[]): string[] => checks.map(checkId);

function expectFile(path: readonly string[], text: string): void {
  const file = join(__dirname, "..", "..", ...path);
  if (process.env["UPDATE_GOLDEN"] === "1") {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  expect(existsSync(file) && readFileSync(file, "utf8")).toBe(text);
}

const limitText = ({ beyond, warning, critical }: HealthLimits): string =>
  [
    ...(warning === undefined ? [] : [`warning ${beyond} ${warning}`]),
    ...(critical === undefined ? [] : [`critical ${beyond} ${critical}`]),
  ].join(", ");

describe("a value and its limits", () => {
  const above = { beyond: "above", warning: 0.8, critical: 0.95 } as const;
  const below = { beyond: "below", warning: 2, critical: 1 } as const;
  test.each([
    [0.8, above, "well"],
    [0.81, above, "warning"],
    [0.95, above, "warning"],
    [0.96, above, "critical"],
    [2, below, "well"],
    [1, below, "warning"],
    [0, below, "critical"],
    [1, { beyond: "above", critical: 0 }, "critical"],
    [1e9, undefined, "well"],
  ] as const)("%d with %j is %s", (value, limits, level) => {
    expect(levelOf(value, limits)).toBe(level);
  });
});

describe("the checks of GRUPO_GAD", () => {
  test.each(["off", "full"] as const)("with monitoring %s are those of the golden file", (mode) => {
    const lines = all(grupoGad(mode)).map(
      (check) =>
        `${check.system}/${checkId(check)}: ${check.title}; ${check.limits === undefined ? "no limit" : limitText(check.limits)}`,
    );
    const path = ["test", "golden", "files", "health", `grupo-gad.${mode}.txt`];
    expectFile(path, `${lines.join("\n")}\n`);
  });

  test("are 25 and more, without what the engine says of each workload, in every group but MongoDB", () => {
    const checks = all(grupoGad("full"));
    expect(checks.filter(({ ask }) => ask.kind !== "workload").length).toBeGreaterThanOrEqual(25);
    const groups = new Set(checks.map(({ group }) => group));
    expect([...groups].sort()).toEqual(
      ["engine", "node", "gateway", "api", "websocket", "certificate"]
        .concat(["postgresql", "redis", "monitoring"])
        .sort(),
    );
  });

  test("are fewer where nobody observes: no machine, no question for Prometheus", () => {
    const checks = all(grupoGad("off"));
    expect(checks.filter(({ ask }) => ask.kind === "query")).toEqual([]);
    expect(checks.length).toBeGreaterThan(20);
    expect(checks.length).toBeLessThan(all(grupoGad("full")).length);
  });

  /** GG-08 names these limits. */
  test.each([
    ["api/latency", { beyond: "above", warning: 0.3, critical: 0.5 }],
    ["edge/time@gad.localhost", { beyond: "above", warning: 0.3, critical: 0.5 }],
    ["api/errors", { beyond: "above", warning: 0.01, critical: 0.05 }],
    ["machine/disk", { beyond: "below", warning: 0.2, critical: 0.1 }],
    ["machine/memory", { beyond: "above", warning: 0.85, critical: 0.9 }],
    ["machine/cpu", { beyond: "above", warning: 0.9, critical: 0.95 }],
  ])("%s has GG-08's limits", (id, limits) => {
    expect(all(grupoGad("full")).find((check) => checkId(check) === id)?.limits).toEqual(limits);
  });

  test("of a certificate of a public authority end at 7 days", () => {
    const [model] = described({
      "grupo-gad": '{"domain":"gad.example.org","acmeEmail":"ops@example.org"}',
    });
    const check = model!.checks.find(({ name }) => name === "certificate")!;
    expect(check.limits?.critical).toBe(7 * 86_400);
    expect(check.ask).toMatchObject({ host: "gad.example.org", port: 443, verify: true });
  });
});

describe("the checks of every kind of component", () => {
  const models = watchedShop();
  const checks = all(models);

  test("have ids of their own in their system", () => {
    for (const model of models) {
      expect(new Set(ids(model.checks)).size).toBe(model.checks.length);
    }
  });

  test("are there for every workload, and every store and service is asked itself", () => {
    const kinds = (what: string): string[] =>
      checks.flatMap(({ system, ask }) =>
        ask.kind === "workload" && ask.what === what ? [`${system}/${ask.workload}`] : [],
      );
    const workloads = models.flatMap(({ name, workloads: of }) =>
      of.map((w) => `${name}/${w.name}`),
    );
    expect(kinds("instances").sort()).toEqual(workloads.sort());
    const asked = checks.flatMap(({ ask }) => (ask.kind === "ready" ? [ask.workload] : []));
    expect(asked.sort()).toEqual(
      [
        "alertmanager",
        "api",
        "bot",
        "db",
        "db-backup",
        "db-pool",
        "documents",
        "documents-backup",
        "pages",
        "prometheus",
        "sessions",
        "sessions-backup",
      ]
        .concat("grafana", "loki", "worker")
        .sort(),
    );
  });

  test("name what runs, and a section of the page of alerts", () => {
    const sections = new Set(allAlerts.map(({ name }) => name));
    const running = new Set(
      models.flatMap(({ name, workloads }) => workloads.map((w) => `${name}/${w.name}`)),
    );
    for (const { system, ask, alert } of checks) {
      if (alert !== undefined) expect(sections).toContain(alert);
      if ("workload" in ask) expect(running).toContain(`${system}/${ask.workload}`);
    }
  });

  test("have a warning before what is critical, never after it", () => {
    for (const { limits } of checks) {
      if (limits?.warning === undefined || limits.critical === undefined) continue;
      const { beyond, warning, critical } = limits;
      expect(beyond === "above" ? critical - warning : warning - critical).toBeGreaterThanOrEqual(
        0,
      );
    }
  });

  test("of Redis go by what it is for", () => {
    const of = (component: string): string[] =>
      checks.filter((c) => c.component === component && c.group === "redis").map((c) => c.name);
    expect(of("sessions")).toContain("memory");
    expect(of("pages")).toEqual(expect.arrayContaining(["evictions"]));
    expect(of("pages")).not.toContain("memory");
  });

  test("ask each host of a gateway", () => {
    expect(ids(checks)).toEqual(
      expect.arrayContaining(["counter/usable@a.example.org", "counter/usable@b.example.org"]),
    );
  });
});

describe("what the stack records of itself every five minutes", () => {
  const models = watchedShop();

  test("is every check that Prometheus answers, as its value and what that means", () => {
    for (const model of models) {
      const group = ruleFile(model, "").groups.find(({ name }) => name === `${model.name}/health`);
      const asked = model.checks.filter(({ ask }) => ask.kind === "query");
      const wanted = asked.flatMap((check) =>
        ["atalaya_health_value", "atalaya_health"].map((record) => `${record} ${checkId(check)}`),
      );
      const rules = group?.rules ?? [];
      const recorded = rules.map((r) => `${"record" in r ? r.record : ""} ${r.labels["check"]}`);
      expect(recorded).toEqual(wanted);
      // Nothing is asked of Prometheus about Loki: its alerts say more.
      expect(group?.interval).toBe(wanted.length === 0 ? undefined : "5m");
    }
  });

  test("is nothing where nobody observes", () => {
    const [model] = grupoGad("off");
    expect(ruleFile(model!, "").groups).toEqual([]);
  });

  test("has alerts for each component, which its other alerts silence, and a warning never a critical one", () => {
    const { alerts } = models.find(({ name }) => name === "shop")!;
    const of = (name: string): (typeof alerts)[number] =>
      alerts.find((alert) => alert.name === name && alert.component === "db")!;
    expect(of("HealthCheckCritical").within).toContain("DatabaseDown");
    expect(of("HealthCheckCritical").within).not.toContain("DatabaseConnectionsHigh");
    expect(of("HealthCheckWarning").within).toEqual(
      expect.arrayContaining(["HealthCheckCritical", "DatabaseDown", "DatabaseConnectionsHigh"]),
    );
    expect(of("HealthCheckMissing").expr).toContain(" < 9");
  });
});

describe.each([
  ["en", "health.md"],
  ["es", "salud.md"],
] as const)("the page of health checks, %s", (language, name) => {
  const MARK = "<!-- written from components/*/health-checks.ts -->";

  test("ends with the tables of the components", () => {
    const file = join(__dirname, "..", "..", "docs", name);
    const [text] = readFileSync(file, "utf8").split(MARK);
    expectFile(["docs", name], `${text!.trimEnd()}\n\n${MARK}\n\n${healthTables(language)}\n`);
  });
});
