import { WAL_LATE } from "../../model/backup";
import { type AlertChapter, answered, containerRestarting, exporterDown, PERCENT } from "../alerts";
import { type BackupFacts, backupRules } from "../backup/alerts";
import { OURS, starts } from "../observability/container-alerts";

/** What a PostgreSQL server's alerts go by. */
export interface PostgresFacts {
  readonly system: string;
  readonly exporter: string;
  /** Bytes of its volume. */
  readonly storage: number;
}

/** Where it is no longer well: parts of its connections and of its volume, and a transaction's age in seconds. */
export const POSTGRES_LIMITS = { connections: 0.8, volume: 0.8, transaction: 300 } as const;

/** Part of the connections that is in use. */
export const connectionsUsed = (own: string): string =>
  `sum(pg_stat_activity_count{${own}}) / max(pg_settings_max_connections{${own}})`;

/** Age in seconds of the oldest transaction that is open. */
export const oldestTransaction = (own: string): string =>
  `max(pg_stat_activity_max_tx_duration{${own},state=~"active|idle in transaction.*"})`;

/** Part of the declared volume that the databases fill. */
export const volumeUsed = (own: string, storage: number): string =>
  `sum(pg_database_size_bytes{${own}}) / ${storage}`;

/**
 * For a minute its exporter has answered nothing, and let each question wait: it asks over a connection that it keeps,
 * without a time limit, and hangs where the server does or its machine is gone. One that has ended has nobody wait. Where
 * its own machine is gone questions wait as well, and the database may be well: it has to have been there for as long,
 * by what shows containers. Where nobody shows any, the answers alone say it.
 */
const hangs = (own: string, { system, exporter }: Omit<PostgresFacts, "storage">): string => {
  const minute = `{${own},workload="${exporter}"}[1m]`;
  // What shows containers calls a component by its workload. It is asked up to 15 s later, and forgotten before this fires.
  const started = `last_over_time(container_start_time_seconds{system="${system}",workload="${exporter}"}[45s])`;
  const there = `count(${started} < time() - 60) or absent_over_time(container_start_time_seconds${OURS}[45s])`;
  return `max(max_over_time(up${minute})) == 0 and min(min_over_time(scrape_duration_seconds${minute})) > 1 and (${there})`;
};

