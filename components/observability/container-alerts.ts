import {
  type AlertChapter,
  containerRestarting,
  exporterDown,
  nodeUnobserved,
  PERCENT,
} from "../alerts";

/** Where a container is no longer well: parts of its memory, and of the periods in which it was held back. */
export const CONTAINER_LIMITS = { memory: 0.9, throttled: 0.5 } as const;

/** Whose it is; several instances are one. */
const WHOSE = "system, component, workload";

/**
 * A selector of a stack's own series, where a Prometheus has others' as well: cAdvisor's, of the whole cluster, are
 * called the same.
 */
export const OURS = '{system!=""}';

/** What containers show, by workload; `of` is the selector where it needs one. */
type ByWorkload = (of?: string) => string;

/** Part of its memory that the fullest instance cannot give back: files go when room is needed. */
export const memoryOfLimit: ByWorkload = (of = "") =>
  `max by (${WHOSE}) ((container_memory_working_set_bytes${of} - container_memory_total_active_file_bytes${of}) / container_spec_memory_limit_bytes${of})`;

/** By workload: part of its processor time that the busiest instance takes. */
export const cpuOfLimit = `max by (${WHOSE}) (rate(container_cpu_usage_seconds_total[5m]) * container_spec_cpu_period / container_spec_cpu_quota)`;

/** By workload: part of the periods in which the instance that was held back most had reached its limit. */
export const throttled: ByWorkload = (of = "") =>
  `max by (${WHOSE}) (rate(container_cpu_cfs_throttled_periods_total${of}[5m]) / rate(container_cpu_cfs_periods_total${of}[5m]))`;

/** By workload: processes that were killed for its memory in five minutes. */
export const killed: ByWorkload = (of = "") =>
  `sum by (${WHOSE}) (increase(container_oom_events_total${of}[5m]))`;

/** By workload: how often an instance was started in 15 minutes. */
export const starts: ByWorkload = (of = "") =>
  `changes(max by (${WHOSE}) (container_start_time_seconds${of})[15m:30s])`;

/** More often than two updates would, each of which starts every instance once. */
const restarting: ByWorkload = (of = "") =>
  `${starts(of)} > 2 * max_over_time(count by (${WHOSE}) (container_start_time_seconds${of})[15m:30s])`;

const who = "{{ $labels.system }}/{{ $labels.workload }}";

/** What alerts and checks of containers go by. */
export interface ContainerFacts {
  readonly exporter: string;
  /** Selector of the stack's own series; absent where there are no others. */
  readonly series?: string;
}

/** Alerts of all containers of a stack: each is its own system's (PR-03, PR-08). */
export const containerAlerts: AlertChapter<ContainerFacts> = {
  title: { en: "Containers", es: "Contenedores" },
  rules: [
    {
      name: "ContainerMemoryHigh",
      severity: "warning",
      for: "10 min",
      each: true,
      expr: ({ series }) => `${memoryOfLimit(series)} > ${CONTAINER_LIMITS.memory}`,
      summary: () => `${who} uses ${PERCENT} of its memory, the limit is 90 %`,
      guide: {
        en: {
          means:
            "A container is near its memory's limit; files that are kept in memory are not counted. When it gets there, the kernel kills a process of it.",
          steps: [
            "Does it grow all the time (dashboard “Containers”)? A leak: restart it now, roll back what came last.",
            "Did it come with traffic? More instances, or a higher limit: `resources.memory`.",
          ],
        },
        es: {
          means:
            "Un contenedor está cerca de su límite de memoria; los ficheros que se guardan en ella no cuentan. Al llegar, el núcleo mata uno de sus procesos.",
          steps: [
            "¿Crece sin parar (tablero «Containers»)? Una fuga: reinícielo ya, y vuelva atrás lo último que cambió.",
            "¿Vino con el tráfico? Más instancias, o un límite más alto: `resources.memory`.",
          ],
        },
      },
    },
    {
      name: "ContainerThrottled",
      severity: "warning",
      for: "15 min",
      each: true,
      expr: ({ series }) => `${throttled(series)} > ${CONTAINER_LIMITS.throttled}`,
      summary: () =>
        `${who} was held at its processors' limit in ${PERCENT} of the periods, the limit is 50 %`,
      guide: {
        en: {
          means:
            "A container wants more processor time than it may have, and is stopped for a moment again and again: answers get slow.",
          steps: [
            "Traffic? More instances (`scale`), or a higher limit: `resources.cpu`.",
            "No traffic? Something computes without end: read its log, roll back what came last.",
            "A backup or a migration ends by itself.",
          ],
        },
        es: {
          means:
            "Un contenedor quiere más procesador del que le toca y se le detiene una y otra vez: las respuestas van lentas.",
          steps: [
            "¿Tráfico? Más instancias (`scale`), o un límite más alto: `resources.cpu`.",
            "¿Sin tráfico? Algo calcula sin fin: lea su registro, vuelva atrás lo último que cambió.",
            "Una copia o una migración acaba sola.",
          ],
        },
      },
    },
    {
      name: "ContainerOutOfMemory",
      severity: "warning",
      for: "0 s",
      each: true,
      expr: ({ series }) => `${killed(series)} > 0.5`,
      summary: () =>
        `{{ $value | printf "%.0f" }} processes of ${who} were killed for their memory in five minutes`,
      guide: {
        en: {
          means:
            "The kernel killed a process of a container that went on running. One whose only process is killed ends: see WorkloadRestarting and OutOfMemoryKill.",
          steps: [
            "Which one? `journalctl -k | grep -i 'killed process'`.",
            "A leak grows until it is killed; a limit that is too low kills under load. Raise `resources.memory` or roll back.",
          ],
        },
        es: {
          means:
            "El núcleo mató un proceso de un contenedor que siguió en marcha. Uno cuyo único proceso muere termina: vea WorkloadRestarting y OutOfMemoryKill.",
          steps: [
            "¿Cuál? `journalctl -k | grep -i 'killed process'`.",
            "Una fuga crece hasta que la matan; un límite bajo mata con carga. Suba `resources.memory` o vuelva atrás.",
          ],
        },
      },
    },
    {
      // Of everything that runs: kinds of component that have ContainerRestarting say it with their own limit.
      name: "WorkloadRestarting",
      severity: "warning",
      for: "0 s",
      each: true,
      expr: ({ series }) => restarting(series),
      summary: () => `${who}: {{ $value }} starts in 15 minutes`,
      within: ["ContainerRestarting"],
      guide: containerRestarting(() => restarting()).guide,
    },
    exporterDown,
    nodeUnobserved,
  ],
};
