import type { PanelQuery } from "../model/dashboard";
import { answering } from "./alerts";
import {
  type DashboardChapter,
  type PanelRule,
  percentile,
  type ProcessFacts,
  processPanels,
} from "./dashboards";
import { errorsLogged, LOG_LIMITS } from "./log-alerts";
import { requests, SERVICE_LIMITS, type ServiceFacts } from "./service-alerts";

/** Something that a service counts and that is no matter of technology: what it is for. */
export interface Figure {
  /** @example "Orders" */
  readonly title: string;
  /** A counter that the service shows. @example "orders_placed_total" */
  readonly counter: string;
  /** The counter is an amount of money in hundredths of this currency (ISO 4217). @default a number of things */
  readonly hundredthsOf?: string;
}

/** What a service's dashboard goes by. */
export interface ServiceShows extends ServiceFacts, ProcessFacts {
  readonly webSocket: boolean;
  /** It has a link to PostgreSQL. */
  readonly database: boolean;
  /** Its system, where what it prints is kept. */
  readonly logged?: string;
}

const FAILED = ',status=~"5.."';

/** Part of the requests that failed; zero where none did, nothing where there were none. */
const failing = (all: string, failed: string): string => `(${failed} or 0 * ${all}) / (${all} > 0)`;

const byRoute = (own: string, more = ""): string =>
  `sum by (route) (rate(http_requests_total{${own}${more}}[5m]))`;

const durations = (own: string): string => `http_request_duration_seconds_bucket{${own}}`;

const slowest = (quantile: number): PanelRule<ServiceShows> => ({
  title: `P${quantile * 100} by endpoint`,
  unit: "seconds",
  queries: ({ own }) => [
    { expr: percentile(quantile, durations(own), "route"), legend: "{{route}}" },
  ],
  ...(quantile === 0.95
    ? { limits: { beyond: "above", ...SERVICE_LIMITS.latency }, alert: "HighLatency" }
    : {}),
});

/** One figure: how much in a minute, and in the last hour and day. */
function figurePanels({ title, counter, hundredthsOf }: Figure): PanelRule<ServiceShows>[] {
  const unit = hundredthsOf === undefined ? undefined : { currency: hundredthsOf };
  const part = unit === undefined ? "" : " / 100";
  const grown = (own: string, window: string): string =>
    `sum(increase(${counter}{${own}}[${window}]))${part}`;
  return [
    {
      title: `${title} per minute`,
      unit: unit ?? "per minute",
      queries: ({ own }) => [
        {
          expr: `60 * sum(rate(${counter}{${own}}[5m]))${part}`,
          legend: title,
          signal: "business",
        },
      ],
    },
    {
      title: `${title} so far`,
      about: "In the last hour, and in the last day.",
      unit: unit ?? "count",
      shape: "number",
      queries: ({ own }) =>
        ["1h", "1d"].map((window): PanelQuery => ({ expr: grown(own, window), legend: window })),
    },
  ];
}

/** A service by its own metrics: requests, errors, duration, saturation (PR-02, PR-03). */
export const serviceDashboard = (figures: readonly Figure[]): DashboardChapter<ServiceShows> => ({
  kind: "service",
  title: "Services",
  on: "each",
  rows: [
    { title: "What it is for", panels: figures.flatMap(figurePanels) },
    {
      title: "Requests, errors, duration",
      panels: [
        {
          title: "Requests",
          unit: "requests/s",
          queries: ({ own }) => [
            { expr: requests(own, "5m"), legend: "requests", signal: "traffic" },
          ],
        },
        {
          title: "Requests that fail (5xx)",
          unit: "ratio",
          limits: { beyond: "above", ...SERVICE_LIMITS.errors },
          alert: "HighErrorRate",
          queries: ({ own }) => [
            {
              expr: failing(requests(own, "5m"), requests(own, "5m", FAILED)),
              legend: "failed",
              signal: "errors",
            },
          ],
        },
        {
          title: "Answer time",
          unit: "seconds",
          limits: { beyond: "above", ...SERVICE_LIMITS.latency },
          alert: "HighLatency",
          queries: ({ own }) => [
            { expr: percentile(0.5, durations(own)), legend: "P50" },
            { expr: percentile(0.95, durations(own)), legend: "P95", signal: "duration" },
            { expr: percentile(0.99, durations(own)), legend: "P99" },
          ],
        },
        {
          title: "Errors in the log",
          about: "The last row shows them, and so does `atalaya logs --level error`.",
          when: ({ logged }) => logged !== undefined,
          unit: "per minute",
          limits: { beyond: "above", warning: LOG_LIMITS.errors },
          alert: "LogErrors",
          queries: ({ logged = "", name }) => [
            {
              expr: errorsLogged(logged, name),
              legend: "errors",
              signal: "errors",
              mayBeEmpty: true,
            },
          ],
        },
      ],
    },
    {
      title: "By endpoint",
      panels: [
        {
          title: "Requests by endpoint",
          unit: "requests/s",
          queries: ({ own }) => [{ expr: byRoute(own), legend: "{{route}}" }],
        },
        {
          title: "Requests that fail (5xx) by endpoint",
          unit: "ratio",
          queries: ({ own }) => [
            { expr: failing(byRoute(own), byRoute(own, FAILED)), legend: "{{route}}" },
          ],
        },
        {
          title: "Answers by status",
          unit: "requests/s",
          queries: ({ own }) => [
            {
              expr: `sum by (status) (rate(http_requests_total{${own}}[5m]))`,
              legend: "{{status}}",
            },
          ],
        },
        ...[0.5, 0.95, 0.99].map(slowest),
      ],
    },
    {
      title: "Saturation",
      panels: [
        {
          title: "Instances that answer",
          unit: "count",
          limits: (of) => ({ beyond: "below", warning: of.instances }),
          alert: "InstancesMissing",
          queries: ({ own, workload }) => [{ expr: answering(own, workload), legend: "instances" }],
        },
        ...processPanels<ServiceShows>(),
        {
          title: "Connections to the database",
          about: "`waiting` counts requests that got none.",
          when: ({ database }) => database,
          unit: "count",
          alert: "ConnectionPoolExhausted",
          queries: ({ own }) => [
            { expr: `sum by (state) (db_pool_connections{${own}})`, legend: "{{state}}" },
          ],
        },
        {
          title: "Open WebSocket connections",
          when: ({ webSocket }) => webSocket,
          unit: "count",
          queries: ({ own }) => [
            {
              expr: `sum(websocket_connections{${own}})`,
              legend: "connections",
              signal: "traffic",
            },
          ],
        },
      ],
    },
  ],
});
