import { WAL_LATE } from "../../model/backup";
import type { CheckChapter } from "../../model/health";
import type { Watched } from "../alerts";
import { ready } from "../health";
import { backupCheckRules, type BackupHealthFacts } from "../backup/health-checks";
import {
  accepting,
  clientsUsed,
  connectionsUsed,
  longWait,
  oldestTransaction,
  POOL_LIMITS,
  type PoolFacts,
  POSTGRES_LIMITS,
  type PostgresFacts,
  volumeUsed,
  waiting,
  walWaits,
} from "./alerts";

/** What a PostgreSQL server's checks go by. */
export interface PostgresHealthFacts extends PostgresFacts, Watched {
  readonly workload: string;
  readonly instances: number;
}

const down = {
  en: "Read its log: does it recover (then wait), restart, or refuse an empty volume? An empty one means that it runs on another node than its data. Never initialise.",
  es: "Lea su registro: ¿se recupera (entonces espere), se reinicia, o rechaza un volumen vacío? Vacío significa que corre en otro nodo que sus datos. No lo inicialice nunca.",
};

/** Checks of PostgreSQL: by its own program, and by postgres_exporter (GG-08). */
export const postgresChecks: CheckChapter<PostgresHealthFacts> = {
  title: { en: "PostgreSQL", es: "PostgreSQL" },
  rules: [
    ready("postgresql", {
      title: {
        en: "servers that accept no connection, asked themselves",
        es: "servidores que no aceptan conexiones, preguntados ellos mismos",
      },
      fix: down,
      alert: "DatabaseDown",
    }),
    {
      name: "queries",
      group: "postgresql",
      title: { en: "it answers queries", es: "responde a consultas" },
      ask: ({ own }) => ({ kind: "query", expr: `max(pg_up{${own}})` }),
      unit: "yes",
      limits: { beyond: "below", critical: 1 },
      fix: down,
      alert: "DatabaseDown",
    },
    {
      name: "connections",
      group: "postgresql",
      title: { en: "connections in use", es: "conexiones en uso" },
      ask: ({ own }) => ({
        kind: "query",
        expr: connectionsUsed(own),
      }),
      unit: "ratio",
      // GG-07's warning; from 95 % on the next burst is refused.
      limits: { beyond: "above", warning: POSTGRES_LIMITS.connections, critical: 0.95 },
      fix: {
        en: "Who has them? `SELECT usename, state, count(*) FROM pg_stat_activity GROUP BY 1, 2 ORDER BY 3 DESC`. Fewer instances or smaller pools help at once.",
        es: "¿Quién las tiene? `SELECT usename, state, count(*) FROM pg_stat_activity GROUP BY 1, 2 ORDER BY 3 DESC`. Menos instancias o grupos de conexiones más pequeños ayudan enseguida.",
      },
      alert: "DatabaseConnectionsHigh",
    },
    {
      name: "transactions",
      group: "postgresql",
      title: { en: "age of the oldest transaction", es: "edad de la transacción más antigua" },
      ask: ({ own }) => ({
        kind: "query",
        expr: `${oldestTransaction(own)} or 0 * max(pg_up{${own}} == 1)`,
      }),
      unit: "seconds",
      limits: { beyond: "above", warning: POSTGRES_LIMITS.transaction },
      fix: {
        en: "A migration or a backup? Let it end. Anything else: `SELECT pg_cancel_backend(pid)`, then `pg_terminate_backend(pid)`.",
        es: "¿Una migración o una copia? Deje que termine. Si no: `SELECT pg_cancel_backend(pid)`, y luego `pg_terminate_backend(pid)`.",
      },
      alert: "DatabaseLongTransaction",
    },
    {
      name: "size",
      group: "postgresql",
      title: {
        en: "part of the declared volume that its databases fill",
        es: "parte del volumen declarado que ocupan sus bases",
      },
      ask: ({ own, storage }) => ({
        kind: "query",
        expr: volumeUsed(own, storage),
      }),
      unit: "ratio",
      // Logs of changes come on top: at 90 % a burst of writes may fill it.
      limits: { beyond: "above", warning: POSTGRES_LIMITS.volume, critical: 0.9 },
      fix: {
        en: "Make the volume larger (`storage`) before it is full: a full one stops the server.",
        es: "Amplíe el volumen (`storage`) antes de que se llene: lleno, detiene el servidor.",
      },
      alert: "DatabaseVolumeHigh",
    },
  ],
};

