import {
  type AlertChapter,
  type AlertRule,
  answering,
  exporterDown,
  nodeUnobserved,
  PERCENT,
} from "../alerts";

/** What the alerts of nodes go by. */
export interface NodeFacts {
  readonly exporter: string;
  /** Fewer of them need not be a fault. */
  readonly nodesComeAndGo: boolean;
}

/** Where something may be kept: not in memory, nor an image's own read-only layers. */
const DISKS =
  'fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660|nsfs|autofs",mountpoint!~"/(boot|run|sys|proc|dev)(/.*)?"';

/** Where a machine is no longer well: the part of a disk that is free, and of memory and processors in use. */
export const NODE_LIMITS = { disk: 0.1, memory: 0.9, cpu: 0.9 } as const;

/** By instance: part of the memory in use. */
export const memoryInUse = (own: string): string =>
  `1 - node_memory_MemAvailable_bytes{${own}} / node_memory_MemTotal_bytes{${own}}`;

/** By instance: part of the processors' time that was used. */
export const busy = (own: string): string =>
  `1 - avg by (instance) (rate(node_cpu_seconds_total{${own},mode="idle"}[5m]))`;

/** By instance: load of 5 minutes, for each processor. */
export const load = (own: string): string =>
  `sum by (instance) (node_load5{${own}}) / count by (instance) (node_cpu_seconds_total{${own},mode="idle"})`;

/** By instance and mount: the part of a disk that is free. */
export const free = (own: string): string =>
  `node_filesystem_avail_bytes{${own},${DISKS}} / node_filesystem_size_bytes{${own},${DISKS}}`;

const on = "on {{ $labels.instance }}";

const diskSteps: AlertRule["guide"] = {
  en: {
    means: "",
    steps: [
      "What takes it? `du -xh --max-depth=2 / | sort -h | tail`; of the engine `docker system df`.",
      "Old images go first: `docker image prune -a --filter until=168h`. Never prune volumes: they are the data.",
      "A database that grew needs a larger disk; do not delete its files.",
    ],
  },
  es: {
    means: "",
    steps: [
      "¿Qué lo ocupa? `du -xh --max-depth=2 / | sort -h | tail`; del motor `docker system df`.",
      "Primero las imágenes viejas: `docker image prune -a --filter until=168h`. Nunca limpie volúmenes: son los datos.",
      "Una base que creció necesita un disco mayor; no borre sus ficheros.",
    ],
  },
};

