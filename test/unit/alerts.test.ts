import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { allAlerts, alertsPage } from "../../components/observability/page";
import { runbookUrl } from "../../model/observability";
import { alertsOf, watchedShop } from "../support/watched";
import { ROOT } from "../support/workspace";

const models = watchedShop();
const alerts = alertsOf(models);

/**
 * What GG-07 names, with its limit as it stands in a rule.
 */
const GIVEN = {
  HighErrorRate: ["critical", / > 0\.05 /],
  APIDown: ["critical", / == 0$/],
  DatabaseDown: ["critical", / == 0$/],
  RedisDown: ["critical", / == 0$/],
  HighLatency: ["critical", /histogram_quantile\(0\.95, .* > 0\.5 /],
  DiskSpaceLow: ["critical", / < 0\.1$/],
  HighMemoryUsage: ["critical", / > 0\.9$/],
  SSLCertificateExpiring: ["critical", new RegExp(` < ${7 * 24 * 3_600}$`)],
  ModerateErrorRate: ["warning", / > 0\.01 /],
  SlowAPIResponse: ["warning", /histogram_quantile\(0\.95, .* > 0\.2 /],
  DatabaseConnectionsHigh: ["warning", / > 0\.8$/],
  RedisMemoryHigh: ["warning", / > 0\.8$/],
  ContainerRestarting: ["warning", / > \d+$/],
  LogErrors: ["warning", / > 10$/],
  BackupFailed: ["warning", new RegExp(` > ${5 * 3_600}$`)],
} as const;

test.each(Object.entries(GIVEN))("GG-07: %s", (name, [severity, limit]) => {
  const of = alerts.filter((alert) => alert.name === name);
  expect(of.length).toBeGreaterThan(0);
  expect(of.filter((alert) => alert.severity !== severity)).toEqual([]);
  expect(of.some(({ expr }) => limit.test(expr))).toBe(true);
});

test("GG-07: the eight that are ours to choose are warnings, and marked so", () => {
  const marked = (gg07: "given" | "ours"): string[] =>
    allAlerts.filter((rule) => rule.gg07 === gg07).map(({ name }) => name);
  expect(marked("given").sort()).toEqual(Object.keys(GIVEN).sort());
  expect(marked("ours")).toHaveLength(8);
  const severities = allAlerts.filter(({ gg07 }) => gg07 === "ours").map((rule) => rule.severity);
  expect(new Set(severities)).toEqual(new Set(["warning"]));
});

test("what silences an alert is an alert", () => {
  const names = new Set(allAlerts.map(({ name }) => name));
  const unknown = alerts.flatMap(({ within }) => within).filter((name) => !names.has(name));
  expect(unknown).toEqual([]);
});

test("a summary has the current value, where there is more than one that it can be", () => {
  // Whether something is damaged, or is not asked.
  const flags = ["BackupPagesDamaged", "BackupDamaged", "ProbesDown", "Watchdog"];
  const without = alerts.filter(
    ({ name, expr, summary }) =>
      !summary.includes("{{ $value") && !/ (?:== 0|< 1)$/.test(expr) && !flags.includes(name),
  );
  expect(without.map(({ name }) => name)).toEqual([]);
});

test("a repository that cannot be read has the age of the backup that was last seen in it", () => {
  const unreadable =
    /max_over_time\(atalaya_backup_completed_timestamp_seconds\{.*\}\[8d\]\)\) and min by \(repository\) \(atalaya_backup_repository_ok\{.*\}\) == 0\)/;
  const aged = alerts.filter(({ name }) => ["BackupFailed", "BackupTooOld"].includes(name));
  expect(new Set(aged.map(({ component }) => component)).size).toBe(3);
  expect(aged.filter(({ expr }) => !unreadable.test(expr))).toEqual([]);
  const checks = models.flatMap((model) =>
    model.checks.filter(({ name }) => name === "backup-age"),
  );
  expect(checks).toHaveLength(3);
  for (const { ask } of checks) {
    const expr = ask.kind === "query" ? ask.expr : "";
    expect(expr).toMatch(unreadable);
    // Before the first backup all is well, but only where somebody could see that there is none.
    expect(expr).toMatch(/ or 0 \* max\(atalaya_backup_repository_ok\{.*\} == 1\)$/);
  }
});

test("PostgreSQL's changes are late by what waits, which our own question asks for", () => {
  const text = (file: string): string =>
    readFileSync(join(ROOT, "images/monitoring", file), "utf8");
  const asked = parse(text("postgres-queries.yml")) as Record<string, { metrics: object[] }>;
  const metrics = Object.entries(asked).flatMap(([space, of]) =>
    of.metrics.flatMap((metric) => Object.keys(metric).map((name) => `${space}_${name}`)),
  );
  expect(metrics).toEqual(["pg_wal_waiting_age_seconds"]);
  expect(alerts.find(({ name }) => name === "WalArchivingSlow")!.expr).toBe(
    `max(${metrics[0]}{system="shop",component="db"}) > 300`,
  );
  const [, path] = /COPY postgres-queries\.yml (\S+)/.exec(text("Dockerfile"))!;
  expect(text("atalaya-monitoring")).toContain(` --extend.query-path=${path} `);
});

describe.each([
  ["en", "alerts.md"],
  ["es", "alertas.md"],
] as const)("the page of alerts, %s", (language, name) => {
  const page = alertsPage(language);

  test("is what stands in docs", () => {
    const file = join(__dirname, "..", "..", "docs", name);
    if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(file, page);
    expect(existsSync(file) && readFileSync(file, "utf8")).toBe(page);
  });

  test("has one section for each alert, where its message leads to", () => {
    const anchors = [...page.matchAll(/^### (\w+)$/gm)].map(([, text]) => text!.toLowerCase());
    expect(new Set(anchors).size).toBe(anchors.length);
    const wanted = alerts.map((alert) => runbookUrl("", alert.name).slice(1));
    expect([...new Set(wanted)].filter((anchor) => !anchors.includes(anchor))).toEqual([]);
  });
});
