import {
  type Alert,
  CONTAINERS,
  type EndpointProbe,
  OBSERVER,
  type Severity,
} from "../model/observability";
import { type Duration, seconds } from "../model/units";
import type { Component, Description } from "./system";

/** A section of the page of alerts: what an alert means, and what to do, in this order. */
export interface Guide {
  readonly means: string;
  readonly steps: readonly string[];
}

/** A component as its alerts see it. */
export interface Watched {
  readonly name: string;
  /** Label matchers of its own metrics, as they stand between braces. */
  readonly own: string;
}

/** An alert of a kind of component; each component of the kind has it with its own labels. */
export interface AlertRule<Of = unknown> {
  readonly name: string;
  readonly severity: Severity | "none";
  readonly for: Duration;
  /** `given`: GG-07 names it. `ours`: one of the eight that GG-07 leaves to us. Beyond GG-07 when absent. */
  readonly gg07?: "given" | "ours";
  /** Where it applies. @default everywhere */
  readonly when?: (of: Of & Watched) => boolean;
  readonly expr: (of: Of & Watched) => string;
  /** One line; `{{ $value }}` stands for the current value. */
  readonly summary: (of: Of & Watched) => string;
  readonly within?: readonly string[];
  readonly whole?: boolean;
  readonly outage?: boolean;
  readonly symptom?: boolean;
  /** Components that its question reaches, where that is less than all that its own one has links to. */
  readonly behind?: (of: Of & Watched) => readonly string[];
  /** For how long it still sees what is over: the span of a mean, or between two records. @default "0 s" */
  readonly looksBack?: Duration;
  readonly each?: boolean;
  readonly guide: Readonly<Record<"en" | "es", Guide>>;
}

/** Rules of one kind of component: a chapter of the page. */
export interface AlertChapter<Of = unknown> {
  readonly title: Readonly<Record<"en" | "es", string>>;
  readonly rules: readonly AlertRule<Of>[];
}

/** What a chapter's rules need to know besides the component's name: nothing. */
export type Nothing = Readonly<Record<never, never>>;

/** Adds a component's alerts to its description. */
export function alertOn<Of extends object>(
  to: Description,
  component: Pick<Component, "name">,
  chapter: AlertChapter<Of>,
  of: Of,
): void {
  to.alerts.push(...alertsOf(chapter, { system: to.system.name, component: component.name }, of));
}

/** Label matchers of a component's own metrics. */
export const ownLabels = (at: { readonly system: string; readonly component: string }): string =>
  `system="${at.system}",component="${at.component}"`;

/** A chapter's alerts of one component. */
export function alertsOf<Of extends object>(
  { rules }: AlertChapter<Of>,
  at: { readonly system: string; readonly component: string },
  of: Of,
): Alert[] {
  const watched = { ...of, name: at.component, own: ownLabels(at) };
  return rules
    .filter(({ when }) => when?.(watched) !== false)
    .map((rule) => ({
      name: rule.name,
      component: at.component,
      expr: rule.expr(watched),
      for: seconds(rule.for),
      severity: rule.severity,
      summary: rule.summary(watched),
      description: rule.guide.en.means,
      within: rule.within ?? [],
      whole: rule.whole ?? false,
      outage: rule.outage ?? false,
      symptom: rule.symptom ?? false,
      ...(rule.behind === undefined ? {} : { behind: rule.behind(watched) }),
      looksBack: seconds(rule.looksBack ?? "0 s"),
      ...(rule.each === undefined ? {} : { each: rule.each }),
    }));
}

/**
 * How many instances of a workload answer. Under service discovery an instance that is gone has no
 * series at all, so nothing has to count as zero.
 */
export const answering = (own: string, workload: string): string =>
  `(count(up{${own},workload="${workload}"} == 1) or vector(0))`;

/**
 * On how many nodes an observer does not answer that runs on each of them, at each of its ports. There are as many
 * nodes as the observer that is on most of them sees: where a node is away all are, and nobody is missed. With no
 * observer left there is one node at least.
 */
