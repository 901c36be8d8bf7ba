import type { CheckChapter } from "../../model/health";
import { ready } from "../health";

/** What the checks of those who watch go by. */
export interface MonitoringHealthFacts {
  readonly workload: string;
  readonly instances: number;
}

const readLog = {
  en: "Nobody would hear of anything else. Read its log: a configuration that it refuses, a volume that is full?",
  es: "Nadie se enteraría de nada más. Lea su registro: ¿una configuración que rechaza, un volumen lleno?",
};

const notReady = ready<MonitoringHealthFacts>("monitoring", {
  title: {
    en: "instances that are not ready, asked themselves",
    es: "instancias que no están listas, preguntadas ellas mismas",
  },
  fix: readLog,
  alert: "Watchdog",
});

/** Checks of Alertmanager. */
export const alertmanagerChecks: CheckChapter<MonitoringHealthFacts> = {
  title: { en: "Alertmanager", es: "Alertmanager" },
  rules: [notReady],
};

/** Checks of Grafana. */
export const grafanaChecks: CheckChapter<MonitoringHealthFacts> = {
  title: { en: "Grafana", es: "Grafana" },
  rules: [
    ready("monitoring", {
      title: {
        en: "instances that are not ready, asked themselves",
        es: "instancias que no están listas, preguntadas ellas mismas",
      },
      fix: {
        en: "Alerts do not need it. Read its log: a dashboard or a data source that it refuses is named there.",
        es: "Las alertas no la necesitan. Lea su registro: nombra el tablero o la fuente de datos que rechaza.",
      },
    }),
  ],
};

/** Checks of Prometheus, by itself and by what it knows of the others (GG-08). */
export const prometheusChecks: CheckChapter<MonitoringHealthFacts> = {
  title: { en: "Prometheus", es: "Prometheus" },
  rules: [
    notReady,
    {
      name: "targets",
      group: "monitoring",
      title: { en: "targets that do not answer", es: "objetivos que no responden" },
      ask: () => ({ kind: "query", expr: "count(up == 0) or vector(0)" }),
      unit: "count",
      limits: { beyond: "above", warning: 0 },
      fix: {
        en: "Which ones? `up == 0` in Prometheus has system, component and instance.",
        es: "¿Cuáles? `up == 0` en Prometheus tiene sistema, componente e instancia.",
      },
      alert: "ExporterDown",
    },
    {
      name: "rules",
      group: "monitoring",
      title: {
        en: "rules that could not be evaluated, 5 minutes",
        es: "reglas que no se pudieron evaluar, 5 minutos",
      },
      ask: () => ({
        kind: "query",
        expr: "sum(increase(prometheus_rule_evaluation_failures_total[5m]))",
      }),
      unit: "count",
      limits: { beyond: "above", critical: 0 },
      fix: {
        en: "Prometheus' log and its page of rules have the reason: their alerts cannot fire.",
        es: "El registro de Prometheus y su página de reglas tienen el motivo: sus alertas no pueden saltar.",
      },
      alert: "RulesFailing",
    },
    {
      name: "alertmanagers",
      group: "monitoring",
      title: {
        en: "Alertmanagers that Prometheus finds",
        es: "Alertmanager que Prometheus encuentra",
      },
      ask: () => ({
        kind: "query",
        expr: "max(prometheus_notifications_alertmanagers_discovered)",
      }),
      unit: "count",
      limits: { beyond: "below", critical: 1 },
      fix: readLog,
      alert: "AlertmanagerUnreachable",
    },
    {
      name: "messages",
      group: "monitoring",
      title: {
        en: "messages that could not be handed over, 5 minutes",
        es: "mensajes que no se pudieron entregar, 5 minutos",
      },
      ask: () => ({
        kind: "query",
        expr: "sum(increase(alertmanager_notifications_failed_total[5m]))",
      }),
      unit: "count",
      limits: { beyond: "above", critical: 0 },
      fix: {
        en: "Alertmanager's log has the mail host's or Slack's answer: a wrong password, a host that is not reached.",
        es: "El registro de Alertmanager tiene la respuesta del correo o de Slack: una contraseña errónea, un servidor que no se alcanza.",
      },
      alert: "NotificationsFailing",
    },
  ],
};
