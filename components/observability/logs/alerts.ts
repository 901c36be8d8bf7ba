import { type AlertChapter, answering, nodeUnobserved, PERCENT } from "../../alerts";

/** Part of the room on a node's disk that lines may take while they wait. */
export const WAITING = { warning: 0.5 } as const;

export interface LogWorkload {
  readonly workload: string;
}

/** How full the fullest node's room for waiting lines is. */
export const waiting = (own: string): string =>
  `max(otelcol_exporter_queue_size{${own},data_type="logs"} / otelcol_exporter_queue_capacity{${own},data_type="logs"})`;

/** Alerts of who reads the files. */
export const agentAlerts: AlertChapter<LogWorkload> = {
  title: { en: "Reading logs", es: "Lectura de registros" },
  rules: [
    {
      name: "LogAgentDown",
      severity: "warning",
      for: "5 min",
      expr: ({ own, workload }) => `${answering(own, workload)} == 0`,
      summary: () => "no agent reads what containers print",
      guide: {
        en: {
          means:
            "No node's agent answers. Lines stay in the engine's files (the last 30 MiB of a container), and are read when it is back.",
          steps: [
            "List its instances and read why they ended: `docker service ps STACK-nodes-log-agent`, or `kubectl -n STACK-nodes get pods`.",
            "It refuses its configuration? Its log names the place.",
            "A busy container overwrites its files within hours: do not wait for tomorrow.",
          ],
        },
        es: {
          means:
            "No responde el agente de ningún nodo. Las líneas quedan en los archivos del motor (los últimos 30 MiB de cada contenedor) y se leen cuando vuelva.",
          steps: [
            "Liste sus instancias y lea por qué terminaron: `docker service ps STACK-nodes-log-agent`, o `kubectl -n STACK-nodes get pods`.",
            "¿Rechaza su configuración? Su registro nombra el sitio.",
            "Un contenedor activo sobrescribe sus archivos en horas: no espere a mañana.",
          ],
        },
      },
    },
    nodeUnobserved,
    {
      name: "LogsWaiting",
      severity: "warning",
      for: "5 min",
      expr: ({ own }) => `${waiting(own)} > ${WAITING.warning}`,
      summary: () => `${PERCENT} of a node's room for lines that wait for Loki is taken`,
      guide: {
        en: {
          means:
            "Loki is away or too slow: lines wait on the node's disk (512 MiB). When that is full they are read no further, and the engine's files keep the last 30 MiB of each container.",
          steps: [
            "Does Loki answer (LogStoreDown)? Read its log: a full volume, its memory limit?",
            "Does something print without end? `sum by (exported_system, service) (rate(atalaya_log_lines_total[5m]))` in Prometheus.",
          ],
        },
        es: {
          means:
            "Loki no está o va lento: las líneas esperan en el disco del nodo (512 MiB). Cuando se llene no se lee más, y los archivos del motor guardan los últimos 30 MiB de cada contenedor.",
          steps: [
            "¿Responde Loki (LogStoreDown)? Lea su registro: ¿un volumen lleno, su límite de memoria?",
            "¿Algo escribe sin parar? `sum by (exported_system, service) (rate(atalaya_log_lines_total[5m]))` en Prometheus.",
          ],
        },
      },
    },
  ],
};

/** Alerts of who keeps them. */
export const storeAlerts: AlertChapter<LogWorkload> = {
  title: { en: "Loki", es: "Loki" },
  rules: [
    {
      name: "LogStoreDown",
      severity: "warning",
      for: "5 min",
      expr: ({ own, workload }) => `${answering(own, workload)} == 0`,
      summary: () => "Loki does not answer: logs wait on the nodes, and nobody can search them",
      outage: true,
      guide: {
        en: {
          means: "Loki is gone. Nothing is lost for hours: lines wait on each node's disk.",
          steps: [
            "List its instances and read its log: a full volume, a file that it refuses, its memory limit?",
            "Meanwhile the engine shows the newest lines: `docker service logs`, or `kubectl logs`.",
          ],
        },
        es: {
          means: "Loki no está. Durante horas no se pierde nada: las líneas esperan en cada nodo.",
          steps: [
            "Liste sus instancias y lea su registro: ¿un volumen lleno, un archivo que rechaza, su límite de memoria?",
            "Mientras tanto el motor muestra las últimas líneas: `docker service logs`, o `kubectl logs`.",
          ],
        },
      },
    },
    {
      name: "LogLinesRefused",
      severity: "warning",
      for: "10 min",
      expr: ({ own }) =>
        `60 * sum by (reason) (rate(loki_discarded_samples_total{${own}}[5m])) > 1`,
      summary: () =>
        'Loki refuses {{ $value | printf "%.0f" }} lines a minute: {{ $labels.reason }}',
      guide: {
        en: {
          means: "Loki takes some lines no more, and they are lost. The reason is in the message.",
          steps: [
            "`rate_limited`, `per_stream_rate_limit`: something prints without end; which one says `sum by (exported_system, service) (rate(atalaya_log_lines_total[5m]))`.",
            "`greater_than_max_sample_age`: they are older than seven days; an agent was away for that long.",
            "`too_far_behind`: they came an hour behind newer lines of the same container; the engine has them still: `docker service logs`, `kubectl logs`.",
          ],
        },
        es: {
          means: "Loki ya no acepta algunas líneas, y se pierden. El motivo está en el mensaje.",
          steps: [
            "`rate_limited`, `per_stream_rate_limit`: algo escribe sin parar; lo dice `sum by (exported_system, service) (rate(atalaya_log_lines_total[5m]))`.",
            "`greater_than_max_sample_age`: tienen más de siete días; un agente faltó todo ese tiempo.",
            "`too_far_behind`: llegaron una hora detrás de líneas más nuevas del mismo contenedor; el motor aún las tiene: `docker service logs`, `kubectl logs`.",
          ],
        },
      },
    },
  ],
};
