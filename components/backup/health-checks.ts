import type { CheckChapter, CheckRule } from "../../model/health";
import type { Watched } from "../alerts";
import { ready } from "../health";
import { backupAge, type BackupFacts, drilled, drillTooOld, newestKnown, readable } from "./alerts";

/** What the checks of backups go by. */
export interface BackupHealthFacts extends BackupFacts, Watched {
  readonly workload: string;
  readonly instances: number;
}

const behind = {
  en: "Read the log of `…-backup-run`; `atalaya backup status` shows which repository is behind. Then `atalaya backup now`.",
  es: "Lea el registro de `…-backup-run`; `atalaya backup status` muestra qué repositorio va por detrás. Luego, `atalaya backup now`.",
};

/** Checks of every backup, by its server (GG-08). Before the first backup and drill they are well. */
export const backupCheckRules: readonly CheckRule<BackupHealthFacts>[] = [
  {
    ...ready("backup", {
      title: {
        en: "servers of backups that do not answer, asked themselves",
        es: "servidores de copias que no responden, preguntados ellos mismos",
      },
      fix: {
        en: "Read its log. Until it is back nobody knows how old the backups are; of PostgreSQL none begins, and changes (WAL) wait on the database's volume.",
        es: "Lea su registro. Hasta que vuelva nadie sabe qué edad tienen las copias; de PostgreSQL no empieza ninguna, y los cambios (WAL) esperan en el volumen de la base.",
      },
      alert: "BackupServerDown",
    }),
    name: "backup-server",
  },
  {
    name: "backup-repositories",
    group: "backup",
    title: { en: "every repository can be read", es: "todos los repositorios se pueden leer" },
    ask: ({ own }) => ({ kind: "query", expr: `min(${readable(own)})` }),
    unit: "yes",
    limits: { beyond: "below", warning: 1 },
    fix: {
      en: "`atalaya backup status` says which one, and why: away, keys withdrawn, another encryption key.",
      es: "`atalaya backup status` dice cuál y por qué: ausente, claves retiradas, otra clave de cifrado.",
    },
    alert: "BackupRepositoryAway",
  },
  {
    name: "backup-age",
    group: "backup",
    title: {
      en: "age of the newest backup, in the repository that is furthest behind",
      es: "edad de la última copia, en el repositorio más atrasado",
    },
    // Where nothing can be read and nothing was, nobody can say.
    ask: ({ own }) => ({
      kind: "query",
      expr: `max(time() - ${newestKnown(own)}) or 0 * max(${readable(own)} == 1)`,
    }),
    unit: "seconds",
    limits: {
      en: "warning an hour after the next one was due, critical a day after that",
      es: "aviso una hora después de cuando tocaba la siguiente, crítico un día después",
      of: (facts) => ({
        beyond: "above",
        warning: backupAge(facts),
        critical: 86_400 + backupAge(facts),
      }),
    },
    fix: behind,
    alert: "BackupFailed",
  },
  {
    name: "drill",
    group: "backup",
    when: ({ drill }) => drill !== undefined,
    title: {
      en: "the last restore that was tried brought everything back",
      es: "la última restauración de prueba lo recuperó todo",
    },
    ask: ({ own }) => ({
      kind: "query",
      expr: `min(atalaya_restore_drill_ok{${own}}) or 0 * max(${drilled(own)}) + 1`,
    }),
    unit: "yes",
    limits: { beyond: "below", critical: 1 },
    fix: {
      en: "`atalaya backup status` has the reason. Today this repository may not bring the data back.",
      es: "`atalaya backup status` tiene el motivo. Hoy este repositorio quizá no devuelva los datos.",
    },
    alert: "DrillFailed",
  },
  {
    name: "drill-age",
    group: "backup",
    when: ({ drill }) => drill !== undefined,
    title: {
      en: "time since a restore was tried and passed",
      es: "tiempo desde la última restauración de prueba que salió bien",
    },
    ask: ({ own }) => ({ kind: "query", expr: `max(time() - ${drilled(own)})` }),
    unit: "seconds",
    limits: {
      en: "warning a day after the next one was due",
      es: "aviso un día después de cuando tocaba la siguiente",
      of: ({ drill }) => ({ beyond: "above", warning: drillTooOld(drill) }),
    },
    fix: {
      en: "Does `…-backup-drill` run? Read its log; `atalaya backup drill` tries one now.",
      es: "¿Corre `…-backup-drill`? Lea su registro; `atalaya backup drill` prueba una ahora.",
    },
    alert: "DrillTooOld",
  },
];

/** Checks of backups that are made by restic: of Redis and MongoDB. */
export const archiveChecks: CheckChapter<BackupHealthFacts> = {
  title: { en: "Backups of Redis and MongoDB", es: "Copias de Redis y MongoDB" },
  rules: backupCheckRules,
};
