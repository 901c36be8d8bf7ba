import {
  type AlertChapter,
  type AlertRule,
  answering,
  containerRestarting,
  instancesMissing,
  PERCENT,
  running,
} from "./alerts";

/** What a service's alerts go by. */
export interface ServiceFacts {
  readonly workload: string;
  /** Instances that are declared at least, and at most. */
  readonly instances: number;
  readonly most: number;
}

/** Where a service is no longer well, as GG-07 has it: part of the requests, and seconds. */
export const SERVICE_LIMITS = {
  errors: { warning: 0.01, critical: 0.05 },
  latency: { warning: 0.2, critical: 0.5 },
} as const;

/** Requests a second below which a rate of errors or a percentile says nothing. */
export const TRAFFIC = 0.1;

export const requests = (own: string, window: string, more = ""): string =>
  `sum(rate(http_requests_total{${own}${more}}[${window}]))`;

/** How far back means look, in Prometheus' words and in ours. */
const WINDOWS = { "2m": "2 min", "5m": "5 min" } as const;

const errorRate = (own: string, window: string, above: number): string =>
  `${requests(own, window, ',status=~"5.."')} / ${requests(own, window)} > ${above} and ${requests(own, window)} > ${TRAFFIC}`;

const p95 = (own: string, window: string, above: number): string =>
  `histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{${own}}[${window}]))) > ${above} and ${requests(own, window)} > ${TRAFFIC}`;

const errors = (
  rule: Pick<AlertRule<ServiceFacts>, "name" | "severity" | "for" | "within">,
  window: keyof typeof WINDOWS,
  limit: number,
): AlertRule<ServiceFacts> => {
  const percent = limit * 100;
  return {
    ...rule,
    gg07: "given",
    expr: ({ own }) => errorRate(own, window, limit),
    summary: ({ name }) => `${name}: ${PERCENT} of the requests fail, the limit is ${percent} %`,
    symptom: true,
    looksBack: WINDOWS[window],
    guide: {
      en: {
        means: `More than ${percent} % of the answers are server errors (5xx). Users see them.`,
        steps: [
          "Look at the service's log for the first error, and at its dependencies: is one of them down or slow?",
          "Started after a release? Roll it back first, ask later.",
          'One route only? `sum by (route) (rate(http_requests_total{status=~"5.."}[5m]))` tells.',
        ],
      },
      es: {
        means: `Más del ${percent} % de las respuestas son errores del servidor (5xx). Los usuarios los ven.`,
        steps: [
          "Busque en el registro del servicio el primer error, y mire sus dependencias: ¿hay alguna caída o lenta?",
          "¿Empezó tras una versión nueva? Vuelva primero a la anterior y pregunte después.",
          '¿Una sola ruta? Lo dice `sum by (route) (rate(http_requests_total{status=~"5.."}[5m]))`.',
        ],
      },
    },
  };
};

const latency = (
  rule: Pick<AlertRule<ServiceFacts>, "name" | "severity" | "for" | "within">,
  window: keyof typeof WINDOWS,
  limit: number,
): AlertRule<ServiceFacts> => {
  const ms = limit * 1_000;
  return {
    ...rule,
    gg07: "given",
    expr: ({ own }) => p95(own, window, limit),
    summary: ({ name }) =>
      `${name}: one request in twenty takes {{ $value | humanizeDuration }} or more, the limit is ${ms} ms`,
    symptom: true,
    looksBack: WINDOWS[window],
    guide: {
      en: {
        means: `The 95th percentile of the answer times is above ${ms} ms.`,
        steps: [
          "More traffic than usual? Then add instances, or look whether scaling has reached its maximum.",
          "Which route? `histogram_quantile(0.95, sum by (le, route) (rate(http_request_duration_seconds_bucket[5m])))` tells.",
          "Look at the database: long transactions, connections, CPU of the node.",
        ],
      },
      es: {
        means: `El percentil 95 de los tiempos de respuesta pasa de ${ms} ms.`,
        steps: [
          "¿Más tráfico que de costumbre? Añada instancias, o mire si la escala llegó a su máximo.",
          "¿Qué ruta? Lo dice `histogram_quantile(0.95, sum by (le, route) (rate(http_request_duration_seconds_bucket[5m])))`.",
          "Mire la base de datos: transacciones largas, conexiones, CPU del nodo.",
        ],
      },
    },
  };
};

