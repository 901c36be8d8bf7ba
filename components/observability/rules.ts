import { checkId, type HealthCheck } from "../../model/health";
import { type Alert, type RuleGroup, runbookUrl } from "../../model/observability";
import type { SystemModel } from "../../model/system";
import { seconds } from "../../model/units";
import { HEALTH_INTERVAL } from "../health";
import { timeoutOf } from "./targets";

/** A Prometheus rule file: one group a component, so that one that fails leaves the others. */
export interface RuleFile {
  readonly groups: readonly RuleGroup[];
}

/** Seconds between two questions that alerts are written for. */
const USUAL = 15;

/** What is told within a minute, but not at once, looks at single answers. */
const isQuick = ({ for: given }: Pick<Alert, "for">): boolean => given > 0 && given < 60;

/**
 * Seconds that an alert has to hold. Where answers are further apart, one that looks at single ones waits for as many of
 * them, and for the last one to arrive, so that one that stays out is no outage.
 * @param interval seconds between two questions
 */
export const holds = (alert: Pick<Alert, "for">, interval: number): number =>
  interval <= USUAL || !isQuick(alert)
    ? alert.for
    : Math.ceil(alert.for / USUAL) * interval + timeoutOf(interval);

/**
 * Until a minute after somebody has answered, at its first start or one after a long while, whoever collects has not
 * asked everybody, and nobody is away who is not known.
 */
const known = (alert: Pick<Alert, "for" | "expr">): string =>
  isQuick(alert) ? `(${alert.expr}) and on () count(up{system!=""} offset 1m)` : alert.expr;

/**
 * @param page address of the page of alerts
 * @param interval seconds between two questions
 */
export function ruleFile(
  { name: system, alerts, checks }: SystemModel,
  page: string,
  interval = USUAL,
): RuleFile {
  const components = [...new Set(alerts.map(({ component }) => component))];
  const recorded = checks.flatMap((check) => recordings(system, check));
  return {
    groups: [
      ...components.map((component) => ({
        name: `${system}/${component}`,
        rules: alerts
          .filter((alert) => alert.component === component)
          .map((alert) => ({
            alert: alert.name,
            expr: known(alert),
            for: `${holds(alert, interval)}s`,
            labels: {
              ...(alert.each === true ? {} : { system, component }),
              severity: alert.severity,
            },
            annotations: {
              summary: alert.summary,
              description: alert.description,
              runbook_url: runbookUrl(page, alert.name),
            },
          })),
      })),
      ...(recorded.length === 0
        ? []
        : [
            {
              name: `${system}/health`,
              interval: `${seconds(HEALTH_INTERVAL) / 60}m`,
              rules: recorded,
            },
          ]),
    ],
  };
}

/** Of no interest to anybody but Alertmanager: it fires with a component's outage, and goes on for a while. */
export const RECENT_OUTAGE = "RecentOutage";

/** Its label: for how long it goes on. */
export const SILENCE = "silence";

/** Seconds for which others look back, least first: those that look at now, at means, at records. */
const LOOKS = [0, 120, 300] as const;

/** Seconds until a new value is there for everybody: a question, an answer, and what follows from it. */
const settled = (interval: number): number => Math.max(USUAL, interval) + 30;

/**
 * Seconds for which an alert may still see an outage that is over.
 * @param interval seconds between two questions
 */
export const silenceAfter = ({ looksBack }: Pick<Alert, "looksBack">, interval = USUAL): number =>
  (LOOKS.find((seconds) => seconds >= looksBack) ?? LOOKS.at(-1)!) + settled(interval);

/**
 * What an outage has done to others is seen for longer than the outage itself: for a moment by all that is asked, in
 * means as long as they look back, and in health checks until the next one. So long, and no longer, nobody is told.
 * @param interval seconds between two questions
 */
export function recentOutages(
  { name: system, alerts }: SystemModel,
  interval = USUAL,
): RuleGroup[] {
  const outages = [...new Set(alerts.filter((a) => a.outage).map((a) => a.name))].sort();
  if (outages.length === 0) return [];
  const firing = `ALERTS{system="${system}",alertname=~"${outages.join("|")}",alertstate="firing"}`;
  return [
    {
      name: `${system}/outages`,
      rules: LOOKS.map((looksBack) => silenceAfter({ looksBack }, interval)).map((silence) => ({
        alert: RECENT_OUTAGE,
        expr: `max by (system, component) (${firing})`,
        keep_firing_for: `${silence}s`,
        labels: { severity: "none", [SILENCE]: `${silence}s` },
        annotations: {
          summary: `{{ $labels.component }} is out, or was ${silence} s ago: what follows is not told`,
        },
      })),
    },
  ];
}

/**
 * A check that Prometheus answers, as two series of the same labels: its value, and what the value means (0 well,
 * 1 warning, 2 critical). The second rule of a group sees what the first has just recorded.
 */
function recordings(system: string, check: HealthCheck): RuleGroup["rules"] {
  const { ask, component, group, limits } = check;
  if (ask.kind !== "query") return [];
  const labels = { system, component, group, check: checkId(check) };
  const own = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  const value = `atalaya_health_value{${own.join(",")}}`;
  const sign = limits?.beyond === "above" ? ">" : "<";
  // What is beyond the critical limit is beyond the other one as well, where there is one.
  const levels = [
    ...(limits?.warning === undefined ? [] : [`(${value} ${sign} bool ${limits.warning})`]),
    ...(limits?.critical === undefined
      ? []
      : [
          `${limits.warning === undefined ? "2 * " : ""}(${value} ${sign} bool ${limits.critical})`,
        ]),
  ];
  return [
    // A value that is no number says nothing, and must not be taken for well.
    { record: "atalaya_health_value", expr: `(${ask.expr}) >= -Inf`, labels },
    { record: "atalaya_health", expr: levels.join(" + ") || `0 * ${value}`, labels },
  ];
}
