import type { CheckChapter } from "../../model/health";
import type { Watched } from "../alerts";
import { ready } from "../health";
import { connectionsUsed, MONGO_LIMITS } from "./alerts";

/** What a MongoDB server's checks go by. */
export interface MongoHealthFacts extends Watched {
  readonly workload: string;
  readonly instances: number;
}

const down = {
  en: "Read its log: does it recover (then wait), restart, or refuse an empty volume? An empty one means that it runs on another node than its data. Never initialise.",
  es: "Lea su registro: ¿se recupera (entonces espere), se reinicia, o rechaza un volumen vacío? Vacío significa que corre en otro nodo que sus datos. No lo inicialice nunca.",
};

/** Checks of MongoDB: by its own program, and by our exporter. */
export const mongoChecks: CheckChapter<MongoHealthFacts> = {
  title: { en: "MongoDB", es: "MongoDB" },
  rules: [
    ready("mongodb", {
      title: {
        en: "servers that do not answer, asked themselves",
        es: "servidores que no responden, preguntados ellos mismos",
      },
      fix: down,
      alert: "MongoDown",
    }),
    {
      name: "commands",
      group: "mongodb",
      title: { en: "it answers commands", es: "responde a órdenes" },
      ask: ({ own }) => ({ kind: "query", expr: `max(mongodb_up{${own}})` }),
      unit: "yes",
      limits: { beyond: "below", critical: 1 },
      fix: down,
      alert: "MongoDown",
    },
    {
      name: "clients",
      group: "mongodb",
      title: { en: "connections in use", es: "conexiones en uso" },
      ask: ({ own }) => ({ kind: "query", expr: connectionsUsed(own) }),
      unit: "ratio",
      limits: { beyond: "above", warning: MONGO_LIMITS.connections, critical: 0.95 },
      fix: {
        en: "Who has them? `$currentOp` with `idleConnections` says so, by address. An application that makes a client for each request needs one for its whole life.",
        es: "¿Quién las tiene? `$currentOp` con `idleConnections` lo dice, por dirección. Una aplicación que crea un cliente por petición necesita uno para toda su vida.",
      },
      alert: "MongoConnectionsHigh",
    },
  ],
};
