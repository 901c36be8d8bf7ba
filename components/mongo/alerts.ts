import { type AlertChapter, containerRestarting, exporterDown, PERCENT } from "../alerts";

/** What a MongoDB server's alerts go by. */
export interface MongoFacts {
  readonly exporter: string;
}

/** Where it is no longer well. */
export const MONGO_LIMITS = {
  /** Part of the connections that it takes. */
  connections: 0.8,
  /** Seconds, on average: what takes longer is slow by MongoDB's own account (`slowOpThresholdMs`). */
  latency: 0.1,
  /** Part of the cache: from there on operations have to make room themselves (WiredTiger's `eviction_trigger`). */
  cache: 0.95,
  /** Part of the cache that is not on disk yet; likewise (`eviction_dirty_trigger`). */
  dirty: 0.2,
  /** Cursors in five minutes. */
  cursors: 10,
  /** Seconds: an idle primary writes every ten (`periodicNoopIntervalSecs`). */
  lag: 30,
} as const;

/** Part of the connections for clients that is in use. */
export const connectionsUsed = (own: string): string => {
  const of = (type: string): string => `mongodb_ss_connections{${own},conn_type="${type}"}`;
  return `max(${of("current")} / ignoring(conn_type) (${of("current")} + ignoring(conn_type) ${of("available")}))`;
};

/** Seconds that a read or a write takes, on average. */
export const latency = (own: string): string => {
  const of = (what: string): string =>
    `sum by (op_type) (rate(mongodb_ss_opLatencies_${what}{${own},op_type=~"reads|writes"}[5m]))`;
  return `${of("latency")} / (${of("ops")} > 0) / 1000000`;
};

/** Part of the cache that has a kind of bytes in it. */
const ofCache = (own: string, what: string): string =>
  `max(mongodb_ss_wt_cache_${what}{${own}} / mongodb_ss_wt_cache_maximum_bytes_configured{${own}})`;

export const cacheUsed = (own: string): string => ofCache(own, "bytes_currently_in_the_cache");

export const cacheDirty = (own: string): string => ofCache(own, "tracked_dirty_bytes_in_the_cache");

/** Cursors that the server closed in five minutes, because their clients had left them behind. */
export const cursorsTimedOut = (own: string): string =>
  `sum(increase(mongodb_ss_metrics_cursor_timedOut{${own}}[5m]))`;

/** Seconds that the last follower is behind; none where there is no follower. */
export const replicationLag = (own: string): string => {
  const latest = (state: string): string =>
    `mongodb_rs_members_optimeDate{${own},member_state="${state}"}`;
  return `(max(${latest("PRIMARY")}) - min(${latest("SECONDARY")})) / 1000`;
};

/** Whether it takes writes, 1 or 0; nothing where it is in no replica set. */
export const takesWrites = (own: string): string => `max(mongodb_rs_myState{${own}} == bool 1)`;

