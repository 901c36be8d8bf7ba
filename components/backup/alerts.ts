import { BACKUP_TAKES, DRILL_LATE } from "../../model/backup";
import type { Duration } from "../../model/units";
import { type AlertChapter, type AlertRule, answering } from "../alerts";

/** What a backup's alerts go by, whatever its tool. */
export interface BackupFacts {
  /** Workload that serves the repositories. */
  readonly server: string;
  /** Seconds between two backups. */
  readonly interval: number;
  /** How many there are. */
  readonly repositories: number;
  /** Seconds between two drills; absent where there are none. */
  readonly drill?: number;
}

/** Longest time between two backups, with what one may take. */
const FIRST_BACKUP: Duration = "25 h";

/** How old the newest backup of a repository may be, in seconds. */
export const backupAge = ({ interval }: Pick<BackupFacts, "interval">): number =>
  interval + BACKUP_TAKES;

const completed = (own: string): string => `atalaya_backup_completed_timestamp_seconds{${own}}`;

/** By repository that can be read: when its newest backup of any type ended. */
export const newest = (own: string): string => `max by (repository) (${completed(own)})`;

/** From when on a drill is late, in seconds after the last one that passed. */
export const drillTooOld = (drill: number | undefined): number => (drill ?? 0) + DRILL_LATE;

/** By repository: when its last drill passed. */
export const drilled = (own: string): string =>
  `atalaya_restore_drill_passed_timestamp_seconds{${own}}`;

/** By repository: whether it can be read. */
export const readable = (own: string): string => `atalaya_backup_repository_ok{${own}}`;

/**
 * By repository: when its newest backup ended, as far as anybody knows. One that cannot be read gets no backup either, so
 * that what was last seen in it counts: for eight days, or as long as metrics are kept (`retention`). Then
 * BackupRepositoryAway alone goes on.
 */
export const newestKnown = (own: string): string =>
  `(${newest(own)} or max by (repository) (max_over_time(${completed(own)}[8d])) and min by (repository) (${readable(own)}) == 0)`;

const SINCE = "{{ $value | humanizeDuration }}";

