import { z } from "zod";
import { type Backup, BACKUP_TAKES, DRILL_LATE, WAL_LATE } from "../../model/backup";

/** What `pgbackrest info --output=json` says, as far as it is read here (2.45). */
const infoSchema = z.array(
  z.object({
    repo: z.array(
      z.object({
        key: z.int(),
        status: z.object({ code: z.int(), message: z.string() }),
      }),
    ),
    archive: z.array(
      z.object({
        database: z.object({ "repo-key": z.int() }),
        max: z.string().nullable(),
      }),
    ),
    backup: z.array(
      z.object({
        label: z.string(),
        type: z.enum(["full", "diff", "incr"]),
        error: z.boolean().nullable(),
        archive: z.object({ stop: z.string().nullable() }).optional(),
        database: z.object({ "repo-key": z.int() }),
        timestamp: z.object({ start: z.number(), stop: z.number() }),
        info: z.object({ size: z.number(), repository: z.object({ size: z.number() }) }),
      }),
    ),
  }),
);

/** What the server says of its archiver: `ARCHIVER_QUERY`. */
const archiverSchema = z.object({
  at: z.number().nullable(),
  failing: z.boolean(),
  waits: z.boolean(),
  up: z.number(),
  timeline: z.int().optional(),
});

/** What `atalaya-restore drills` says of each repository. */
const drillsSchema = z.array(
  z.object({
    repository: z.string(),
    ok: z.boolean(),
    /** Seconds since 1970: of the last one, and of the last that passed. */
    ended: z.number(),
    passed: z.number().nullable(),
    rtoSeconds: z.number().optional(),
    rpoSeconds: z.number().optional(),
    reason: z.string().optional(),
  }),
);

/**
 * Asked of the database itself: until when its changes are in every repository. That is when the newest segment before
 * the first one that waits was written to its end, not when it got there: what was committed meanwhile is in the next
 * one. A second less, since a commit has its time before its place. `last_archived_wal` does not say which one that is:
 * it may be a backup's own file, which goes out before segments that are older.
 *
 * Checkpoints remove segments that were archived, however many wait. Then it is when the first that waits was begun:
 * at most `archive_timeout` (30 s) before its end, as a rule. Where none waits, what was written since the last one got
 * there is no older than that either; `up` has the seconds for which the server has written.
 */
export const ARCHIVER_QUERY = `WITH wal AS (
  SELECT w.name, w.modification AS ended, s.name LIKE '%.ready' AS waits
  FROM pg_ls_archive_statusdir() AS s JOIN pg_ls_waldir() AS w ON w.name = left(s.name, 24)
  WHERE s.name ~ '^[0-9A-F]{24}[.](ready|done)$'
), waiting AS (SELECT min(name) AS first, min(ended) AS ended FROM wal WHERE waits)
SELECT json_build_object(
  'at', extract(epoch FROM coalesce(
    (SELECT max(ended) FROM wal WHERE NOT waits AND (first IS NULL OR name < first)) - interval '1 s',
    CASE WHEN last_archived_time IS NOT NULL
      THEN coalesce(waiting.ended, last_archived_time) - interval '31 s' END)),
  'failing', coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false),
  'waits', first IS NOT NULL,
  'up', extract(epoch FROM clock_timestamp() - pg_postmaster_start_time()),
  'timeline', (SELECT timeline_id FROM pg_control_checkpoint()))
FROM pg_stat_archiver, waiting`;

/** One backup in one repository. */
export interface BackupEntry {
  readonly label: string;
  readonly type: "full" | "diff" | "incr";
  /** ISO 8601, UTC. */
  readonly started: string;
  readonly ended: string;
  /** Bytes of the database, or of what was written out of it. */
  readonly size: number;
  /** Bytes that it takes in the repository, with those that it builds on; of restic, those that it added. */
  readonly stored: number;
  /** Pages failed their checksums while it was made, or the repository's check failed. */
  readonly damaged: boolean;
  /** The history that the database was on. */
  readonly timeline?: number;
}

/** The last restore that was tried of a repository. */
export interface DrillStatus {
  readonly ok: boolean;
  /** ISO 8601, UTC. */
  readonly ended: string;
  /** From the beginning of the restore to a server that answers. */
  readonly rtoSeconds?: number;
  /** Age of the newest row that was there. */
  readonly rpoSeconds?: number;
  /** Why it failed. */
  readonly reason?: string;
}

