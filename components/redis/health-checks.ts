import type { CheckChapter } from "../../model/health";
import type { Watched } from "../alerts";
import { ready } from "../health";
import { evictions, memoryUsed, REDIS_LIMITS, type RedisFacts } from "./alerts";

/** What a Redis server's checks go by. */
export interface RedisHealthFacts extends RedisFacts, Watched {
  readonly workload: string;
  readonly instances: number;
}

/** Redis' own default of `maxclients`, which our configuration leaves as it is. */
const MAX_CLIENTS = 10_000;

const down = {
  en: "Read its log: does it load its data (then wait), or restart? Killed for memory (exit code 137)?",
  es: "Lea su registro: ¿carga sus datos (entonces espere), o se reinicia? ¿Matado por memoria (código 137)?",
};

/** Checks of Redis: by its own program, and by redis_exporter (GG-08). */
export const redisChecks: CheckChapter<RedisHealthFacts> = {
  title: { en: "Redis", es: "Redis" },
  rules: [
    ready("redis", {
      title: {
        en: "servers that do not answer PING, asked themselves",
        es: "servidores que no responden a PING, preguntados ellos mismos",
      },
      fix: down,
      alert: "RedisDown",
    }),
    {
      name: "commands",
      group: "redis",
      title: { en: "it answers commands", es: "responde a órdenes" },
      ask: ({ own }) => ({ kind: "query", expr: `max(redis_up{${own}})` }),
      unit: "yes",
      limits: { beyond: "below", critical: 1 },
      fix: down,
      alert: "RedisDown",
    },
    {
      name: "memory",
      group: "redis",
      title: { en: "memory for data in use", es: "memoria para datos en uso" },
      // A cache is full by design, and drops what is least used.
      when: ({ evicts }) => !evicts,
      ask: ({ own }) => ({
        kind: "query",
        expr: memoryUsed(own),
      }),
      unit: "ratio",
      // GG-07's warning; when it is full every write fails.
      limits: { beyond: "above", warning: REDIS_LIMITS.memory, critical: 0.95 },
      fix: {
        en: "What grows? `redis-cli --bigkeys`; keys without an expiry are the usual reason. Else raise `memory`: a restart of seconds.",
        es: "¿Qué crece? `redis-cli --bigkeys`; lo habitual son claves sin caducidad. Si no, suba `memory`: un reinicio de segundos.",
      },
      alert: "RedisMemoryHigh",
    },
    {
      name: "evictions",
      group: "redis",
      title: { en: "keys dropped in a second", es: "claves descartadas por segundo" },
      when: ({ evicts }) => evicts,
      ask: ({ own }) => ({
        kind: "query",
        expr: evictions(own),
      }),
      unit: "load",
      limits: { beyond: "above", warning: REDIS_LIMITS.evictions },
      fix: {
        en: "The cache is too small for what is kept in it: raise `memory`, or let keys expire sooner.",
        es: "La caché es pequeña para lo que se guarda: suba `memory`, o haga que las claves caduquen antes.",
      },
      alert: "RedisEvicting",
    },
    {
      name: "clients",
      group: "redis",
      title: { en: "connections in use", es: "conexiones en uso" },
      ask: ({ own }) => ({
        kind: "query",
        expr: `max(redis_connected_clients{${own}}) / ${MAX_CLIENTS}`,
      }),
      unit: "ratio",
      limits: { beyond: "above", warning: 0.8, critical: 0.95 },
      fix: {
        en: "`CLIENT LIST` shows who has how many, by user. A client that opens one for each request needs a pool.",
        es: "`CLIENT LIST` muestra quién tiene cuántas, por usuario. Un cliente que abre una por petición necesita reutilizarlas.",
      },
      alert: "RedisConnectionsRejected",
    },
    {
      name: "kept",
      group: "redis",
      title: { en: "what is written reaches the disk", es: "lo que se escribe llega al disco" },
      ask: ({ own }) => ({ kind: "query", expr: `min(redis_aof_last_write_status{${own}})` }),
      unit: "yes",
      limits: { beyond: "below", warning: 1 },
      fix: {
        en: "Disk full? Else the log names the error: a restart now would lose data.",
        es: "¿Disco lleno? Si no, el registro nombra el error: un reinicio ahora perdería datos.",
      },
      alert: "RedisWritesNotKept",
    },
  ],
};
