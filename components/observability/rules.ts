import type { Alert } from "../../model/observability";
import type { SystemModel } from "../../model/system";

/** A Prometheus rule file: one group a component, so that one that fails leaves the others. */
export interface RuleFile {
  readonly groups: readonly {
    readonly name: string;
    readonly rules: readonly {
      readonly alert: string;
      readonly expr: string;
      readonly for: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly annotations: Readonly<Record<string, string>>;
    }[];
  }[];
}

/** Where the page of alerts has the section of one: as GitHub and most others name a heading. */
export const runbookUrl = (page: string, { name }: Pick<Alert, "name">): string =>
  `${page}#${name.toLowerCase()}`;

/** @param page address of the page of alerts */
export function ruleFile({ name: system, alerts }: SystemModel, page: string): RuleFile {
  const components = [...new Set(alerts.map(({ component }) => component))];
  return {
    groups: components.map((component) => ({
      name: `${system}/${component}`,
      rules: alerts
        .filter((alert) => alert.component === component)
        .map((alert) => ({
          alert: alert.name,
          expr: alert.expr,
          for: `${alert.for}s`,
          labels: { system, component, severity: alert.severity },
          annotations: {
            summary: alert.summary,
            description: alert.description,
            runbook_url: runbookUrl(page, alert),
          },
        })),
    })),
  };
}