/** Alerts of the machines, by node_exporter (GG-07). */
export const nodeAlerts: AlertChapter<NodeFacts> = {
  title: { en: "Nodes", es: "Nodos" },
  rules: [
    {
      name: "DiskSpaceLow",
      severity: "critical",
      for: "1 min",
      gg07: "given",
      expr: ({ own }) => `${free(own)} < ${NODE_LIMITS.disk}`,
      summary: () => `{{ $labels.mountpoint }} ${on}: ${PERCENT} free, the limit is 10 %`,
      guide: {
        en: {
          ...diskSteps.en,
          means:
            "Less than a tenth of a disk is free. A full one stops databases and keeps new versions from starting.",
        },
        es: {
          ...diskSteps.es,
          means:
            "Queda libre menos de un décimo de un disco. Lleno, detiene bases de datos e impide arrancar versiones nuevas.",
        },
      },
    },
    {
      name: "DiskFullSoon",
      severity: "warning",
      for: "10 min",
      gg07: "ours",
      expr: ({ own }) =>
        `${free(own)} < 0.4 and predict_linear(node_filesystem_avail_bytes{${own},${DISKS}}[1h], 4 * 3600) < 0`,
      summary: () =>
        `{{ $labels.mountpoint }} ${on}: ${PERCENT} free, and full within four hours as it fills now`,
      within: ["DiskSpaceLow"],
      guide: {
        en: {
          ...diskSteps.en,
          means: "If a disk goes on filling as in the last hour, nothing is free in four hours.",
        },
        es: {
          ...diskSteps.es,
          means:
            "Si un disco se sigue llenando como en la última hora, en cuatro no queda nada libre.",
        },
      },
    },
    {
      name: "HighMemoryUsage",
      severity: "critical",
      for: "2 min",
      gg07: "given",
      expr: ({ own }) => `${memoryInUse(own)} > ${NODE_LIMITS.memory}`,
      summary: () => `${PERCENT} of the memory ${on} is in use, the limit is 90 %`,
      guide: {
        en: {
          means:
            "Hardly any memory is left on a node. Next the kernel kills a process of its choice.",
          steps: [
            "Who has it? `docker stats --no-stream`, or `kubectl top pods -A --sort-by=memory`.",
            "Something outside of the stack? Stop it. Everything in the stack has a limit.",
            "All of it needed? Another node, or lower limits.",
          ],
        },
        es: {
          means:
            "Casi no queda memoria en un nodo. Lo siguiente es que el núcleo mate un proceso a su elección.",
          steps: [
            "¿Quién la tiene? `docker stats --no-stream`, o `kubectl top pods -A --sort-by=memory`.",
            "¿Algo ajeno al stack? Párelo. Todo lo del stack tiene un límite.",
            "¿Hace falta toda? Otro nodo, o límites más bajos.",
          ],
        },
      },
    },
    {
      name: "HighCPUUsage",
      severity: "warning",
      for: "10 min",
      expr: ({ own }) => `${busy(own)} > ${NODE_LIMITS.cpu}`,
      summary: () => `the processors ${on} are ${PERCENT} busy`,
      guide: {
        en: {
          means: "A node has been computing at its limit for ten minutes. Answers get slow.",
          steps: [
            "Who? `docker stats --no-stream`, or `kubectl top pods -A --sort-by=cpu`.",
            "A backup or an image build? It will end. Traffic? Add a node.",
          ],
        },
        es: {
          means: "Un nodo calcula al límite desde hace diez minutos. Las respuestas van lentas.",
          steps: [
            "¿Quién? `docker stats --no-stream`, o `kubectl top pods -A --sort-by=cpu`.",
            "¿Una copia o una construcción de imagen? Acabará. ¿Tráfico? Añada un nodo.",
          ],
        },
      },
    },
    {
      name: "OutOfMemoryKill",
      severity: "warning",
      for: "0 s",
      gg07: "ours",
      expr: ({ own }) => `increase(node_vmstat_oom_kill{${own}}[5m]) > 0.5`,
      summary: () => `{{ $value | printf "%.0f" }} processes ${on} were killed for their memory`,
      guide: {
        en: {
          means:
            "The kernel has killed a process, mostly one that went over its container's limit.",
          steps: [
            "Which one? `journalctl -k | grep -i 'killed process'`, or the instance that ended with exit code 137.",
            "A leak grows until it is killed; a limit that is too low kills under load. Raise the limit or roll back.",
          ],
        },
        es: {
          means:
            "El núcleo ha matado un proceso, casi siempre uno que pasó el límite de su contenedor.",
          steps: [
            "¿Cuál? `journalctl -k | grep -i 'killed process'`, o la instancia que terminó con código 137.",
            "Una fuga crece hasta que la matan; un límite bajo mata con carga. Suba el límite o vuelva atrás.",
          ],
        },
      },
    },
    {
      name: "NodeMissing",
      when: ({ nodesComeAndGo }) => !nodesComeAndGo,
      severity: "warning",
      for: "5 min",
      // Only what was seen for five minutes counts: while an exporter is replaced there is one more for a moment.
      expr: ({ own, exporter }) => {
        const seen = answering(own, exporter);
        return `max_over_time(min_over_time(${seen}[5m:30s])[1d:5m]) - ${seen} > 0`;
      },
      summary: () => 'missing nodes: {{ $value | printf "%.0f" }}, compared with the last day',
      within: ["ExporterDown"],
      guide: {
        en: {
          means:
            "A machine is gone, or does not answer. What ran there runs elsewhere now, where there is room for it; what has its data there does not run at all.",
          steps: [
            "Which one? `docker node ls`.",
            "Is it there and only its observer is not? `docker service ps STACK-nodes-machine`.",
            "Taken away on purpose? Silence it for a day: then it is over by itself. So “over” after a day does not say that a node is back.",
          ],
        },
        es: {
          means:
            "Falta una máquina, o no responde. Lo que corría allí corre ahora en otra si hay sitio; lo que tiene sus datos allí no corre.",
          steps: [
            "¿Cuál? `docker node ls`.",
            "¿Está, y solo falta su observador? `docker service ps STACK-nodes-machine`.",
            "¿Se retiró a propósito? Siléncielo un día: después se acaba solo. Por eso «resuelto» al cabo de un día no dice que un nodo haya vuelto.",
          ],
        },
      },
    },
    exporterDown,
    nodeUnobserved,
  ],
};
