import {
  type CheckChapter,
  type CheckRule,
  checksOf,
  type HealthCheck,
  type HealthGroup,
} from "../model/health";
import type { Workload } from "../model/system";
import type { Alert } from "../model/observability";
import { type AlertChapter, alertsOf, ownLabels, type Watched } from "./alerts";
import type { Component, Description } from "./system";
import { workloadChecks } from "./workload-health-checks";

/** How often the stack asks itself how it is (FV-08). */
export const HEALTH_INTERVAL = "5 min";

/**
 * Adds a component's health checks to its description. Those that Prometheus answers are there only where
 * somebody observes; it then records them every five minutes, and tells of them.
 * @param about a host, where the component is asked for each of several
 */
export function checkOn<Of extends object>(
  to: Description,
  component: Pick<Component, "name">,
  chapter: CheckChapter<Of & Watched>,
  of: Of,
  about?: string,
): void {
  const own = ownLabels({ system: to.system.name, component: component.name });
  const { observed = false } = to.system.args;
  const checks = checksOf(chapter, component.name, { ...of, name: component.name, own }, about);
  to.checks.push(...checks.filter(({ ask }) => observed || ask.kind !== "query"));
}

/** What the engine is asked of workloads. */
export const checksOfWorkloads = (workloads: readonly Workload[]): HealthCheck[] =>
  workloads.flatMap(({ name, component, scale, node }) =>
    checksOf(
      workloadChecks,
      component,
      { workload: name, instances: scale.min, everyNode: node !== undefined },
      // An observer of nodes and its like: the component's name says it all.
      name === component ? undefined : name,
    ),
  );

/** Each instance by the workload's own question for readiness. */
export const ready = <Of extends { readonly workload: string; readonly instances: number }>(
  group: HealthGroup,
  words: Pick<CheckRule, "title" | "fix" | "alert">,
): CheckRule<Of> => ({
  name: "ready",
  group,
  ...words,
  ask: ({ workload }) => ({ kind: "ready", workload }),
  unit: "count",
  limits: {
    en: "warning above 0, critical where it is all of them",
    es: "aviso si hay alguna, crítico si son todas",
    of: ({ instances }) => ({ beyond: "above", warning: 0, critical: instances - 1 }),
  },
});

/** Seconds that a recorded value is taken for: two evaluations are 300 s apart, and one may be late. */
const LATEST = "6m";

/** What was last recorded of a component's checks: their levels, or their values. */
const recorded = (own: string, series = "atalaya_health"): string =>
  `last_over_time(${series}{${own}}[${LATEST}])`;

/** By check: the value of those whose level is so. */
const valueAt = (own: string, level: string): string =>
  `max by (check) (${recorded(own, "atalaya_health_value")}) and max by (check) (${recorded(own)}) ${level}`;

/** Each check has its own unit. */
const VALUE = '{{ $value | printf "%.4g" }}';

/** What the alerts on recorded checks go by. */
export interface RecordedFacts {
  readonly checks: number;
}