/** Alerts of MongoDB by our exporter (FV-07). */
export const mongoAlerts: AlertChapter<MongoFacts> = {
  title: { en: "MongoDB", es: "MongoDB" },
  rules: [
    {
      name: "MongoDown",
      severity: "critical",
      for: "15 s",
      expr: ({ own }) => `max(mongodb_up{${own}}) == 0`,
      summary: ({ name }) => `${name}: MongoDB does not answer`,
      outage: true,
      guide: {
        en: {
          means:
            "The server does not answer. All that needs it fails; their alerts are held back until it is over.",
          steps: [
            "List its instances and read the log: does it recover (then wait), restart, or refuse an empty volume?",
            "An empty volume means that it runs on another node than its data: bring it back there. Never initialise.",
            "It runs and is ready all the same? Then the exporter's own log says why it is not let in.",
          ],
        },
        es: {
          means:
            "El servidor no responde. Falla todo lo que lo necesita; sus alertas se retienen hasta que pase.",
          steps: [
            "Liste sus instancias y lea el registro: ¿se recupera (entonces espere), se reinicia, o rechaza un volumen vacío?",
            "Un volumen vacío significa que corre en otro nodo que sus datos: devuélvalo allí. No lo inicialice nunca.",
            "¿Corre y está listo a pesar de todo? Entonces el registro del exportador dice por qué no lo dejan entrar.",
          ],
        },
      },
    },
    exporterDown,
    {
      name: "MongoTakesNoWrites",
      severity: "critical",
      for: "1 min",
      expr: ({ own }) => `${takesWrites(own)} == 0`,
      summary: ({ name }) => `${name}: MongoDB answers, and takes no writes`,
      within: ["MongoDown"],
      guide: {
        en: {
          means:
            "The server is not the primary of its replica set: it recovers, or was not elected. Every write fails, and most reads.",
          steps: [
            "Its log has the state after “Replica set state transition”: a recovery ends by itself.",
            "Does it find itself? Its replica set has one member, `127.0.0.1:27017`; another name in `rs.conf()` was put there by somebody.",
            "Members were added? More than half of them have to be there: bring them back.",
          ],
        },
        es: {
          means:
            "El servidor no es el primario de su conjunto de réplicas: se recupera, o no fue elegido. Fallan todas las escrituras, y casi todas las lecturas.",
          steps: [
            "Su registro tiene el estado tras “Replica set state transition”: una recuperación acaba sola.",
            "¿Se encuentra a sí mismo? Su conjunto tiene un miembro, `127.0.0.1:27017`; otro nombre en `rs.conf()` lo puso alguien.",
            "¿Se añadieron miembros? Tiene que estar más de la mitad: devuélvalos.",
          ],
        },
      },
    },
    {
      name: "MongoReplicationLag",
      severity: "warning",
      for: "2 min",
      expr: ({ own }) => `${replicationLag(own)} > ${MONGO_LIMITS.lag}`,
      summary: ({ name }) =>
        `${name}: a member of the replica set is {{ $value | humanizeDuration }} behind`,
      guide: {
        en: {
          means:
            "A member that was added is behind the primary. What it lacks is lost if it takes over, and writes that wait for a majority wait for it.",
          steps: [
            "`rs.printSecondaryReplicationInfo()` says which one, and since when.",
            "Its disk or its network slow, or a large import under way? It catches up once that is over.",
            "Further behind than the oplog reaches (`rs.printReplicationInfo()`)? Then it has to be made anew.",
          ],
        },
        es: {
          means:
            "Un miembro que se añadió va por detrás del primario. Lo que le falta se pierde si toma el relevo, y las escrituras que esperan a la mayoría lo esperan.",
          steps: [
            "`rs.printSecondaryReplicationInfo()` dice cuál, y desde cuándo.",
            "¿Su disco o su red son lentos, o hay una importación grande? Se pone al día cuando acabe.",
            "¿Más atrás de lo que alcanza el oplog (`rs.printReplicationInfo()`)? Entonces hay que rehacerlo.",
          ],
        },
      },
    },
    {
      name: "MongoConnectionsHigh",
      severity: "warning",
      for: "2 min",
      expr: ({ own }) => `${connectionsUsed(own)} > ${MONGO_LIMITS.connections}`,
      summary: ({ name }) =>
        `${name}: ${PERCENT} of the connections that it takes are in use, the limit is 80 %`,
      within: ["MongoDown"],
      guide: {
        en: {
          means: "MongoDB takes few more connections. When it is full, new ones are refused.",
          steps: [
            'Who has them? `db.aggregate([{ $currentOp: { allUsers: true, idleConnections: true } }, { $sortByCount: "$client" }])` in the database `admin`.',
            "An application that makes a client for each request leaves its pool behind: it needs one client for its whole life.",
            "All of them at work? Lower `maxPoolSize` in the applications: the server does not become faster by more connections.",
          ],
        },
        es: {
          means: "MongoDB admite pocas conexiones más. Cuando esté lleno, se rechazan las nuevas.",
          steps: [
            '¿Quién las tiene? `db.aggregate([{ $currentOp: { allUsers: true, idleConnections: true } }, { $sortByCount: "$client" }])` en la base `admin`.',
            "Una aplicación que crea un cliente por petición deja atrás su pool: necesita un cliente para toda su vida.",
            "¿Todas trabajan? Baje `maxPoolSize` en las aplicaciones: el servidor no va más rápido con más conexiones.",
          ],
        },
      },
    },
    {
      name: "MongoSlow",
      severity: "warning",
      for: "5 min",
      expr: ({ own }) => `${latency(own)} > ${MONGO_LIMITS.latency}`,
      summary: ({ name }) =>
        `${name}: {{ $labels.op_type }} take {{ $value | humanizeDuration }} on average, the limit is 100 ms`,
      within: ["MongoDown"],
      guide: {
        en: {
          means:
            "Reads or writes take longer, on average, than MongoDB itself calls slow. Whoever waits for them is slow, too.",
          steps: [
            "The log has each slow operation (“Slow query”) with `planSummary`: COLLSCAN reads a whole collection, and wants an index.",
            "MongoCacheFull or MongoCacheDirty at the same time? Then it waits for the disk.",
            "Its processor at the limit (ContainerThrottled)? Raise its `resources`.",
          ],
        },
        es: {
          means:
            "Las lecturas o escrituras tardan, de media, más de lo que el propio MongoDB llama lento. Quien las espera también va lento.",
          steps: [
            "El registro tiene cada operación lenta (“Slow query”) con `planSummary`: COLLSCAN lee una colección entera, y pide un índice.",
            "¿A la vez MongoCacheFull o MongoCacheDirty? Entonces espera al disco.",
            "¿Su procesador al límite (ContainerThrottled)? Suba sus `resources`.",
          ],
        },
      },
    },
    {
      name: "MongoCacheFull",
      severity: "warning",
      for: "5 min",
      expr: ({ own }) => `${cacheUsed(own)} > ${MONGO_LIMITS.cache}`,
      summary: ({ name }) => `${name}: ${PERCENT} of its cache is in use, the limit is 95 %`,
      guide: {
        en: {
          means:
            "The cache is so full that operations have to make room in it before they go on: they become slow.",
          steps: [
            "More data in use than fits? Raise the memory in its `resources`: the cache follows, after a restart.",
            "Since a new query? One that reads a whole collection (COLLSCAN in the log) pushes everything else out: it wants an index.",
          ],
        },
        es: {
          means:
            "La caché está tan llena que las operaciones tienen que hacer sitio en ella antes de seguir: se vuelven lentas.",
          steps: [
            "¿Más datos en uso de los que caben? Suba la memoria en sus `resources`: la caché la sigue, tras un reinicio.",
            "¿Desde una consulta nueva? La que lee una colección entera (COLLSCAN en el registro) echa a todo lo demás: pide un índice.",
          ],
        },
      },
    },
    {
      name: "MongoCacheDirty",
      severity: "warning",
      for: "5 min",
      expr: ({ own }) => `${cacheDirty(own)} > ${MONGO_LIMITS.dirty}`,
      summary: ({ name }) =>
        `${name}: ${PERCENT} of its cache waits to be written to the disk, the limit is 20 %`,
      guide: {
        en: {
          means:
            "More is written than the disk takes. Operations have to write themselves before they go on: they become slow.",
          steps: [
            "A large import or a migration? It is over when that is; smaller parts with pauses would be kinder.",
            "Else the disk is too slow for what is written: look at the machine's disk (DiskSpaceLow too), and give the volume a faster one.",
          ],
        },
        es: {
          means:
            "Se escribe más de lo que el disco admite. Las operaciones tienen que escribir ellas mismas antes de seguir: se vuelven lentas.",
          steps: [
            "¿Una importación grande o una migración? Pasa cuando acabe; partes más pequeñas con pausas serían más amables.",
            "Si no, el disco es lento para lo que se escribe: mire el disco de la máquina (también DiskSpaceLow), y dé al volumen uno más rápido.",
          ],
        },
      },
    },
    {
      name: "MongoCursorsTimedOut",
      severity: "warning",
      for: "0 s",
      expr: ({ own }) => `${cursorsTimedOut(own)} > ${MONGO_LIMITS.cursors}`,
      summary: ({ name }) =>
        `${name}: {{ $value | printf "%.0f" }} cursors were left behind in five minutes, the limit is 10`,
      guide: {
        en: {
          means:
            "Applications begin to read and do not come back: the server keeps a cursor for each, with memory and a view of the data, and closes it after ten minutes.",
          steps: [
            "Which application? A release of the last hours, or one that ended in the middle of its work.",
            "It has to read a cursor to its end or close it; work that takes minutes for each part asks for smaller ones (`batchSize`).",
          ],
        },
        es: {
          means:
            "Hay aplicaciones que empiezan a leer y no vuelven: el servidor guarda un cursor por cada una, con memoria y una vista de los datos, y lo cierra a los diez minutos.",
          steps: [
            "¿Qué aplicación? Una versión de las últimas horas, o una que terminó a mitad de su trabajo.",
            "Tiene que leer un cursor hasta el final o cerrarlo; un trabajo que tarda minutos por parte pide partes más pequeñas (`batchSize`).",
          ],
        },
      },
    },
    // Of a server that was away there is no number, and the next one is smaller.
    containerRestarting(({ own }) => `sum(resets(mongodb_ss_uptime{${own}}[15m])) > 2`),
  ],
};