/** Alerts of PostgreSQL by postgres_exporter (GG-07). */
export const postgresAlerts: AlertChapter<PostgresFacts> = {
  title: { en: "PostgreSQL", es: "PostgreSQL" },
  rules: [
    {
      name: "DatabaseDown",
      severity: "critical",
      for: "15 s",
      gg07: "given",
      expr: ({ own, ...of }) => `${hangs(own, of)} or max(pg_up{${own}}) == 0`,
      summary: ({ name }) => `${name}: PostgreSQL lets nobody in, or answers nobody`,
      outage: true,
      guide: {
        en: {
          means:
            "The server accepts no connection, or has answered nothing for a minute on one that is open: it hangs, its disk does, or its machine is gone. All that needs this database fails; their alerts are held back until it is over.",
          steps: [
            "List its instances and read the log: does it recover (then wait), restart, or refuse an empty volume?",
            "It runs and is silent? Look at its machine: does it answer, is a process in state D (`ps -eo pid,stat,wchan,cmd`), what does `dmesg` say of its disk?",
            "It is well, and its exporter still waits for a machine that is gone? Restart the exporter.",
            "An empty volume means that it runs on another node than its data: bring it back there. Never initialise.",
            "Disk full? See DiskSpaceLow.",
          ],
        },
        es: {
          means:
            "El servidor no acepta conexiones, o lleva un minuto sin responder por una abierta: se ha colgado, o su disco, o su máquina ya no está. Falla todo lo que necesita esta base; sus alertas se retienen hasta que pase.",
          steps: [
            "Liste sus instancias y lea el registro: ¿se recupera (entonces espere), se reinicia, o rechaza un volumen vacío?",
            "¿Corre y calla? Mire su máquina: ¿responde, hay algún proceso en estado D (`ps -eo pid,stat,wchan,cmd`), qué dice `dmesg` de su disco?",
            "¿Está bien, y su exportador sigue esperando a una máquina que ya no está? Reinicie el exportador.",
            "Un volumen vacío significa que corre en otro nodo que sus datos: devuélvala allí. No la inicialice nunca.",
            "¿Disco lleno? Vea DiskSpaceLow.",
          ],
        },
      },
    },
    { ...exporterDown, within: ["DatabaseDown"] },
    {
      name: "DatabaseConnectionsHigh",
      severity: "warning",
      for: "2 min",
      gg07: "given",
      expr: ({ own }) => `${connectionsUsed(own)} > ${POSTGRES_LIMITS.connections}`,
      summary: ({ name }) => `${name}: ${PERCENT} of the connections are in use, the limit is 80 %`,
      within: ["DatabaseDown"],
      guide: {
        en: {
          means: "Few connections are left. When none is, new ones are refused.",
          steps: [
            "Who has them? `SELECT usename, state, count(*) FROM pg_stat_activity GROUP BY 1, 2 ORDER BY 3 DESC`: every link has a role of its own.",
            "Many in state “idle in transaction”: the application forgets to end transactions.",
            "Fewer instances or smaller pools help at once; more connections need a restart and memory.",
          ],
        },
        es: {
          means: "Quedan pocas conexiones. Cuando no quede ninguna, se rechazan las nuevas.",
          steps: [
            "¿Quién las tiene? `SELECT usename, state, count(*) FROM pg_stat_activity GROUP BY 1, 2 ORDER BY 3 DESC`: cada enlace tiene su rol.",
            "Muchas en estado “idle in transaction”: la aplicación olvida terminar transacciones.",
            "Menos instancias o grupos de conexiones más pequeños ayudan enseguida; más conexiones piden reinicio y memoria.",
          ],
        },
      },
    },
    {
      name: "DatabaseDeadlocks",
      severity: "warning",
      for: "0 s",
      gg07: "ours",
      expr: ({ own }) => `sum(increase(pg_stat_database_deadlocks{${own}}[5m])) > 0.5`,
      summary: ({ name }) =>
        `${name}: {{ $value | printf "%.0f" }} deadlocks in the last five minutes`,
      guide: {
        en: {
          means:
            "Transactions waited for each other, and PostgreSQL ended one of them: a request has failed.",
          steps: [
            "The server's log has both statements under “deadlock detected”.",
            "Let the application lock rows in one order, and try a transaction again that was ended so (SQLSTATE 40P01).",
          ],
        },
        es: {
          means:
            "Hubo transacciones que se esperaban entre sí, y PostgreSQL terminó una: una petición ha fallado.",
          steps: [
            "El registro del servidor tiene ambas sentencias tras “deadlock detected”.",
            "Que la aplicación bloquee filas en un mismo orden, y repita una transacción terminada así (SQLSTATE 40P01).",
          ],
        },
      },
    },
    {
      name: "DatabaseLongTransaction",
      severity: "warning",
      for: "1 min",
      expr: ({ own }) => `${oldestTransaction(own)} > ${POSTGRES_LIMITS.transaction}`,
      summary: ({ name }) =>
        `${name}: a transaction has been open for {{ $value | humanizeDuration }}`,
      guide: {
        en: {
          means:
            "A transaction is older than five minutes. It holds its locks, and keeps dead rows from being cleaned up.",
          steps: [
            "Find it: `SELECT pid, usename, state, xact_start, query FROM pg_stat_activity ORDER BY xact_start LIMIT 5`.",
            "A migration or a backup? Let it end. Anything else: `SELECT pg_cancel_backend(pid)`, then `pg_terminate_backend(pid)`.",
          ],
        },
        es: {
          means:
            "Una transacción lleva más de cinco minutos abierta. Retiene sus bloqueos e impide limpiar filas muertas.",
          steps: [
            "Búsquela: `SELECT pid, usename, state, xact_start, query FROM pg_stat_activity ORDER BY xact_start LIMIT 5`.",
            "¿Una migración o una copia? Deje que termine. Si no: `SELECT pg_cancel_backend(pid)`, y luego `pg_terminate_backend(pid)`.",
          ],
        },
      },
    },
    {
      name: "DatabaseVolumeHigh",
      severity: "warning",
      for: "5 min",
      expr: ({ own, storage }) => `${volumeUsed(own, storage)} > ${POSTGRES_LIMITS.volume}`,
      summary: ({ name }) => `${name}: its databases fill ${PERCENT} of the declared volume`,
      guide: {
        en: {
          means:
            "The databases have grown to 80 % of the volume's declared size; logs of changes (WAL) come on top. Swarm does not enforce the size, the disk does.",
          steps: [
            "Which one? `SELECT datname, pg_size_pretty(pg_database_size(datname)) FROM pg_database ORDER BY pg_database_size(datname) DESC`.",
            "Make the volume larger (`storage`) before it is full: a full one stops the server.",
          ],
        },
        es: {
          means:
            "Las bases ocupan ya el 80 % del tamaño declarado del volumen; los registros de cambios (WAL) vienen aparte. Swarm no impone el tamaño, el disco sí.",
          steps: [
            "¿Cuál? `SELECT datname, pg_size_pretty(pg_database_size(datname)) FROM pg_database ORDER BY pg_database_size(datname) DESC`.",
            "Amplíe el volumen (`storage`) antes de que se llene: lleno, detiene el servidor.",
          ],
        },
      },
    },
    // Its exporter does not say when the server was started; what shows containers does.
    containerRestarting(({ own }) => `${starts(`{${own}}`)} > 2`),
  ],
};

