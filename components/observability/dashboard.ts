import type { Nothing } from "../alerts";
import type { DashboardChapter } from "../dashboards";

/** Those who watch (GG-06). */
export const monitoringDashboard: DashboardChapter<Nothing> = {
  kind: "monitoring",
  title: "Monitoring itself",
  on: "kind",
  rows: [
    {
      title: "Monitoring itself",
      panels: [
        {
          title: "Alerts that fire",
          about:
            "Watchdog always does: it shows that alerts get through. RecentOutage keeps what follows from an outage silent.",
          unit: "count",
          queries: () => [
            {
              expr: 'count by (alertname, system, component) (ALERTS{alertstate="firing"})',
              legend: "{{alertname}} {{system}} {{component}}",
            },
          ],
        },
        {
          title: "Targets",
          unit: "count",
          queries: () => [
            { expr: "count(up == 1) or vector(0)", legend: "answer" },
            { expr: "count(up == 0) or vector(0)", legend: "do not answer" },
          ],
        },
        {
          title: "Time to be asked for metrics, by target",
          unit: "seconds",
          queries: () => [
            {
              expr: "max by (job) (scrape_duration_seconds)",
              legend: "{{job}}",
            },
          ],
        },
        {
          title: "Rules that could not be evaluated, in five minutes",
          unit: "count",
          limits: { beyond: "above", critical: 0.5 },
          alert: "RulesFailing",
          queries: () => [
            {
              expr: "sum(increase(prometheus_rule_evaluation_failures_total[5m]))",
              legend: "failed",
            },
          ],
        },
        {
          title: "Messages",
          unit: "per minute",
          queries: () => [
            {
              expr: "60 * sum by (integration) (rate(alertmanager_notifications_total[5m]) > 0)",
              legend: "{{integration}}",
              // None was sent.
              mayBeEmpty: true,
            },
          ],
        },
        {
          title: "Messages that could not be handed over, in five minutes",
          unit: "count",
          limits: { beyond: "above", critical: 0.5 },
          alert: "NotificationsFailing",
          queries: () => [
            {
              expr: "sum by (integration) (increase(alertmanager_notifications_failed_total[5m]))",
              legend: "{{integration}}",
            },
          ],
        },
        {
          title: "Alertmanagers that Prometheus finds",
          unit: "count",
          shape: "number",
          limits: { beyond: "below", critical: 1 },
          alert: "AlertmanagerUnreachable",
          queries: () => [
            { expr: "max(prometheus_notifications_alertmanagers_discovered)", legend: "found" },
          ],
        },
        {
          title: "Series in memory",
          unit: "count",
          queries: () => [{ expr: "sum(prometheus_tsdb_head_series)", legend: "series" }],
        },
        {
          title: "Size of what is kept",
          unit: "bytes",
          queries: () => [{ expr: "sum(prometheus_tsdb_storage_blocks_bytes)", legend: "blocks" }],
        },
        {
          title: "Memory of those who watch",
          unit: "bytes",
          queries: () => [
            {
              expr: 'sum by (component) (process_resident_memory_bytes{system="observability"})',
              legend: "{{component}}",
            },
          ],
        },
      ],
    },
  ],
};
