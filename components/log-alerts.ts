import { type Alert, OBSERVER } from "../model/observability";
import { runnables } from "../model/system";
import { type AlertChapter, alertsOf } from "./alerts";
import { LINES } from "./observability/logs/agent-config";
import type { Description } from "./system";

/** Lines a minute, over five minutes, from which on somebody is told. */
export const LOG_LIMITS = { errors: 10 } as const;

/** Whose lines are counted. Prometheus keeps `system` for who counts them. */
export interface LoggedFacts {
  readonly system: string;
}

/** Errors a minute that a component's containers print, over five minutes. */
export const errorsLogged = (system: string, component: string): string =>
  `60 * sum(rate(${LINES.series}{exported_system="${system}",service="${component}",level=~"error|fatal"}[5m]))`;

/**
 * Alerts on what containers print, of every component that runs something. The agents count lines by component and
 * level, so that Prometheus decides, as of everything else.
 */
export const logAlerts: AlertChapter<LoggedFacts> = {
  title: { en: "What containers print", es: "Lo que escriben los contenedores" },
  rules: [
    {
      name: "LogErrors",
      severity: "warning",
      for: "2 min",
      gg07: "given",
      expr: ({ system, name }) => `${errorsLogged(system, name)} > ${LOG_LIMITS.errors}`,
      summary: ({ name }) =>
        `${name}: {{ $value | printf "%.0f" }} errors a minute in its log, the limit is ${LOG_LIMITS.errors}`,
      symptom: true,
      looksBack: "5 min",
      guide: {
        en: {
          means:
            "Its containers print more errors than usual. Users may not see it yet: something is retried, or fails in the background.",
          steps: [
            "Read them: `npx atalaya logs -s STACK --system SYSTEM --service COMPONENT --level error --since 15m`.",
            "One of them again and again? Follow its request through all services: `--request ID`.",
            "Started after a release? Roll it back first, ask later.",
          ],
        },
        es: {
          means:
            "Sus contenedores escriben más errores de lo habitual. Puede que los usuarios aún no lo noten: algo se reintenta, o falla por detrás.",
          steps: [
            "Léalos: `npx atalaya logs -s STACK --system SISTEMA --service COMPONENTE --level error --since 15m`.",
            "¿Uno que se repite? Siga su petición por todos los servicios: `--request ID`.",
            "¿Empezó tras una versión nueva? Vuelva primero a la anterior y pregunte después.",
          ],
        },
      },
    },
  ],
};

/**
 * Those of every component of a system whose lines are kept; but for who asks others as a client would: what it writes
 * down as its errors is what went wrong with them, and the alerts about them tell it.
 */
export function alertsOfLogs(of: Description): Alert[] {
  const { system } = of;
  if (!system.args.logged) return [];
  const components = new Set(
    runnables({ workloads: of.workloads, jobs: of.jobs, schedules: of.schedules }).map(
      ({ component }) => component,
    ),
  );
  components.delete(OBSERVER.probes);
  return [...components].flatMap((component) =>
    alertsOf(logAlerts, { system: system.name, component }, { system: system.name }),
  );
}