/** Alerts of every backup, by what its server says of its repositories (GG-07, PR-13). */
export const backupRules: readonly AlertRule<BackupFacts>[] = [
  {
    name: "BackupFailed",
    severity: "warning",
    for: "0 s",
    gg07: "given",
    expr: ({ own, interval }) => `max(time() - ${newestKnown(own)}) > ${backupAge({ interval })}`,
    summary: ({ name }) => `${name}: a repository got its last backup ${SINCE} ago`,
    within: ["BackupTooOld"],
    guide: {
      en: {
        means:
          "A scheduled backup failed in at least one repository, or is not done an hour after it was due. Of PostgreSQL changes (WAL) may well be archived: then nothing is lost, but a restore takes longer with every hour. Of Redis and MongoDB, what changed since the last backup is nowhere else.",
        steps: [
          "Read the log of the schedule (`…-backup-run`): its last lines say why.",
          "`atalaya backup status` shows the repository that is behind.",
          "On Kubernetes: is an old job still active (`kubectl get jobs`)? No other one begins until it ends, after twelve hours at the latest. One that hangs: `kubectl delete job`.",
          "Once the cause is gone: `atalaya backup now`, or wait for the next run, which makes up for what was missed.",
        ],
      },
      es: {
        means:
          "Una copia programada falló en por lo menos un repositorio, o no ha terminado una hora después de su momento. De PostgreSQL, los cambios (WAL) pueden estar archivados: entonces no se pierde nada, pero restaurar tarda más con cada hora. De Redis y MongoDB, lo que cambió desde la última copia no está en ningún otro sitio.",
        steps: [
          "Lea el registro del programa (`…-backup-run`): sus últimas líneas dicen el motivo.",
          "`atalaya backup status` muestra qué repositorio va por detrás.",
          "En Kubernetes: ¿sigue activo un trabajo antiguo (`kubectl get jobs`)? No empieza otro hasta que termine, a las doce horas como mucho. Si está colgado: `kubectl delete job`.",
          "Resuelta la causa: `atalaya backup now`, o espere a la siguiente, que recupera lo que faltó.",
        ],
      },
    },
  },
  {
    name: "BackupTooOld",
    severity: "critical",
    for: "0 s",
    expr: ({ own, interval }) =>
      `min(time() - ${newestKnown(own)}) > ${86_400 + backupAge({ interval })}`,
    summary: ({ name }) => `${name}: no repository has a backup newer than ${SINCE}`,
    guide: {
      en: {
        means: "For more than a day no backup has succeeded in any repository.",
        steps: [
          "As for BackupFailed, now: read the log of `…-backup-run`.",
          "Can a repository be read at all? If not, see BackupRepositoryAway.",
          "Is the clock running at all? On Swarm the service `…-backup-run` has to be up; on Kubernetes the CronJob must not be suspended.",
        ],
      },
      es: {
        means: "Hace más de un día que ninguna copia termina bien en ningún repositorio.",
        steps: [
          "Como en BackupFailed, y ya: lea el registro de `…-backup-run`.",
          "¿Se puede leer algún repositorio? Si no, vea BackupRepositoryAway.",
          "¿Corre el reloj? En Swarm el servicio `…-backup-run` debe estar en marcha; en Kubernetes el CronJob no debe estar suspendido.",
        ],
      },
    },
  },
  {
    name: "BackupMissing",
    severity: "warning",
    for: FIRST_BACKUP,
    expr: ({ own, repositories }) =>
      `(count(${newest(own)}) or vector(0)) < ${repositories} and on() (min(${readable(own)}) == 1)`,
    summary: ({ name, repositories }) =>
      `${name}: {{ $value }} of ${repositories} repositories have a backup`,
    guide: {
      en: {
        means:
          "A repository has been there for a day and has not got its first backup: without one nothing can be restored from it, whatever else it has.",
        steps: ["`atalaya backup now`, and read why it fails.", "See BackupFailed."],
      },
      es: {
        means:
          "Un repositorio lleva un día y no tiene aún su primera copia: sin ella no se puede restaurar nada desde él, tenga lo que tenga.",
        steps: ["`atalaya backup now`, y lea por qué falla.", "Vea BackupFailed."],
      },
    },
  },
  {
    name: "BackupRepositoryAway",
    severity: "warning",
    for: "10 min",
    expr: ({ own }) => `min by (repository) (${readable(own)}) == 0`,
    summary: ({ name }) => `${name}: the repository {{ $labels.repository }} cannot be read`,
    guide: {
      en: {
        means:
          "A repository cannot be read: the bucket is away, its keys were withdrawn, or the encryption key is not the one it was made with.",
        steps: [
          "Read the log of `…-backup`, or ask it: `atalaya backup status`.",
          "Keys changed at the provider? Set them in the stack and run `up`.",
          "Lost for good, and an empty one in its place? `atalaya backup prepare`, then `atalaya backup now`.",
          "Never make a new encryption key for an old repository: take the old one from the stack's state or from where you keep it.",
        ],
      },
      es: {
        means:
          "Un repositorio no se puede leer: el bucket no está, sus claves fueron retiradas, o la clave de cifrado no es aquella con la que se creó.",
        steps: [
          "Lea el registro de `…-backup`, o pregúntele: `atalaya backup status`.",
          "¿Cambiaron las claves en el proveedor? Póngalas en el stack y ejecute `up`.",
          "¿Se perdió del todo, y hay uno vacío en su lugar? `atalaya backup prepare`, luego `atalaya backup now`.",
          "Nunca haga una clave de cifrado nueva para un repositorio antiguo: tome la antigua del estado del stack o de donde la guarde.",
        ],
      },
    },
  },
  {
    name: "DrillFailed",
    severity: "critical",
    for: "0 s",
    when: ({ drill }) => drill !== undefined,
    expr: ({ own }) => `max by (repository) (atalaya_restore_drill_ok{${own}}) == 0`,
    summary: ({ name }) =>
      `${name}: the last restore that was tried from {{ $labels.repository }} failed`,
    guide: {
      en: {
        means:
          "A drill restored the newest backup into a throw-away server, and it did not come up, is damaged, lacks what the server had written, or the smoke query found nothing. Take it as: today this repository may not bring the data back.",
        steps: [
          "`atalaya backup status` has the reason; the log of `…-backup-drill` has all of it.",
          "“does not match expected checksum”, “ciphertext verification failed”, “is damaged”: files of that backup are damaged. The older ones are needed now: let nothing expire (`backups.keep`), and make a full one (`atalaya backup now --type full`).",
          "“is not in the repository”: WAL does not get there. See WalArchivingFailing.",
          "“tables or indexes are damaged”: the database itself may be, too. See BackupPagesDamaged.",
          "“MiB free”: give the store's volume more room (`storage`): the drill's is as large, or twice that.",
          "Once the cause is gone: `atalaya backup drill`.",
        ],
      },
      es: {
        means:
          "Un simulacro restauró la última copia en un servidor desechable, y no arranca, está dañada, le falta lo que el servidor había escrito, o la consulta de prueba no encontró nada. Tómelo así: hoy este repositorio quizá no devuelva los datos.",
        steps: [
          "`atalaya backup status` tiene el motivo; el registro de `…-backup-drill` lo tiene completo.",
          "“does not match expected checksum”, “ciphertext verification failed”, “is damaged”: archivos de esa copia están dañados. Las antiguas hacen falta ahora: que no caduque nada (`backups.keep`), y haga una completa (`atalaya backup now --type full`).",
          "“is not in the repository”: el WAL no llega. Vea WalArchivingFailing.",
          "“tables or indexes are damaged”: quizá también la propia base. Vea BackupPagesDamaged.",
          "“MiB free”: dé más sitio al volumen del almacén (`storage`): el del simulacro es igual de grande, o el doble.",
          "Resuelta la causa: `atalaya backup drill`.",
        ],
      },
    },
  },
  {
    name: "DrillTooOld",
    severity: "warning",
    for: "0 s",
    when: ({ drill }) => drill !== undefined,
    expr: ({ own, drill }) =>
      `max by (repository) (time() - ${drilled(own)}) > ${drillTooOld(drill)}`,
    summary: ({ name }) =>
      `${name}: no restore from {{ $labels.repository }} has passed for ${SINCE}`,
    within: ["DrillFailed"],
    guide: {
      en: {
        means:
          "A day after a drill was due none has passed. Nobody knows whether this repository can bring the data back.",
        steps: [
          "Is the clock running? On Swarm the service `…-backup-drill` has to be up; on Kubernetes the CronJob must not be suspended.",
          "Read its log. “another drill is under way”: it takes longer than the time between two; have fewer (`backups.drill`).",
          "`atalaya backup drill` tries one now.",
        ],
      },
      es: {
        means:
          "Un día después del momento de un simulacro, ninguno ha terminado bien. Nadie sabe si este repositorio puede devolver los datos.",
        steps: [
          "¿Corre el reloj? En Swarm el servicio `…-backup-drill` debe estar en marcha; en Kubernetes el CronJob no debe estar suspendido.",
          "Lea su registro. “another drill is under way”: tarda más que el tiempo entre dos; haga menos (`backups.drill`).",
          "`atalaya backup drill` prueba uno ahora.",
        ],
      },
    },
  },
  {
    name: "BackupServerDown",
    severity: "warning",
    for: "2 min",
    expr: ({ own, server }) => `${answering(own, server)} == 0`,
    summary: ({ name, server }) => `${name}: ${server} does not answer`,
    guide: {
      en: {
        means:
          "The server that answers for the backups is gone, and no other alert of them can fire. Of PostgreSQL no backup can begin, and changes (WAL) wait on the database's volume.",
        steps: [
          "List its instances and read the log.",
          "It has the repositories' volume, so it can run only where that is.",
        ],
      },
      es: {
        means:
          "El servidor que responde por las copias no está, y ninguna otra alerta de ellas puede saltar. De PostgreSQL no puede empezar ninguna copia, y los cambios (WAL) esperan en el volumen de la base.",
        steps: [
          "Liste sus instancias y lea el registro.",
          "Tiene el volumen de los repositorios, así que solo puede correr donde esté.",
        ],
      },
    },
  },
];