/** Checks of a database's backups (GG-08). */
export const backupChecks: CheckChapter<BackupHealthFacts> = {
  title: { en: "Backups of PostgreSQL", es: "Copias de PostgreSQL" },
  rules: [
    ...backupCheckRules,
    {
      name: "backup-wal",
      group: "backup",
      title: {
        en: "age of the oldest changes (WAL) that wait to be in every repository",
        es: "edad de los cambios (WAL) más antiguos que esperan a estar en todos los repositorios",
      },
      ask: ({ own }) => ({ kind: "query", expr: walWaits(own) }),
      unit: "seconds",
      limits: { beyond: "above", warning: WAL_LATE, critical: 3 * WAL_LATE },
      fix: {
        en: "The database's log has the reason after “archive-push”; without one, more is written than gets through. What happens now cannot be restored until it does.",
        es: "El registro de la base tiene el motivo tras “archive-push”; si no lo hay, se escribe más de lo que sale. Lo que pase ahora no se podrá restaurar hasta que salga.",
      },
      alert: "WalArchivingSlow",
    },
  ],
};

/** What a pool's checks go by. */
export interface PoolHealthFacts extends PoolFacts, Watched {
  readonly workload: string;
}

const poolSteps = {
  en: "Read its log: a new instance waits until the database has told it whom to let in. Does the database answer?",
  es: "Lea su registro: una instancia nueva espera a que la base le diga a quién dejar entrar. ¿Responde la base?",
};

/** Checks of PgBouncer: by its own program, by a connection to each instance and by its own numbers (PR-14). */
export const poolChecks: CheckChapter<PoolHealthFacts> = {
  title: { en: "PgBouncer", es: "PgBouncer" },
  rules: [
    ready("postgresql", {
      title: {
        en: "instances of the pool that are not ready, asked themselves",
        es: "instancias del pool que no están listas, preguntadas ellas mismas",
      },
      fix: poolSteps,
      alert: "PoolDown",
    }),
    {
      name: "accepting",
      group: "postgresql",
      title: {
        en: "instances of the pool that accept connections",
        es: "instancias del pool que aceptan conexiones",
      },
      ask: ({ own }) => ({ kind: "query", expr: accepting(own) }),
      unit: "count",
      limits: {
        en: "warning below those declared, critical below 1",
        es: "aviso con menos de las declaradas, crítico con menos de 1",
        of: ({ instances }) => ({ beyond: "below", warning: instances, critical: 1 }),
      },
      fix: poolSteps,
      alert: "PoolDown",
    },
    {
      name: "waiting",
      group: "postgresql",
      title: {
        en: "longest wait for a server connection",
        es: "espera más larga por una conexión al servidor",
      },
      // Before the first client it has no pool, and nobody waits.
      ask: ({ own }) => ({
        kind: "query",
        expr: `max(${waiting(own)}) or 0 * max(pgbouncer_up{${own}} == 1)`,
      }),
      unit: "seconds",
      limits: {
        en: "warning above 1 s, or half of what a client waits at all",
        es: "aviso con más de 1 s, o la mitad de lo que espera un cliente",
        of: (of) => ({ beyond: "above", warning: longWait(of) }),
      },
      fix: {
        en: "What do they do? `SELECT usename, state, count(*) FROM pg_stat_activity GROUP BY 1, 2`. Many in state “idle in transaction”: the application forgets to end transactions. Else raise the link's `pool.size`.",
        es: "¿Qué hacen? `SELECT usename, state, count(*) FROM pg_stat_activity GROUP BY 1, 2`. Muchas en estado “idle in transaction”: la aplicación olvida terminar transacciones. Si no, suba `pool.size` del enlace.",
      },
      alert: "PoolClientsWaiting",
    },
    {
      name: "clients",
      group: "postgresql",
      title: {
        en: "connections of clients in use, at the fullest instance of the pool",
        es: "conexiones de clientes en uso, en la instancia del pool más llena",
      },
      ask: ({ own }) => ({ kind: "query", expr: clientsUsed(own) }),
      unit: "ratio",
      limits: { beyond: "above", warning: POOL_LIMITS.clients, critical: 0.95 },
      fix: {
        en: "Who has them? `pgbouncer_pools_client_active_connections` in Prometheus, by login. More clients need `pooling.clients`.",
        es: "¿Quién las tiene? `pgbouncer_pools_client_active_connections` en Prometheus, por usuario. Más clientes piden `pooling.clients`.",
      },
      alert: "PoolClientsHigh",
    },
  ],
};
