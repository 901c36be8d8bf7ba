import { type AlertChapter, containerRestarting, exporterDown, PERCENT } from "../alerts";

/** What a Redis server's alerts go by. */
export interface RedisFacts {
  readonly exporter: string;
  /** Whether the least used keys go when its memory is full. */
  readonly evicts: boolean;
}

/** Where it is no longer well: part of its memory, and keys dropped in a second. */
export const REDIS_LIMITS = { memory: 0.8, evictions: 1 } as const;

/** Part of the memory for data that is in use. */
export const memoryUsed = (own: string): string =>
  `max(redis_memory_used_bytes{${own}} / redis_memory_max_bytes{${own}})`;

/** Keys dropped in a second. */
export const evictions = (own: string): string => `sum(rate(redis_evicted_keys_total{${own}}[5m]))`;

/** Alerts of Redis by redis_exporter (GG-07). */
export const redisAlerts: AlertChapter<RedisFacts> = {
  title: { en: "Redis", es: "Redis" },
  rules: [
    {
      name: "RedisDown",
      severity: "critical",
      for: "15 s",
      gg07: "given",
      expr: ({ own }) => `max(redis_up{${own}}) == 0`,
      summary: ({ name }) => `${name}: Redis does not answer`,
      outage: true,
      guide: {
        en: {
          means:
            "The server does not answer. Sessions, queues and counters are out of reach; who needs them says 503 until it is back.",
          steps: [
            "List its instances and read the log: does it load its data (then wait), or restart?",
            "Killed for memory (exit code 137)? See RedisMemoryHigh.",
          ],
        },
        es: {
          means:
            "El servidor no responde. Sesiones, colas y contadores no se alcanzan; quien los necesita responde 503 hasta que vuelva.",
          steps: [
            "Liste sus instancias y lea el registro: ¿carga sus datos (entonces espere), o se reinicia?",
            "¿Matado por memoria (código 137)? Vea RedisMemoryHigh.",
          ],
        },
      },
    },
    exporterDown,
    {
      name: "RedisMemoryHigh",
      severity: "warning",
      for: "2 min",
      gg07: "given",
      // A cache is full by design, and drops what is least used.
      when: ({ evicts }) => !evicts,
      expr: ({ own }) => `${memoryUsed(own)} > ${REDIS_LIMITS.memory}`,
      summary: ({ name }) => `${name}: ${PERCENT} of its memory is in use, the limit is 80 %`,
      within: ["RedisDown"],
      guide: {
        en: {
          means: "Its memory for data is nearly full. When it is, every write fails.",
          steps: [
            "What grows? `redis-cli --bigkeys`; keys without an expiry are the usual reason.",
            "Raise `memory` in the stack's configuration: a restart of seconds.",
          ],
        },
        es: {
          means: "Su memoria para datos está casi llena. Cuando lo esté, fallan las escrituras.",
          steps: [
            "¿Qué crece? `redis-cli --bigkeys`; lo habitual son claves sin caducidad.",
            "Suba `memory` en la configuración del stack: un reinicio de segundos.",
          ],
        },
      },
    },
    {
      name: "RedisEvicting",
      severity: "warning",
      for: "15 min",
      when: ({ evicts }) => evicts,
      expr: ({ own }) => `${evictions(own)} > ${REDIS_LIMITS.evictions}`,
      summary: ({ name }) => `${name}: {{ $value | printf "%.1f" }} keys a second are dropped`,
      guide: {
        en: {
          means:
            "The cache drops keys all the time to make room: it is too small for what is kept in it.",
          steps: ["Raise `memory`, or let keys expire sooner."],
        },
        es: {
          means:
            "La caché descarta claves sin parar para hacer sitio: es pequeña para lo que se guarda.",
          steps: ["Suba `memory`, o haga que las claves caduquen antes."],
        },
      },
    },
    {
      name: "RedisConnectionsRejected",
      severity: "warning",
      for: "0 s",
      gg07: "ours",
      expr: ({ own }) => `sum(increase(redis_rejected_connections_total{${own}}[5m])) > 0.5`,
      summary: ({ name }) =>
        `${name}: {{ $value | printf "%.0f" }} connections were refused in five minutes`,
      guide: {
        en: {
          means: "More clients than Redis takes: it has refused connections.",
          steps: [
            "`CLIENT LIST` shows who has how many, by user: every link has a user of its own.",
            "A client that opens one for each request needs a pool.",
          ],
        },
        es: {
          means: "Más clientes de los que Redis admite: ha rechazado conexiones.",
          steps: [
            "`CLIENT LIST` muestra quién tiene cuántas, por usuario: cada enlace tiene el suyo.",
            "Un cliente que abre una por petición necesita reutilizarlas.",
          ],
        },
      },
    },
    {
      name: "RedisWritesNotKept",
      severity: "warning",
      for: "1 min",
      expr: ({ own }) => `min(redis_aof_last_write_status{${own}}) == 0`,
      summary: ({ name }) => `${name}: what is written does not reach the disk`,
      guide: {
        en: {
          means: "The last write to the append-only file failed: a restart now would lose data.",
          steps: ["Disk full? See DiskSpaceLow. Else the log names the error."],
        },
        es: {
          means:
            "La última escritura al fichero de cambios falló: un reinicio ahora perdería datos.",
          steps: ["¿Disco lleno? Vea DiskSpaceLow. Si no, el registro nombra el error."],
        },
      },
    },
    // A start time is a moment less the seconds since then, each cut to a whole one: it changes by itself.
    containerRestarting(({ own }) => `sum(resets(redis_uptime_in_seconds{${own}}[15m])) > 2`),
  ],
};