export interface RepositoryStatus {
  readonly name: string;
  readonly place: string;
  readonly offsite: boolean;
  /** Oldest first. */
  readonly backups: readonly BackupEntry[];
  /** Newest segment of WAL in it. */
  readonly wal?: string;
  /** Why it cannot be read. */
  readonly unreadable?: string;
  /** Absent where none was made yet. */
  readonly drill?: DrillStatus;
}

/** Where one database stands. */
export interface DatabaseStatus {
  readonly system: string;
  readonly component: string;
  /** Whether every change can be restored, or only what there was at the moment of a backup. */
  readonly continuous: boolean;
  /** ISO 8601: what was committed before can be restored from every repository. Absent where nobody could say. */
  readonly recoveryPoint?: string;
  /** The history that the database is on: each recovery begins a new one. */
  readonly timeline?: number;
  /** Why nobody could say what the repositories have: those below are empty then, and may not be. */
  readonly unanswered?: string;
  readonly repositories: readonly RepositoryStatus[];
  /** What is not as it should be; empty when all is well. */
  readonly problems: readonly string[];
}

/** pgBackRest's code for a stanza without any backup. */
const NO_BACKUP = 2;

const iso = (seconds: number): string => new Date(seconds * 1_000).toISOString();

/**
 * @param info what `atalaya-backup info` printed; undefined where it could not be asked
 * @param archiver what the database answered to `ARCHIVER_QUERY`; undefined where it did not
 * @param now seconds since 1970
 * @param drilled what `atalaya-restore drills` printed; undefined where it could not be asked
 * @param why the first could not be asked
 */
export function statusOf(
  system: string,
  plan: Backup,
  info: string | undefined,
  archiver: string | undefined,
  now: number,
  drilled?: string,
  why?: string,
): DatabaseStatus {
  const problems: string[] = [];
  const stanza = read(infoSchema, info)?.[0];
  const archived = read(archiverSchema, archiver);
  const drills = read(drillsSchema, drilled) ?? [];
  const unanswered =
    stanza !== undefined
      ? undefined
      : info === undefined
        ? [`${plan.workload} does not answer`, ...(why ? [why] : [])].join(": ")
        : `${plan.workload} does not say what it has`;
  if (unanswered !== undefined) problems.push(unanswered);
  if (!plan.continuous) {
    // There is nothing to ask it: what it has is in no backup before the next one.
  } else if (archived === undefined) problems.push("the database does not answer");
  else {
    if (archived.failing) problems.push("changes do not get to every repository at present");
    // A server that was away has made no changes meanwhile, and its first ones are on their way.
    const due = archived.waits || archived.up > WAL_LATE;
    if (due && archived.at !== null && now - archived.at > WAL_LATE) {
      problems.push(`changes since ${iso(archived.at)} are not in every repository`);
    }
  }
  const repositories = plan.repositories.map(({ name, place, offsite }, i): RepositoryStatus => {
    const mine = (item: { database: { "repo-key": number } }): boolean =>
      item.database["repo-key"] === i + 1;
    const backups = (stanza?.backup ?? [])
      .filter(mine)
      .sort((a, b) => a.timestamp.stop - b.timestamp.stop);
    const status = stanza?.repo.find(({ key }) => key === i + 1)?.status;
    const newest = backups.at(-1);
    const unreadable =
      stanza === undefined || (status !== undefined && [0, NO_BACKUP].includes(status.code))
        ? undefined
        : firstLine(status?.message ?? `is not known to ${plan.tool}`);
    if (stanza !== undefined) {
      if (unreadable !== undefined) problems.push(`${name}: ${unreadable}`);
      else if (newest === undefined) problems.push(`${name}: has no backup yet`);
      else if (now - newest.timestamp.stop > plan.interval + BACKUP_TAKES) {
        problems.push(`${name}: the newest backup ended ${iso(newest.timestamp.stop)}`);
      }
      if (newest?.error) {
        problems.push(
          `${name}: ${plan.continuous ? "pages of the newest backup are" : "the repository is"} damaged`,
        );
      }
    }
    const drill = drills.find(({ repository }) => repository === name);
    if (drill?.ok === false) problems.push(`${name}: the last drill failed: ${drill.reason ?? ""}`);
    else if (
      drill?.passed &&
      plan.drill !== undefined &&
      now - drill.passed > plan.drill.interval + DRILL_LATE
    ) {
      problems.push(`${name}: the last drill passed ${iso(drill.passed)}`);
    }
    const wal = stanza?.archive.filter(mine).at(-1)?.max;
    return {
      name,
      place,
      offsite,
      backups: backups.map(({ label, type, timestamp, info: { size, repository }, ...of }) => ({
        label,
        type,
        started: iso(timestamp.start),
        ended: iso(timestamp.stop),
        size,
        stored: repository.size,
        damaged: of.error === true,
        ...(of.archive?.stop ? { timeline: timelineOf(of.archive.stop) } : {}),
      })),
      ...(typeof wal === "string" ? { wal } : {}),
      ...(unreadable === undefined ? {} : { unreadable }),
      ...(drill === undefined ? {} : { drill: drillStatus(drill) }),
    };
  });
  const point = plan.continuous
    ? typeof archived?.at === "number"
      ? iso(archived.at)
      : undefined
    : lastEverywhere(repositories);
  return {
    system,
    component: plan.component,
    continuous: plan.continuous,
    ...(point === undefined ? {} : { recoveryPoint: point }),
    ...(archived?.timeline === undefined ? {} : { timeline: archived.timeline }),
    ...(unanswered === undefined ? {} : { unanswered }),
    repositories,
    problems,
  };
}