/** What a pool's alerts go by. */
export interface PoolFacts {
  readonly instances: number;
  /** Workload that shows its metrics. */
  readonly exporter: string;
  /** Seconds after which a client that waits for a server connection gets an error. */
  readonly wait: number;
}

/** How many instances take a connection. */
export const accepting = (own: string): string => answered(own, "tcp");

/** Where a pool is no longer well: the part of its clients' connections that are in use. */
export const POOL_LIMITS = { clients: 0.8 } as const;

/** Seconds that somebody may wait for a server connection: a second, or half of what is waited at all. */
export const longWait = ({ wait }: Pick<PoolFacts, "wait">): number => Math.min(1, wait / 2);

/** By database and login: how long the first client has waited for a server connection. */
export const waiting = (own: string): string =>
  `max by (database, user) (pgbouncer_pools_client_maxwait_seconds{${own}})`;

/** Part of an instance's clients' connections in use: that of the fullest. */
export const clientsUsed = (own: string): string =>
  `max(pgbouncer_used_clients{${own}} / pgbouncer_config_max_client_connections{${own}})`;

/** By login: part of the server connections that are in use at the instance where most are. */
export const serversUsed = (own: string): string =>
  `max by (user) (sum by (instance, user) (pgbouncer_pools_server_active_connections{${own}}) / on (instance, user) atalaya_pool_user_connections{${own}})`;

/** Alerts of PgBouncer, by a connection to each instance and by its own numbers (PR-14). */
export const poolAlerts: AlertChapter<PoolFacts> = {
  title: { en: "PgBouncer", es: "PgBouncer" },
  rules: [
    {
      name: "PoolDown",
      severity: "critical",
      for: "15 s",
      expr: ({ own }) => `${accepting(own)} == 0`,
      summary: ({ name }) => `${name}: no instance of the pool accepts connections`,
      outage: true,
      symptom: true,
      guide: {
        en: {
          means:
            "Nobody gets to the database, which may well be up itself: all its consumers but migrations come through the pool.",
          steps: [
            "List its instances and read the log: a new one waits until the database has told it whom to let in.",
            "Does the database answer? See DatabaseDown.",
            "Started after a release? Roll it back.",
          ],
        },
        es: {
          means:
            "Nadie llega a la base de datos, que puede estar bien: todos sus consumidores salvo las migraciones pasan por el pool.",
          steps: [
            "Liste sus instancias y lea el registro: una nueva espera a que la base le diga a quién dejar entrar.",
            "¿Responde la base? Vea DatabaseDown.",
            "¿Empezó tras una versión nueva? Vuelva a la anterior.",
          ],
        },
      },
    },
    {
      name: "PoolDegraded",
      severity: "warning",
      for: "2 min",
      expr: ({ own, instances }) => `${accepting(own)} < ${instances}`,
      summary: ({ name, instances }) =>
        `${name}: {{ $value }} of ${instances} instances accept connections`,
      within: ["PoolDown"],
      symptom: true,
      guide: {
        en: {
          means:
            "An instance of the pool is away. The others take all clients, each with its own part of the database's connections only.",
          steps: [
            "List its instances and why the last one ended: `docker service ps --no-trunc`, or `kubectl describe pod`.",
            "No room on the nodes? Look for a task in state pending.",
          ],
        },
        es: {
          means:
            "Falta una instancia del pool. Las demás atienden a todos los clientes, cada una solo con su parte de las conexiones de la base.",
          steps: [
            "Liste sus instancias y por qué terminó la última: `docker service ps --no-trunc`, o `kubectl describe pod`.",
            "¿No hay sitio en los nodos? Busque una tarea en estado pending.",
          ],
        },
      },
    },
    {
      name: "PoolClientsWaiting",
      severity: "warning",
      for: "1 min",
      expr: (of) => `${waiting(of.own)} > ${longWait(of)}`,
      summary: ({ name }) =>
        `${name}: {{ $labels.user }} waits {{ $value | humanizeDuration }} for a connection to {{ $labels.database }}`,
      within: ["PoolDown"],
      symptom: true,
      guide: {
        en: {
          means:
            "All server connections of a consumer are in use, and its next transactions wait. Those that wait too long get an error.",
          steps: [
            "What do they do? `SELECT pid, state, wait_event_type, now() - xact_start AS since, left(query, 60) FROM pg_stat_activity WHERE usename = 'LOGIN' ORDER BY since DESC`.",
            "“idle in transaction”: the application holds a transaction open while it does something else. Slow queries: see DatabaseLongTransaction.",
            "All of them quick? There is more work than connections: raise the link's `pool.size`, or its service's share of the database.",
          ],
        },
        es: {
          means:
            "Todas las conexiones al servidor de un consumidor están en uso, y sus transacciones siguientes esperan. Las que esperan demasiado reciben un error.",
          steps: [
            "¿Qué hacen? `SELECT pid, state, wait_event_type, now() - xact_start AS since, left(query, 60) FROM pg_stat_activity WHERE usename = 'LOGIN' ORDER BY since DESC`.",
            "“idle in transaction”: la aplicación mantiene abierta una transacción mientras hace otra cosa. Consultas lentas: vea DatabaseLongTransaction.",
            "¿Todas rápidas? Hay más trabajo que conexiones: suba `pool.size` del enlace, o la parte de la base que le toca al servicio.",
          ],
        },
      },
    },
    {
      name: "PoolClientsHigh",
      severity: "warning",
      for: "2 min",
      expr: ({ own }) => `${clientsUsed(own)} > ${POOL_LIMITS.clients}`,
      summary: ({ name }) =>
        `${name}: ${PERCENT} of the connections for clients are in use, the limit is 80 %`,
      within: ["PoolDown"],
      guide: {
        en: {
          means:
            "An instance of the pool has room for few more clients. When it is full, new ones are refused.",
          steps: [
            "Who has them? `pgbouncer_pools_client_active_connections` in Prometheus, by login.",
            "An application that opens a connection for each request and leaves it behind? Restart it, then have it close them.",
            "All instances up? See PoolDegraded. More clients need `pooling.clients`, and a file descriptor each.",
          ],
        },
        es: {
          means:
            "Una instancia del pool tiene sitio para pocos clientes más. Cuando esté llena, se rechazan los nuevos.",
          steps: [
            "¿Quién las tiene? `pgbouncer_pools_client_active_connections` en Prometheus, por usuario.",
            "¿Una aplicación que abre una conexión por petición y la deja? Reiníciela, y que luego las cierre.",
            "¿Están todas las instancias? Vea PoolDegraded. Más clientes piden `pooling.clients`, y un descriptor cada uno.",
          ],
        },
      },
    },
    { ...exporterDown, within: ["PoolDown"] },
  ],
};

