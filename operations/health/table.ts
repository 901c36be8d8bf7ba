import { HEALTH_GROUPS, type HealthGroup, type HealthUnit } from "../../model/health";
import { colour, table } from "../output";
import type { Report, ReportCheck, Status } from "./report";

const GROUPS: Readonly<Record<HealthGroup, string>> = {
  engine: "Engine and containers",
  node: "Machines",
  gateway: "Gateways",
  api: "Services",
  websocket: "WebSockets",
  certificate: "Certificates",
  postgresql: "PostgreSQL",
  redis: "Redis",
  mongodb: "MongoDB",
  backup: "Backups",
  monitoring: "Monitoring",
};

const MARKS: Readonly<Record<Status, string>> = {
  well: colour.green("well"),
  warning: colour.yellow("WARNING"),
  critical: colour.red("CRITICAL"),
  unknown: colour.yellow("not known"),
};

/** Worst first, where it says what to do. */
const ORDER: readonly Status[] = ["critical", "warning", "unknown"];

/** For people: every check by its group, what to do about those that are not well, and the sum. */
export function drawn(report: Report, { verbose = false }: { verbose?: boolean } = {}): string {
  const shown = HEALTH_GROUPS.flatMap((group) => {
    const checks = report.checks.filter((check) => check.group === group);
    return checks.length === 0 ? [] : [`${colour.bold(GROUPS[group])}\n${rows(checks, verbose)}`];
  });
  const wrong = ORDER.flatMap((status) => report.checks.filter((c) => c.status === status));
  const parts = [
    ...shown,
    ...(wrong.length === 0 ? [] : [`${colour.bold("What to do")}\n${steps(wrong)}`]),
    ...(report.notes.length === 0 ? [] : [report.notes.map((n) => `note  ${n}`).join("\n")]),
    sum(report),
  ];
  return parts.join("\n\n");
}

function rows(checks: readonly ReportCheck[], verbose: boolean): string {
  return table(
    ["", "check", "what", "value", "limits", ...(verbose ? ["asked", "took"] : [])],
    checks.map((check) => [
      MARKS[check.status],
      check.id,
      check.title,
      check.value === undefined ? "–" : written(check.value, check.unit),
      limits(check),
      ...(verbose ? [check.asked, written(check.seconds, "seconds")] : []),
    ]),
  );
}

function limits({ limits: of, unit }: ReportCheck): string {
  if (of === undefined) return "none";
  if (unit === "yes") return "yes";
  const sign = of.beyond === "above" ? "≤" : "≥";
  const [first, second] = [of.warning, of.critical].filter((limit) => limit !== undefined);
  const more =
    second === undefined || second === first ? "" : ` (${sign} ${written(second, unit)})`;
  return `${sign} ${written(first!, unit)}${more}`;
}

/** What was found alike is told once. */
function steps(checks: readonly ReportCheck[]): string {
  const alike = new Map<string, ReportCheck[]>();
  for (const check of checks) {
    const key = JSON.stringify([check.status, check.note, check.fix, check.runbook]);
    alike.set(key, [...(alike.get(key) ?? []), check]);
  }
  return [...alike.values()]
    .flatMap((of) => {
      const { status, note, fix, runbook } = of[0]!;
      const ids = of.map(({ id }) => id).join(", ");
      return [
        `${MARKS[status]}  ${ids}${note === undefined ? "" : `: ${note}`}`,
        ...[fix, runbook].flatMap((line) => (line === undefined ? [] : [`  ${line}`])),
      ];
    })
    .join("\n");
}

function sum({ stack, status, summary: { well, warning, critical, unknown } }: Report): string {
  const counts = [
    `${well} well`,
    ...(warning === 0 ? [] : [`${warning} with a warning`]),
    ...(critical === 0 ? [] : [`${critical} critical`]),
    ...(unknown === 0 ? [] : [`${unknown} could not be asked`]),
  ];
  const total = well + warning + critical + unknown;
  const paint = { well: colour.green, warning: colour.yellow, critical: colour.red }[status];
  return paint(`Stack ${stack}: ${total} checks, ${counts.join(", ")}.`);
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A value as people read it. */
export function written(value: number, unit: HealthUnit): string {
  switch (unit) {
    case "yes":
      return value === 0 ? "no" : "yes";
    case "ratio":
      return `${round(value * 100)} %`;
    case "seconds":
      return time(value);
    case "count":
    case "load":
      return String(round(value));
  }
}

/** Three digits are enough to compare with a limit. */
const round = (value: number): number => Number(value.toPrecision(3));

function time(seconds: number): string {
  if (seconds < 0) return `−${time(-seconds)}`;
  if (seconds < 1) return `${Math.round(seconds * 1_000)} ms`;
  if (seconds < 2 * MINUTE) return `${round(seconds)} s`;
  if (seconds < 2 * HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < 2 * DAY) return `${Math.floor(seconds / HOUR)} h`;
  return `${Math.floor(seconds / DAY)} d`;
}