/** Alerts on what the stack's own checks record: of every component that has some. */
export const healthAlerts: AlertChapter<RecordedFacts> = {
  title: { en: "Health checks", es: "Comprobaciones de salud" },
  rules: [
    {
      name: "HealthCheckCritical",
      severity: "critical",
      // Two in a row: a restart that one of them happens to see is no alarm.
      for: "6 min",
      expr: ({ own }) => valueAt(own, "== 2"),
      summary: ({ name }) =>
        `${name}: the health check {{ $labels.check }} says ${VALUE}, which is beyond its critical limit`,
      whole: true,
      symptom: true,
      looksBack: HEALTH_INTERVAL,
      guide: {
        en: {
          means:
            "One of the checks that the stack makes of itself every five minutes was beyond its critical limit twice in a row, and no sharper alert of this component says so.",
          steps: [
            "`npx atalaya health -s STACK` asks all of them now, and says what to do.",
            "Its value over time: `atalaya_health_value` with the same labels in Prometheus.",
          ],
        },
        es: {
          means:
            "Una de las comprobaciones que el stack se hace cada cinco minutos pasó dos veces seguidas su límite crítico, y ninguna alerta más precisa de este componente lo dice.",
          steps: [
            "`npx atalaya health -s STACK` las hace todas ahora y dice qué hacer.",
            "Su valor en el tiempo: `atalaya_health_value` con las mismas etiquetas en Prometheus.",
          ],
        },
      },
    },
    {
      name: "HealthCheckWarning",
      severity: "warning",
      for: "6 min",
      expr: ({ own }) => valueAt(own, ">= 1"),
      summary: ({ name }) =>
        `${name}: the health check {{ $labels.check }} says ${VALUE}, which is beyond its limit`,
      within: ["HealthCheckCritical"],
      whole: true,
      symptom: true,
      looksBack: HEALTH_INTERVAL,
      guide: {
        en: {
          means:
            "One of the checks that the stack makes of itself every five minutes was beyond its limit twice in a row, and no sharper alert of this component says so.",
          steps: [
            "`npx atalaya health -s STACK` asks all of them now, and says what to do.",
            "Its value over time: `atalaya_health_value` with the same labels in Prometheus.",
          ],
        },
        es: {
          means:
            "Una de las comprobaciones que el stack se hace cada cinco minutos pasó dos veces seguidas su límite, y ninguna alerta más precisa de este componente lo dice.",
          steps: [
            "`npx atalaya health -s STACK` las hace todas ahora y dice qué hacer.",
            "Su valor en el tiempo: `atalaya_health_value` con las mismas etiquetas en Prometheus.",
          ],
        },
      },
    },
    {
      name: "HealthCheckMissing",
      severity: "warning",
      for: "10 min",
      expr: ({ own, checks }) => `(count(${recorded(own)}) or vector(0)) < ${checks}`,
      summary: ({ name, checks }) =>
        `${name}: {{ $value }} of ${checks} health checks have a value`,
      whole: true,
      symptom: true,
      looksBack: HEALTH_INTERVAL,
      guide: {
        en: {
          means:
            "Some of the checks that the stack makes of itself have no value: nobody knows whether what they are about is well.",
          steps: [
            "`npx atalaya health -s STACK` says which ones cannot be asked.",
            "An exporter or all instances that are away have no metrics: list them first.",
            "A service of another team may lack a metric that a check is about (see the page of health checks).",
          ],
        },
        es: {
          means:
            "Algunas de las comprobaciones que el stack se hace no tienen valor: nadie sabe si lo que miran está bien.",
          steps: [
            "`npx atalaya health -s STACK` dice cuáles no se pueden hacer.",
            "Un exportador ausente, o todas las instancias ausentes, no dan métricas: lístelas primero.",
            "A un servicio de otro equipo puede faltarle una métrica de la que trata una comprobación (vea la página de comprobaciones).",
          ],
        },
      },
    },
  ],
};

/**
 * The alerts on recorded checks, of each component that has some. A component's other alerts say more, and
 * silence them: a warning never silences what is critical.
 */
export function alertsOfChecks({ system, checks, alerts }: Description): Alert[] {
  const asked = checks.filter(({ ask }) => ask.kind === "query");
  return [...new Set(asked.map(({ component }) => component))].flatMap((component) => {
    const others = alerts.filter((alert) => alert.component === component);
    const sharper = ({ severity }: Alert): string[] =>
      others
        .filter((other) => other.severity === "critical" || other.severity === severity)
        .map(({ name }) => name);
    // They see what the component's sharper symptoms see, and no more.
    const symptoms = others.filter(({ symptom }) => symptom);
    const narrow = symptoms.length > 0 && symptoms.every(({ behind }) => behind !== undefined);
    const behind = symptoms.flatMap((alert) => alert.behind ?? []);
    const facts = { checks: asked.filter((check) => check.component === component).length };
    return alertsOf(healthAlerts, { system: system.name, component }, facts).map((alert) => ({
      ...alert,
      within: [...alert.within, ...sharper(alert)],
      ...(narrow ? { behind } : {}),
    }));
  });
}
