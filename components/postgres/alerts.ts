import { type AlertChapter, containerRestarting, exporterDown, PERCENT } from "../alerts";

/** What a PostgreSQL server's alerts go by. */
export interface PostgresFacts {
  readonly exporter: string;
  /** Bytes of its volume. */
  readonly storage: number;
}

/** Alerts of PostgreSQL by postgres_exporter (GG-07). */
export const postgresAlerts: AlertChapter<PostgresFacts> = {
  title: { en: "PostgreSQL", es: "PostgreSQL" },
  rules: [
    {
      name: "DatabaseDown",
      severity: "critical",
      for: "15 s",
      gg07: "given",
      expr: ({ own }) => `max(pg_up{${own}}) == 0`,
      summary: ({ name }) => `${name}: PostgreSQL lets nobody in`,
      outage: true,
      guide: {
        en: {
          means:
            "The server accepts no connection. All that needs this database fails; their alerts are held back until it is over.",
          steps: [
            "List its instances and read the log: does it recover (then wait), restart, or refuse an empty volume?",
            "An empty volume means that it runs on another node than its data: bring it back there. Never initialise.",
            "Disk full? See DiskSpaceLow.",
          ],
        },
        es: {
          means:
            "El servidor no acepta conexiones. Falla todo lo que necesita esta base; sus alertas se retienen hasta que pase.",
          steps: [
            "Liste sus instancias y lea el registro: ¿se recupera (entonces espere), se reinicia, o rechaza un volumen vacío?",
            "Un volumen vacío significa que corre en otro nodo que sus datos: devuélvala allí. No la inicialice nunca.",
            "¿Disco lleno? Vea DiskSpaceLow.",
          ],
        },
      },
    },
    exporterDown,
    {
      name: "DatabaseConnectionsHigh",
      severity: "warning",
      for: "2 min",
      gg07: "given",
      expr: ({ own }) =>
        `sum(pg_stat_activity_count{${own}}) / max(pg_settings_max_connections{${own}}) > 0.8`,
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
      expr: ({ own }) =>
        `max(pg_stat_activity_max_tx_duration{${own},state=~"active|idle in transaction.*"}) > 300`,
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
      expr: ({ own, storage }) => `sum(pg_database_size_bytes{${own}}) / ${storage} > 0.8`,
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
    containerRestarting(
      ({ own }) => `sum(changes(pg_postmaster_start_time_seconds{${own}}[15m])) > 2`,
    ),
  ],
};

/** What a pool's alerts go by. */
export interface PoolFacts {
  readonly instances: number;
}

const accepting = (own: string): string => `(count(probe_success{${own}} == 1) or vector(0))`;

/** Alerts of PgBouncer, by a connection to each instance (PR-14). */
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
  ],
};