export const unobserved = (own: string, observer: string): string => {
  const nodes = `max(count by (job) (up{system="${CONTAINERS.system}"} == 1)) or vector(1)`;
  const there = `min(sum by (job) (up{${own},workload="${observer}"})) or vector(0)`;
  return `((${nodes}) - (${there}))`;
};

/**
 * How many instances of a workload run, for one that cannot be asked itself: by what shows containers, and nothing
 * where nobody shows those of some node: they may run there. For a minute the last that was seen counts: who shows
 * them may be replaced meanwhile.
 */
export const running = (own: string, workload: string): string => {
  const { system, workload: observer } = CONTAINERS;
  const seen = `count(last_over_time(container_start_time_seconds{${own},workload="${workload}"}[1m])) or vector(0)`;
  const hidden = unobserved(ownLabels({ system, component: observer }), observer);
  // A moment in which one more or less answers makes nobody forget; it ends well before the minute does.
  return `((${seen}) and on() (min_over_time(${hidden}[30s:15s]) == 0))`;
};

/**
 * How many questions from outside are answered as they should be. Nothing at all where nobody asks them: that who
 * asks is away says nothing of who would answer, and is told by itself (ProbesDown). It is away as soon as it leaves
 * one of these questions open, and until it has answered each of them again.
 * @param well what an answer as it should be is, from the matchers of all; @default that it is usable
 */
export const answered = (
  own: string,
  kind: EndpointProbe["ask"]["kind"],
  well = (questions: string): string => `probe_success{${questions}} == 1`,
): string => {
  const questions = `${own},probe="${kind}"`;
  const whoAsks = ownLabels({ system: OBSERVER.system, component: OBSERVER.probes });
  return `((count(${well(questions)}) or vector(0)) and min(up{${whoAsks}} or up{${questions}}) == 1)`;
};

/** A percentage of the current value, from a ratio. */
export const PERCENT = "{{ $value | humanizePercentage }}";

/** Alerts that several kinds of component share. */

/** Fewer instances than declared. */
export const instancesMissing = (
  outage: string,
  there: typeof answering,
): AlertRule<{ readonly workload: string; readonly instances: number }> => ({
  name: "InstancesMissing",
  severity: "warning",
  for: "2 min",
  gg07: "ours",
  expr: ({ own, workload, instances }) => `${there(own, workload)} < ${instances}`,
  summary: ({ name, instances }) => `${name}: {{ $value }} of ${instances} instances are there`,
  within: [outage],
  symptom: true,
  guide: {
    en: {
      means:
        "Fewer instances than declared answer the question for their metrics; of a service that has none, fewer run. The rest carries the load; another loss may end the service.",
      steps: [
        "List the instances: `docker service ps`, or `kubectl get pods`, and read why the last one ended.",
        "No room on the nodes? Look for a task in state pending.",
        "Started after a release? Roll it back.",
      ],
    },
    es: {
      means:
        "Responden menos instancias de las declaradas cuando se les piden sus métricas; de un servicio que no las da, corren menos. Las demás llevan la carga; otra pérdida puede acabar con el servicio.",
      steps: [
        "Liste las instancias: `docker service ps`, o `kubectl get pods`, y lea por qué terminó la última.",
        "¿No hay sitio en los nodos? Busque una tarea en estado pending.",
        "¿Empezó tras una versión nueva? Vuelva a la anterior.",
      ],
    },
  },
});