/**
 * Seconds for which the oldest file of changes has waited to be in every repository (`postgres-queries.yml` of the
 * monitoring image). When one last got there says nothing of those that wait.
 */
export const walWaits = (own: string): string => `max(pg_wal_waiting_age_seconds{${own}})`;

/** Alerts of a database's backups, by what pgBackRest says of its repositories (GG-07, PR-13). */
export const backupAlerts: AlertChapter<BackupFacts> = {
  title: { en: "Backups of PostgreSQL", es: "Copias de PostgreSQL" },
  rules: [
    {
      name: "WalArchivingFailing",
      severity: "critical",
      for: "5 min",
      expr: ({ own }) => `sum(increase(pg_stat_archiver_failed_count{${own}}[5m])) > 0.5`,
      summary: ({ name }) =>
        `${name}: changes have not reached every repository for minutes ({{ $value | printf "%.0f" }} failed attempts in five minutes)`,
      guide: {
        en: {
          means:
            "The database cannot hand its changes (WAL) to at least one repository. What happens from now on cannot be restored there, and the WAL fills the database's volume until it gets through: a full one stops the server.",
          steps: [
            "The database's log has the reason after “archive-push”: a repository that is away, full, or holds another database.",
            "`atalaya backup status` shows which repository. Is its server up (BackupServerDown)? Does the bucket answer, do its keys still hold?",
            "Repository full? Give its volume more room, or keep less (`backups.keep`).",
            "Repository lost for good, and an empty one in its place? `atalaya backup prepare`, then `atalaya backup now`.",
            "“do not match” in the reason: the database was made anew over an old stanza. Restore the old one, or move its folder away first: `docs/operations.md`.",
          ],
        },
        es: {
          means:
            "La base no puede entregar sus cambios (WAL) a por lo menos un repositorio. Lo que pase desde ahora no se podrá restaurar allí, y el WAL llena el volumen de la base hasta que salga: lleno, detiene el servidor.",
          steps: [
            "El registro de la base tiene el motivo tras “archive-push”: un repositorio ausente, lleno, o de otra base.",
            "`atalaya backup status` muestra qué repositorio. ¿Está su servidor (BackupServerDown)? ¿Responde el bucket, valen aún sus claves?",
            "¿Repositorio lleno? Dé más sitio a su volumen, o guarde menos (`backups.keep`).",
            "¿Se perdió del todo, y hay uno vacío en su lugar? `atalaya backup prepare`, luego `atalaya backup now`.",
            "“do not match” en el motivo: la base se creó de nuevo sobre una stanza antigua. Restaure la antigua, o aparte antes su carpeta: `docs/operaciones.md`.",
          ],
        },
      },
    },
    {
      name: "WalArchivingSlow",
      severity: "warning",
      for: "2 min",
      expr: ({ own }) => `${walWaits(own)} > ${WAL_LATE}`,
      summary: ({ name }) =>
        `${name}: changes have waited {{ $value | humanizeDuration }} to reach every repository`,
      within: ["WalArchivingFailing"],
      guide: {
        en: {
          means:
            "Changes (WAL) wait to be handed over, and no attempt fails either: one of them hangs, waits for a repository that is very slow, or more is written than gets through. A restore reaches no further than the oldest that waits, and what waits fills the database's volume: a full one stops the server.",
          steps: [
            "Where does it stand? `SELECT last_archived_wal, last_archived_time, last_failed_time FROM pg_stat_archiver`, and how many wait: `SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'`.",
            "One goes out after the other, and more wait each time? More is written than the line to a repository carries: slow down or stop what writes so much, such as an import, or get a faster line. Is there room on the database's volume until then?",
            "`atalaya backup status` shows which repository is slow or away. Is its server up (BackupServerDown), is its disk or its line busy?",
            "None goes out, and everything answers? End the attempt in the database's container: `grep -la 'archive-[p]ush' /proc/[0-9]*/cmdline` has its numbers, `kill NUMBER` ends it. PostgreSQL makes it again, and nothing is lost.",
          ],
        },
        es: {
          means:
            "Hay cambios (WAL) que esperan a ser entregados, y tampoco falla ningún intento: uno se ha quedado colgado, espera a un repositorio muy lento, o se escribe más de lo que sale. Una restauración no llega más allá del más antiguo que espera, y lo que espera llena el volumen de la base: lleno, detiene el servidor.",
          steps: [
            "¿Dónde está? `SELECT last_archived_wal, last_archived_time, last_failed_time FROM pg_stat_archiver`, y cuántos esperan: `SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'`.",
            "¿Sale uno tras otro, y cada vez esperan más? Se escribe más de lo que lleva la línea a un repositorio: frene o detenga lo que tanto escribe, como una importación, o consiga una línea más rápida. ¿Hay sitio hasta entonces en el volumen de la base?",
            "`atalaya backup status` muestra qué repositorio va lento o no está. ¿Está su servidor (BackupServerDown), están ocupados su disco o su línea?",
            "¿No sale ninguno, y todo responde? Termine el intento en el contenedor de la base: `grep -la 'archive-[p]ush' /proc/[0-9]*/cmdline` da sus números, `kill NÚMERO` lo termina. PostgreSQL lo repite, y no se pierde nada.",
          ],
        },
      },
    },
    {
      name: "BackupPagesDamaged",
      severity: "critical",
      for: "0 s",
      expr: ({ own }) => `max by (repository) (atalaya_backup_errors{${own}}) > 0`,
      summary: ({ name }) =>
        `${name}: pages with wrong checksums in the newest backup in {{ $labels.repository }}`,
      guide: {
        en: {
          means:
            "While it was copied, pages of the database itself failed their checksums: its data is damaged, on disk, now.",
          steps: [
            "The log of `…-backup-run` names files and pages. Keep the older backups: let nothing expire (`backups.keep`).",
            "`pg_amcheck` on the database says which tables and indexes. An index can be made anew (REINDEX), a table comes from a restore beside it.",
            "Suspect the disk: look at the machine's log, and move the database away from it.",
          ],
        },
        es: {
          means:
            "Al copiarlas, páginas de la propia base fallaron sus sumas: sus datos están dañados, en disco, ahora.",
          steps: [
            "El registro de `…-backup-run` nombra archivos y páginas. Conserve las copias antiguas: que no caduque nada (`backups.keep`).",
            "`pg_amcheck` sobre la base dice qué tablas e índices. Un índice se rehace (REINDEX), una tabla sale de una restauración aparte.",
            "Sospeche del disco: mire el registro de la máquina, y saque de ella la base.",
          ],
        },
      },
    },
    ...backupRules,
  ],
};