/** @param there how many of its instances there are */
const down = (there: typeof answering): AlertRule<ServiceFacts> => ({
  name: "APIDown",
  severity: "critical",
  for: "15 s",
  gg07: "given",
  expr: ({ own, workload }) => `${there(own, workload)} == 0`,
  summary: ({ name }) => `${name}: no instance is there`,
  outage: true,
  symptom: true,
  guide: {
    en: {
      means:
        "Not one instance of the service answers; of one that has no metrics to be asked for, none runs. Whatever needs it fails.",
      steps: [
        "List its instances and why they ended: `docker service ps --no-trunc`, or `kubectl describe pod`.",
        "Read the last lines of its log: a missing secret, a failed migration and a dependency that is away all say so there.",
        "Started after a release? Roll it back.",
      ],
    },
    es: {
      means:
        "No responde ni una instancia del servicio; de uno que no da métricas, no corre ninguna. Falla todo lo que lo necesita.",
      steps: [
        "Liste sus instancias y por qué terminaron: `docker service ps --no-trunc`, o `kubectl describe pod`.",
        "Lea las últimas líneas de su registro: un secreto que falta, una migración fallida o una dependencia ausente lo dicen ahí.",
        "¿Empezó tras una versión nueva? Vuelva a la anterior.",
      ],
    },
  },
});

/** How far back what is critical looks. */
export const SHARP_LOOK = "2m";

/** Alerts of a service by its own metrics: rate, errors, duration (GG-07, PR-02). */
export const serviceAlerts: AlertChapter<ServiceFacts> = {
  title: { en: "Services", es: "Servicios" },
  rules: [
    down(answering),
    errors(
      { name: "HighErrorRate", severity: "critical", for: "1 min", within: ["APIDown"] },
      SHARP_LOOK,
      SERVICE_LIMITS.errors.critical,
    ),
    errors(
      {
        name: "ModerateErrorRate",
        severity: "warning",
        for: "5 min",
        within: ["APIDown", "HighErrorRate"],
      },
      "5m",
      SERVICE_LIMITS.errors.warning,
    ),
    latency(
      { name: "HighLatency", severity: "critical", for: "1 min", within: ["APIDown"] },
      SHARP_LOOK,
      SERVICE_LIMITS.latency.critical,
    ),
    latency(
      {
        name: "SlowAPIResponse",
        severity: "warning",
        for: "5 min",
        within: ["APIDown", "HighLatency"],
      },
      "5m",
      SERVICE_LIMITS.latency.warning,
    ),
    instancesMissing("APIDown", answering),
    containerRestarting(
      // An instance that is replaced has another address; one that restarts in its place another start time.
      // A release replaces each instance once, and two restarts beyond that are allowed.
      ({ own, workload, most }) =>
        `count(count_over_time(up{${own},workload="${workload}"}[15m])) + (sum(changes(process_start_time_seconds{${own},workload="${workload}"}[15m])) or vector(0)) > ${2 * most + 2}`,
    ),
    {
      name: "ScaledToMaximum",
      severity: "warning",
      for: "15 min",
      gg07: "ours",
      when: ({ instances, most }) => most > instances,
      expr: ({ own, workload, most }) => `${answering(own, workload)} >= ${most}`,
      summary: ({ name }) => `${name}: all of its {{ $value }} instances run, none can be added`,
      guide: {
        en: {
          means:
            "The service has scaled to the most instances that are declared, for a quarter of an hour. More load will make it slow.",
          steps: [
            "Real traffic? Raise the maximum, after a look at the nodes' room and the database's connections.",
            "Not real? Look for one client in the gateway's access log.",
          ],
        },
        es: {
          means:
            "El servicio ha llegado al máximo de instancias declaradas, desde hace un cuarto de hora. Con más carga irá lento.",
          steps: [
            "¿Tráfico real? Suba el máximo, tras mirar el sitio en los nodos y las conexiones de la base de datos.",
            "¿No es real? Busque un cliente en el registro de accesos de la puerta de enlace.",
          ],
        },
      },
    },
    {
      name: "ConnectionPoolExhausted",
      severity: "warning",
      for: "2 min",
      gg07: "ours",
      expr: ({ own }) => `sum(db_pool_connections{${own},state="waiting"}) > 0`,
      summary: ({ name }) => `${name}: {{ $value }} requests wait for a database connection`,
      within: ["APIDown"],
      symptom: true,
      guide: {
        en: {
          means:
            "Requests wait because every connection of the service's own pool is in use: saturation, before it shows as errors.",
          steps: [
            "Slow statements hold connections: look for long transactions (DatabaseLongTransaction).",
            "Raise the pool only as far as the database's connections allow.",
          ],
        },
        es: {
          means:
            "Hay peticiones en espera porque todas las conexiones del servicio están en uso: saturación, antes de que se vea como errores.",
          steps: [
            "Las sentencias lentas retienen conexiones: busque transacciones largas (DatabaseLongTransaction).",
            "Amplíe las conexiones del servicio solo hasta donde lo permita la base de datos.",
          ],
        },
      },
    },
  ],
};

/** Those of a service that has none: whether it runs is seen from outside. */
export const unaskedServiceAlerts: AlertChapter<ServiceFacts> = {
  title: serviceAlerts.title,
  rules: [down(running), instancesMissing("APIDown", running)],
};
