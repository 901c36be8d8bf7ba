import type { CheckChapter } from "../../model/health";
import { unobserved, type Watched } from "../alerts";
import { busy, free, load, memoryInUse, NODE_LIMITS, type NodeFacts } from "./node-alerts";

/** Checks of the machines, by node_exporter: the worst of them counts (GG-08). */
export const nodeChecks: CheckChapter<NodeFacts & Watched> = {
  title: { en: "Nodes", es: "Nodos" },
  rules: [
    {
      name: "observed",
      group: "node",
      title: { en: "nodes that show no metrics", es: "nodos que no muestran métricas" },
      ask: ({ own, exporter }) => ({ kind: "query", expr: unobserved(own, exporter) }),
      unit: "count",
      limits: { beyond: "above", warning: 0 },
      fix: {
        en: "List the exporter's instances and read its log: without them nobody sees a full disk.",
        es: "Liste las instancias del exportador y lea su registro: sin ellas nadie ve un disco lleno.",
      },
      alert: "NodeUnobserved",
    },
    {
      name: "disk",
      group: "node",
      title: { en: "free part of the fullest disk", es: "parte libre del disco más lleno" },
      ask: ({ own }) => ({ kind: "query", expr: `min(${free(own)})` }),
      unit: "ratio",
      // GG-08 asks for more than 10 %; a warning at twice that leaves a day to act.
      limits: { beyond: "below", warning: 0.2, critical: NODE_LIMITS.disk },
      fix: {
        en: "What takes it? `du -xh --max-depth=2 / | sort -h | tail`; of the engine `docker system df`. Old images go first; never prune volumes.",
        es: "¿Qué lo ocupa? `du -xh --max-depth=2 / | sort -h | tail`; del motor `docker system df`. Primero las imágenes viejas; nunca limpie volúmenes.",
      },
      alert: "DiskSpaceLow",
    },
    {
      name: "memory",
      group: "node",
      title: { en: "memory in use", es: "memoria en uso" },
      ask: ({ own }) => ({
        kind: "query",
        expr: `max(${memoryInUse(own)})`,
      }),
      unit: "ratio",
      // GG-08 asks for less than 90 %.
      limits: { beyond: "above", warning: 0.85, critical: NODE_LIMITS.memory },
      fix: {
        en: "Who has it? `docker stats --no-stream`, or `kubectl top pods -A --sort-by=memory`. Something outside of the stack? Stop it.",
        es: "¿Quién la tiene? `docker stats --no-stream`, o `kubectl top pods -A --sort-by=memory`. ¿Algo ajeno al stack? Párelo.",
      },
      alert: "HighMemoryUsage",
    },
    {
      name: "cpu",
      group: "node",
      title: { en: "processors busy, 5 minutes", es: "procesadores ocupados, 5 minutos" },
      ask: ({ own }) => ({
        kind: "query",
        expr: `max(${busy(own)})`,
      }),
      unit: "ratio",
      // GG-08 asks for less than 95 %.
      limits: { beyond: "above", warning: NODE_LIMITS.cpu, critical: 0.95 },
      fix: {
        en: "Who? `docker stats --no-stream`, or `kubectl top pods -A --sort-by=cpu`. A backup or an image build ends by itself; traffic wants a node more.",
        es: "¿Quién? `docker stats --no-stream`, o `kubectl top pods -A --sort-by=cpu`. Una copia o una construcción de imagen acaba sola; el tráfico pide otro nodo.",
      },
      alert: "HighCPUUsage",
    },
    {
      name: "load",
      group: "node",
      title: {
        en: "load of 5 minutes, for each processor",
        es: "carga de 5 minutos, por procesador",
      },
      ask: ({ own }) => ({
        kind: "query",
        expr: `max(${load(own)})`,
      }),
      unit: "load",
      // One process waits for each that runs, and three.
      limits: { beyond: "above", warning: 2, critical: 4 },
      fix: {
        en: "Processors idle meanwhile? Then it waits for a disk: `iostat -x 5 2`. Else as for busy processors.",
        es: "¿Procesadores libres mientras tanto? Entonces espera a un disco: `iostat -x 5 2`. Si no, como con procesadores ocupados.",
      },
      alert: "HighCPUUsage",
    },
  ],
};