/** A process that starts again and again. */
export const containerRestarting = <Of>(expr: AlertRule<Of>["expr"]): AlertRule<Of> => ({
  name: "ContainerRestarting",
  severity: "warning",
  for: "0 s",
  gg07: "given",
  expr,
  summary: ({ name }) => `${name}: {{ $value }} starts in 15 minutes`,
  guide: {
    en: {
      means:
        "The process was started more often in 15 minutes than an update would explain: it crashes, runs out of memory, or fails its liveness check.",
      steps: [
        "Read the last lines of an instance that ended: `docker service logs`, or `kubectl logs --previous`.",
        "Exit code 137 means killed: compare its memory with its limit (see OutOfMemoryKill).",
        "Started after a release? Roll it back.",
      ],
    },
    es: {
      means:
        "El proceso arrancó más veces en 15 minutos de las que explica una actualización: se cae, se queda sin memoria, o falla su comprobación de vida.",
      steps: [
        "Lea las últimas líneas de una instancia terminada: `docker service logs`, o `kubectl logs --previous`.",
        "El código 137 significa que fue matado: compare su memoria con su límite (vea OutOfMemoryKill).",
        "¿Empezó tras una versión nueva? Vuelva a la anterior.",
      ],
    },
  },
});

/** An observer of nodes that is away on some of them: what it would tell of those nobody tells. */
export const nodeUnobserved: AlertRule = {
  name: "NodeUnobserved",
  severity: "warning",
  for: "5 min",
  expr: ({ own, name }) => `${unobserved(own, name)} > 0`,
  summary: ({ name }) =>
    `${name} does not answer on {{ $value }} of the nodes on which others do, and tells nothing of them`,
  within: ["ExporterDown", "LogAgentDown"],
  guide: {
    en: {
      means:
        "What observes nodes runs on each of them, and on some one of them does not answer while another does. What it would tell of such a node is missing: its disks and memory (`machine`), what its containers take and whether they run (`containers`), what they print (`log-agent`).",
      steps: [
        "On which node, and why? `docker service ps --no-trunc STACK-nodes-NAME`, or `kubectl -n STACK-nodes get pods -o wide`: a node without it, one that ends again and again, no room, an image that the node cannot get.",
        "It runs everywhere? Then Prometheus does not reach it there: `up == 0` with its name has the address; a firewall between the nodes?",
        "Look at that node yourself meanwhile. A busy container overwrites its log files within hours.",
      ],
    },
    es: {
      means:
        "Lo que observa los nodos corre en cada uno, y en alguno no responde mientras otro sí. Falta lo que diría de ese nodo: sus discos y su memoria (`machine`), lo que consumen sus contenedores y si corren (`containers`), lo que escriben (`log-agent`).",
      steps: [
        "¿En qué nodo, y por qué? `docker service ps --no-trunc STACK-nodes-NOMBRE`, o `kubectl -n STACK-nodes get pods -o wide`: un nodo sin él, uno que termina una y otra vez, falta de sitio, una imagen que el nodo no logra obtener.",
        "¿Corre en todas partes? Entonces Prometheus no llega a él allí: `up == 0` con su nombre da la dirección; ¿un cortafuegos entre los nodos?",
        "Mientras tanto mire usted ese nodo. Un contenedor activo sobrescribe sus archivos de registro en horas.",
      ],
    },
  },
};

/** Nobody tells the store's metrics: its other alerts are blind. */
export const exporterDown: AlertRule<{ readonly exporter: string }> = {
  name: "ExporterDown",
  severity: "warning",
  for: "2 min",
  expr: ({ own, exporter }) => `${answering(own, exporter)} == 0`,
  summary: ({ name, exporter }) => `${name}: ${exporter} does not answer, its metrics are missing`,
  guide: {
    en: {
      means:
        "The exporter is gone, so that no other alert of this component can fire. The component itself may well be up.",
      steps: [
        "List the exporter's instances and read its log.",
        "Ask the component itself whether it is well (its health check).",
      ],
    },
    es: {
      means:
        "El exportador no está, así que ninguna otra alerta de este componente puede saltar. El componente mismo puede estar bien.",
      steps: [
        "Liste las instancias del exportador y lea su registro.",
        "Pregunte al componente mismo si está bien (su comprobación de salud).",
      ],
    },
  },
};