/** The moment of the newest backup, in the repository that is furthest behind. */
function lastEverywhere(repositories: readonly RepositoryStatus[]): string | undefined {
  const newest = repositories.map(({ backups }) => backups.at(-1)?.started);
  return newest.includes(undefined) ? undefined : newest.sort()[0];
}

const drillStatus = ({
  ok,
  ended,
  rtoSeconds,
  rpoSeconds,
  reason,
}: z.infer<typeof drillsSchema>[number]): DrillStatus => ({
  ok,
  ended: iso(ended),
  ...(rtoSeconds === undefined ? {} : { rtoSeconds }),
  ...(rpoSeconds === undefined ? {} : { rpoSeconds }),
  ...(reason === undefined ? {} : { reason }),
});

/** Rows of the table of `backup status`: one a repository. */
export const statusRows = (databases: readonly DatabaseStatus[]): string[][] =>
  databases.flatMap(({ system, component, continuous, recoveryPoint, repositories }) =>
    repositories.map(({ name, offsite, backups, wal, drill }) => {
      const newest = backups.at(-1);
      const full = backups.filter(({ type }) => type === "full").at(-1);
      return [
        `${system}/${component}`,
        offsite ? name : `${name} (not off-site)`,
        newest === undefined ? "none" : `${minute(newest.ended)} ${newest.type}`,
        full === undefined ? "none" : minute(full.ended),
        newest === undefined ? "" : mebibytes(newest.stored),
        continuous ? (wal ?? "none") : "no changes",
        recoveryPoint === undefined ? "unknown" : recoveryPoint.slice(0, 19),
        drill === undefined ? "none" : `${minute(drill.ended)} ${drill.ok ? "passed" : "FAILED"}`,
      ];
    }),
  );

export const STATUS_HEAD = [
  "database",
  "repository",
  "newest backup (UTC)",
  "last full",
  "stored",
  "last WAL",
  "recovery point (UTC)",
  "last drill (UTC)",
];

/** Rows of the table of `backup list`: one a backup, newest first. */
export const listRows = (databases: readonly DatabaseStatus[]): string[][] =>
  databases.flatMap(({ system, component, repositories }) =>
    repositories.flatMap(({ name, backups }) =>
      [...backups]
        .reverse()
        .map(({ label, type, ended, size, stored, damaged }) => [
          `${system}/${component}`,
          name,
          label,
          type,
          minute(ended),
          mebibytes(size),
          mebibytes(stored),
          damaged ? "damaged" : "",
        ]),
    ),
  );

/** What the table of `backup list` cannot have. */
export const unlisted = (databases: readonly DatabaseStatus[]): string[] =>
  databases.flatMap(({ system, component, unanswered, repositories }) =>
    [
      ...(unanswered === undefined ? [] : [unanswered]),
      ...repositories.flatMap(({ name, unreadable }) =>
        unreadable === undefined ? [] : [`${name}: ${unreadable}`],
      ),
    ].map((problem) => `${system}/${component}: ${problem}`),
  );

export const LIST_HEAD = [
  "database",
  "repository",
  "backup",
  "type",
  "ended (UTC)",
  "database size",
  "stored",
  "",
];

const minute = (text: string): string => text.slice(0, 16).replace("T", " ");

export const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** Of a segment of WAL, by its name. */
export const timelineOf = (segment: string): number => Number.parseInt(segment.slice(0, 8), 16);

const firstLine = (text: string): string => text.split("\n")[0]!;

function read<T>(schema: z.ZodType<T>, text: string | undefined): T | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(text ?? ""));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
