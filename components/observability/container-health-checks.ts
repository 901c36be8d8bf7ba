import type { CheckChapter } from "../../model/health";
import { unobserved, type Watched } from "../alerts";
import { CONTAINER_LIMITS, type ContainerFacts, killed, memoryOfLimit } from "./container-alerts";

/** Checks of all containers of a stack: the worst of them counts (GG-08). */
export const containerChecks: CheckChapter<ContainerFacts & Watched> = {
  title: { en: "Containers", es: "Contenedores" },
  rules: [
    {
      name: "observed",
      group: "node",
      title: {
        en: "nodes that do not show what their containers take",
        es: "nodos que no muestran lo que consumen sus contenedores",
      },
      ask: ({ own, exporter }) => ({ kind: "query", expr: unobserved(own, exporter) }),
      unit: "count",
      limits: { beyond: "above", warning: 0 },
      fix: {
        en: "List the instances of `containers` and read the log: without them nobody sees which one is short of memory.",
        es: "Liste las instancias de `containers` y lea el registro: sin ellas nadie ve a cuál le falta memoria.",
      },
      alert: "NodeUnobserved",
    },
    {
      name: "memory",
      group: "node",
      title: {
        en: "memory of the fullest container, of its limit",
        es: "memoria del contenedor más lleno, de su límite",
      },
      ask: ({ series }) => ({ kind: "query", expr: `max(${memoryOfLimit(series)})` }),
      unit: "ratio",
      limits: { beyond: "above", warning: CONTAINER_LIMITS.memory },
      fix: {
        en: "Which one? The dashboard “Containers”, or `docker stats --no-stream`. What grows all the time is a leak.",
        es: "¿Cuál? El tablero «Containers», o `docker stats --no-stream`. Lo que crece sin parar es una fuga.",
      },
      alert: "ContainerMemoryHigh",
    },
    {
      name: "killed",
      group: "node",
      title: {
        en: "processes of containers killed for their memory, 5 minutes",
        es: "procesos de contenedores matados por su memoria, 5 minutos",
      },
      ask: ({ series }) => ({ kind: "query", expr: `sum(${killed(series)})` }),
      unit: "count",
      limits: { beyond: "above", warning: 0 },
      fix: {
        en: "Whose? The dashboard “Containers”. Raise `resources.memory`, or roll back what came last.",
        es: "¿De quién? El tablero «Containers». Suba `resources.memory`, o vuelva atrás lo último que cambió.",
      },
      alert: "ContainerOutOfMemory",
    },
  ],
};
