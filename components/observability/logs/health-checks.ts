import type { CheckChapter } from "../../../model/health";
import { unobserved, type Watched } from "../../alerts";
import { ready } from "../../health";
import { type LogWorkload, WAITING, waiting } from "./alerts";

/** Checks of who reads the files (GG-08). */
export const agentChecks: CheckChapter<LogWorkload & Watched> = {
  title: { en: "Reading logs", es: "Lectura de registros" },
  rules: [
    {
      name: "reading",
      group: "monitoring",
      title: { en: "nodes whose log files nobody reads", es: "nodos cuyos registros nadie lee" },
      ask: ({ own, workload }) => ({ kind: "query", expr: unobserved(own, workload) }),
      unit: "count",
      limits: { beyond: "above", warning: 0 },
      fix: {
        en: "List the agent's instances and read its log: lines stay in the engine's files until it is back.",
        es: "Liste las instancias del agente y lea su registro: las líneas quedan en los archivos del motor hasta que vuelva.",
      },
      alert: "NodeUnobserved",
    },
    {
      name: "waiting",
      group: "monitoring",
      title: {
        en: "room for lines that wait for Loki, taken",
        es: "espacio para líneas que esperan a Loki, ocupado",
      },
      ask: ({ own }) => ({ kind: "query", expr: waiting(own) }),
      unit: "ratio",
      limits: { beyond: "above", warning: WAITING.warning },
      fix: {
        en: "Is Loki away, or does something print without end?",
        es: "¿Falta Loki, o algo escribe sin parar?",
      },
      alert: "LogsWaiting",
    },
  ],
};

/** Checks of who keeps them. */
export const storeChecks: CheckChapter<{ readonly workload: string; readonly instances: number }> =
  {
    title: { en: "Loki", es: "Loki" },
    rules: [
      ready("monitoring", {
        title: {
          en: "instances that are not ready, asked themselves",
          es: "instancias que no están listas, preguntadas ellas mismas",
        },
        fix: {
          en: "Nothing is lost for hours. Read its log: a full volume, a file that it refuses?",
          es: "Durante horas no se pierde nada. Lea su registro: ¿un volumen lleno, un archivo que rechaza?",
        },
        alert: "LogStoreDown",
      }),
    ],
  };
