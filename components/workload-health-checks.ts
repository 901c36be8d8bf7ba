import type { CheckChapter } from "../model/health";

/** What the engine is asked of every workload, whoever describes it. */
export interface WorkloadFacts {
  readonly workload: string;
  /** Instances that are declared at least. */
  readonly instances: number;
  /** It runs once on every node. */
  readonly everyNode: boolean;
}

const ask =
  (what: "instances" | "ended" | "updates" | "absent") =>
  ({ workload }: WorkloadFacts) =>
    ({ kind: "workload", workload, what }) as const;

/** Checks of every workload, by what the engine says of it. */
export const workloadChecks: CheckChapter<WorkloadFacts> = {
  title: { en: "Everything that runs", es: "Todo lo que está en marcha" },
  rules: [
    {
      name: "instances",
      group: "engine",
      title: { en: "instances that run and are well", es: "instancias en marcha y sanas" },
      ask: ask("instances"),
      unit: "count",
      limits: {
        en: "warning below those declared, critical below 1",
        es: "aviso con menos de las declaradas, crítico con menos de 1",
        of: ({ instances }) => ({
          beyond: "below",
          ...(instances > 1 ? { warning: instances } : {}),
          critical: 1,
        }),
      },
      fix: {
        en: "Why did the last one end? `docker service ps --no-trunc`, or `kubectl describe pod`. Started after a release? Roll it back.",
        es: "¿Por qué terminó la última? `docker service ps --no-trunc`, o `kubectl describe pod`. ¿Empezó tras una versión nueva? Vuelva a la anterior.",
      },
      alert: "InstancesMissing",
    },
    {
      name: "absent",
      group: "engine",
      title: {
        en: "nodes on which it should run and does not",
        es: "nodos en los que debería correr y no corre",
      },
      when: ({ everyNode }) => everyNode,
      ask: ask("absent"),
      unit: "count",
      limits: { beyond: "above", warning: 0 },
      fix: {
        en: "On which one, and why? `docker service ps --no-trunc`, or `kubectl get pods -o wide` and `kubectl describe pod`.",
        es: "¿En cuál, y por qué? `docker service ps --no-trunc`, o `kubectl get pods -o wide` y `kubectl describe pod`.",
      },
      alert: "NodeUnobserved",
    },
    {
      name: "ended",
      group: "engine",
      title: {
        en: "instances that ended unasked in 15 minutes",
        es: "instancias que terminaron solas en 15 minutos",
      },
      ask: ask("ended"),
      unit: "count",
      // The limit of ContainerRestarting; a single one is worth a look.
      limits: { beyond: "above", warning: 0, critical: 2 },
      fix: {
        en: "Read the last lines of one that ended: `docker service logs`, or `kubectl logs --previous`. Exit code 137 means killed: compare its memory with its limit.",
        es: "Lea las últimas líneas de una terminada: `docker service logs`, o `kubectl logs --previous`. El código 137 significa que fue matada: compare su memoria con su límite.",
      },
      alert: "ContainerRestarting",
    },
    {
      name: "updates",
      group: "engine",
      title: {
        en: "updates that hang, were paused or rolled back",
        es: "actualizaciones colgadas, en pausa o deshechas",
      },
      ask: ask("updates"),
      unit: "count",
      limits: { beyond: "above", warning: 0 },
      fix: {
        en: "The old version serves. Correct the cause, then `npx atalaya up`: it says why the new one did not become well.",
        es: "La versión anterior sirve. Corrija la causa y después `npx atalaya up`: dice por qué la nueva no llegó a estar sana.",
      },
    },
  ],
};