/** Alerts of backups that are made by restic: of Redis and MongoDB. */
export const archiveAlerts: AlertChapter<BackupFacts> = {
  title: { en: "Backups of Redis and MongoDB", es: "Copias de Redis y MongoDB" },
  rules: [
    {
      name: "BackupDamaged",
      severity: "critical",
      for: "0 s",
      expr: ({ own }) => `max by (repository) (atalaya_backup_errors{${own}}) > 0`,
      summary: ({ name }) => `${name}: the repository {{ $labels.repository }} is damaged`,
      guide: {
        en: {
          means:
            "The daily check of a repository found files that are missing or are not what was written. Some backups in it may not come back.",
          steps: [
            "The log of `…-backup-run` has what is damaged. Suspect the disk, or whoever else can write to the bucket.",
            "Can the newest one be restored? `atalaya backup drill` tries it, in every repository.",
            "The store itself is well? Then move the repository's folder away, make an empty one (`atalaya backup prepare`) and `atalaya backup now`. Keep the old folder until you are sure.",
          ],
        },
        es: {
          means:
            "La comprobación diaria de un repositorio encontró archivos que faltan o no son lo que se escribió. Puede que algunas de sus copias no vuelvan.",
          steps: [
            "El registro de `…-backup-run` dice qué está dañado. Sospeche del disco, o de quien más pueda escribir en el bucket.",
            "¿Se puede restaurar la última? `atalaya backup drill` lo prueba, en todos los repositorios.",
            "¿El almacén está bien? Entonces aparte la carpeta del repositorio, haga uno vacío (`atalaya backup prepare`) y `atalaya backup now`. Guarde la carpeta antigua hasta estar seguro.",
          ],
        },
      },
    },
    ...backupRules,
  ],
};
