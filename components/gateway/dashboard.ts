import { type DashboardChapter, percentile, type ProcessFacts, processPanels } from "../dashboards";
import {
  answerTime,
  connectionsUsed,
  dropped,
  ends,
  FULL,
  type GatewayFacts,
  probed,
  SLOW_ANSWER,
} from "./alerts";

/** What a gateway's panels go by. */
export interface GatewayShows extends GatewayFacts, ProcessFacts {}

/** Caddy counts requests and shows its process, Nginx counts connections. */
const isCaddy = ({ connections }: GatewayFacts): boolean => connections === undefined;
const isNginx = (of: GatewayFacts): boolean => !isCaddy(of);

/** A request passes several handlers of Caddy's: this one leads to a service. */
const PASSED_ON = 'handler="reverse_proxy"';

/** Gateways as a client sees them, and by their own metrics (GG-06). */
export const gatewayDashboard: DashboardChapter<GatewayShows> = {
  kind: "gateways",
  title: "Gateways",
  on: "kind",
  rows: [
    {
      title: "Gateways",
      panels: [
        {
          title: "Usable answers, of all instances and hosts",
          unit: "count",
          limits: ({ answers }) => ({ beyond: "below", warning: answers }),
          alert: "GatewayDegraded",
          queries: ({ own }) => [{ expr: probed(own), legend: "usable" }],
        },
        {
          title: "Answer time over a connection of its own",
          unit: "seconds",
          limits: { beyond: "above", warning: SLOW_ANSWER },
          alert: "GatewaySlow",
          queries: ({ own }) => [
            { expr: `max(${answerTime(own)})`, legend: "slowest", signal: "duration" },
            { expr: answerTime(own), legend: "{{host}} {{instance}}" },
          ],
        },
        {
          title: "Time until a certificate ends",
          unit: "seconds",
          limits: ({ certificate }) => ({
            beyond: "below",
            warning: certificate.late,
            critical: certificate.urgent,
          }),
          alert: "SSLCertificateExpiring",
          queries: ({ own }) => [{ expr: ends(own), legend: "{{host}}" }],
        },
        {
          title: "Requests passed on",
          when: isCaddy,
          unit: "requests/s",
          queries: ({ own }) => [
            {
              expr: `sum by (code) (rate(caddy_http_request_duration_seconds_count{${own},${PASSED_ON}}[5m]))`,
              legend: "{{code}}",
              // Nobody has come yet.
              mayBeEmpty: true,
            },
          ],
        },
        {
          title: "Answer time of requests passed on",
          when: isCaddy,
          unit: "seconds",
          queries: ({ own }) =>
            [0.5, 0.95, 0.99].map((quantile) => ({
              expr: percentile(
                quantile,
                `caddy_http_request_duration_seconds_bucket{${own},${PASSED_ON}}`,
              ),
              legend: `P${quantile * 100}`,
              mayBeEmpty: true,
            })),
        },
        ...processPanels<GatewayShows>(({ own }) => own, isCaddy),
        {
          title: "Connections of clients, of those that there is room for",
          when: isNginx,
          unit: "ratio",
          limits: { beyond: "above", warning: FULL },
          alert: "GatewayConnectionsHigh",
          queries: (of) => [
            { expr: connectionsUsed(of), legend: "fullest instance", signal: "saturation" },
          ],
        },
        {
          title: "Connections of clients by what they do",
          when: isNginx,
          unit: "count",
          queries: ({ own }) =>
            ["reading", "writing", "waiting"].map((state) => ({
              expr: `sum(nginx_connections_${state}{${own}})`,
              legend: state,
            })),
        },
        {
          title: "Connections of clients that were dropped, in five minutes",
          when: isNginx,
          unit: "count",
          limits: { beyond: "above", critical: 0.5 },
          alert: "GatewayConnectionsDropped",
          queries: ({ own }) => [{ expr: dropped(own), legend: "dropped" }],
        },
        {
          title: "Requests, with those of health checks",
          when: isNginx,
          unit: "requests/s",
          queries: ({ own }) => [
            { expr: `sum(rate(nginx_http_requests_total{${own}}[5m]))`, legend: "requests" },
          ],
        },
      ],
    },
  ],
};
