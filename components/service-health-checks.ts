import type { CheckChapter } from "../model/health";
import { answering, type Watched } from "./alerts";
import { ready } from "./health";
import { requests, type ServiceFacts, SHARP_LOOK, TRAFFIC } from "./service-alerts";

/** What a service's checks go by. */
export interface ServiceHealthFacts extends ServiceFacts, Watched {
  /** It says that it has metrics. */
  readonly metrics: boolean;
  readonly webSocket: boolean;
}

/** Nothing was asked of it: nothing failed or was slow, as long as an instance is there to be asked. */
const whenIdle = ({ own, workload }: ServiceHealthFacts): string =>
  `0 * max(up{${own},workload="${workload}"} == 1)`;

const steps = {
  en: "Look at the service's log for the first error, and at its dependencies. Started after a release? Roll it back.",
  es: "Busque en el registro del servicio el primer error, y mire sus dependencias. ¿Empezó tras una versión nueva? Vuelva a la anterior.",
};

/**
 * Checks of a service: its own readiness, and its metrics (GG-08). They look no further back than its critical alerts: two in
 * a row are five minutes apart, and with as long a look one short burst would be in both, told when it had been over for minutes.
 */
export const serviceChecks: CheckChapter<ServiceHealthFacts> = {
  title: { en: "Services", es: "Servicios" },
  rules: [
    ready("api", {
      title: {
        en: "instances that are not ready, asked themselves",
        es: "instancias que no están listas, preguntadas ellas mismas",
      },
      fix: steps,
      alert: "APIDown",
    }),
    {
      name: "answering",
      group: "api",
      title: {
        en: "instances that answer Prometheus",
        es: "instancias que responden a Prometheus",
      },
      when: ({ metrics }) => metrics,
      ask: ({ own, workload }) => ({ kind: "query", expr: answering(own, workload) }),
      unit: "count",
      limits: {
        en: "warning below those declared, critical below 1",
        es: "aviso con menos de las declaradas, crítico con menos de 1",
        of: ({ instances }) => ({ beyond: "below", warning: instances, critical: 1 }),
      },
      fix: steps,
      alert: "APIDown",
    },
    {
      name: "latency",
      group: "api",
      title: {
        en: "95th percentile of the answer times, 2 minutes",
        es: "percentil 95 de los tiempos de respuesta, 2 minutos",
      },
      when: ({ metrics }) => metrics,
      ask: (of) => ({
        kind: "query",
        expr: `histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{${of.own}}[${SHARP_LOOK}]))) and ${requests(of.own, SHARP_LOOK)} > ${TRAFFIC} or ${whenIdle(of)}`,
      }),
      unit: "seconds",
      // GG-08.
      limits: { beyond: "above", warning: 0.3, critical: 0.5 },
      fix: {
        en: "More traffic than usual, or one route? Then look at the database: long transactions, connections, CPU of the node.",
        es: "¿Más tráfico que de costumbre, o una sola ruta? Después mire la base de datos: transacciones largas, conexiones, CPU del nodo.",
      },
      alert: "HighLatency",
    },
    {
      name: "errors",
      group: "api",
      title: {
        en: "requests that failed (5xx), 2 minutes",
        es: "peticiones fallidas (5xx), 2 minutos",
      },
      when: ({ metrics }) => metrics,
      ask: (of) => ({
        kind: "query",
        expr: `${requests(of.own, SHARP_LOOK, ',status=~"5.."')} / ${requests(of.own, SHARP_LOOK)} and ${requests(of.own, SHARP_LOOK)} > ${TRAFFIC} or ${whenIdle(of)}`,
      }),
      unit: "ratio",
      // GG-08.
      limits: { beyond: "above", warning: 0.01, critical: 0.05 },
      fix: steps,
      alert: "HighErrorRate",
    },
    {
      name: "websockets",
      group: "websocket",
      title: { en: "open WebSocket connections", es: "conexiones WebSocket abiertas" },
      when: ({ metrics, webSocket }) => metrics && webSocket,
      ask: ({ own }) => ({ kind: "query", expr: `sum(websocket_connections{${own}})` }),
      unit: "count",
      fix: {
        en: "It has no limit: compare it with what is usual at this hour.",
        es: "No tiene límite: compárelo con lo habitual a esta hora.",
      },
    },
  ],
};
