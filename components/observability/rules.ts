import { checkId, type HealthCheck } from "../../model/health";
import { type Alert, type RuleGroup, runbookUrl } from "../../model/observability";
import type { SystemModel } from "../../model/system";
import { seconds } from "../../model/units";
import { HEALTH_INTERVAL } from "../health";

/** A Prometheus rule file: one group a component, so that one that fails leaves the others. */
export interface RuleFile {
  readonly groups: readonly RuleGroup[];
}

/** @param page address of the page of alerts */
export function ruleFile({ name: system, alerts, checks }: SystemModel, page: string): RuleFile {
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
            expr: alert.expr,
            for: `${alert.for}s`,
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

/** Until a new value is there for everybody: a question each 15 s, and an answer. */
const SETTLED = 45;

/** Seconds for which others are silent after an outage, least first: what looks at now, and means, and records. */
const SILENCES = [0, 120, 300].map((looksBack) => looksBack + SETTLED);

/** Seconds for which an alert may still see an outage that is over. */
export const silenceAfter = ({ looksBack }: Pick<Alert, "looksBack">): number =>
  SILENCES.find((seconds) => seconds >= looksBack + SETTLED) ?? SILENCES.at(-1)!;

/**
 * What an outage has done to others is seen for longer than the outage itself: for a moment by all that is asked, in
 * means as long as they look back, and in health checks until the next one. So long, and no longer, nobody is told.
 */
export function recentOutages({ name: system, alerts }: SystemModel): RuleGroup[] {
  const outages = [...new Set(alerts.filter((a) => a.outage).map((a) => a.name))].sort();
  if (outages.length === 0) return [];
  const firing = `ALERTS{system="${system}",alertname=~"${outages.join("|")}",alertstate="firing"}`;
  return [
    {
      name: `${system}/outages`,
      rules: SILENCES.map((silence) => ({
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
