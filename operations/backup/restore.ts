import type { Backup, Restored, RestoredCopy } from "../../model/backup";
import { noSuchDay } from "../../model/units";
import { isBackupLabel, isMoment, isRestorePoint } from "../../stack/backups";
import {
  type BackupEntry,
  type DatabaseStatus,
  mebibytes,
  type RepositoryStatus,
  timelineOf,
} from "./status";

/** What a person wants to have again. */
export interface RestoreWish {
  /** `latest` or a moment (ISO 8601 with its zone). @default latest */
  readonly to?: string;
  /** A restore point by name instead. */
  readonly toName?: string;
  /** Name of a repository. @default the first one that has a fitting backup */
  readonly from?: string;
  /** Label of the backup to begin with. @default the newest before the target */
  readonly set?: string;
}

/** What will be made, as far as that is known before. */
export interface RestorePlan {
  readonly copy: RestoredCopy;
  /** The backup that it begins with; changes (WAL) lead on from there. */
  readonly begins: BackupEntry;
  /** What could not be found out before. */
  readonly notes: readonly string[];
}

/** What is wrong with a wish, each with what to do. */
export interface Refusal {
  readonly problem: string;
  readonly fix: string;
}

/** What has to be free, as the images' programs have it: what was written out and what is made of it are two. */
const needed = (size: number, { continuous }: Backup): number =>
  size * (continuous ? 1.1 : 2) + 64 * 2 ** 20;

const STATUS = "`atalaya backup list` has every backup, `backup status` the recovery point";

/**
 * What a wish leads to, by what the repositories and the database said; everything that is wrong with it at once.
 * @param now milliseconds since 1970
 */
export function planRestore(
  plan: Backup,
  status: DatabaseStatus,
  wish: RestoreWish,
  now: number,
): RestorePlan | readonly Refusal[] {
  const refused: Refusal[] = [];
  const refuse = (problem: string, fix: string): void => void refused.push({ problem, fix });
  const target = targetOf(wish, now, refuse);
  const { continuous } = plan;
  if (wish.toName !== undefined && !continuous) {
    refuse("--to-name: only PostgreSQL has restore points", "a moment (--to), or a backup (--set)");
  }
  if (wish.set !== undefined && !isBackupLabel(wish.set)) {
    refuse(`--set: “${wish.set}” is no backup's label`, STATUS);
  }
  const moment = typeof target === "object" && "time" in target ? target.time : undefined;
  const { recoveryPoint } = status;
  if (
    continuous &&
    moment !== undefined &&
    recoveryPoint !== undefined &&
    Date.parse(moment) > Date.parse(recoveryPoint) &&
    Date.parse(moment) <= now
  ) {
    refuse(
      `--to: changes are archived up to ${recoveryPoint}, and ${moment} is after that`,
      "an earlier moment, or --to latest",
    );
  }
  const chosen = choose(plan, status, wish, moment, refuse);
  if (chosen !== undefined && needed(chosen.begins.size, plan) > plan.storage) {
    refuse(
      `the volume would have ${mebibytes(plan.storage)}, the database needs ${mebibytes(needed(chosen.begins.size, plan))}`,
      `give ${plan.component} more \`storage\``,
    );
  }
  if (refused.length > 0 || chosen === undefined || target === undefined) return refused;
  const { begins, repository, skipped } = chosen;
  const timeline = ownTimeline(status, repository);
  return {
    copy: {
      number: Math.max(0, ...plan.restored.copies.map(({ number }) => number)) + 1,
      target,
      from: repository.name,
      // Where nothing leads on from a backup, it is the whole of what is restored; pgBackRest takes the newest by itself.
      ...(wish.set === undefined && continuous && !skipped ? {} : { set: begins.label }),
      ...(timeline === undefined ? {} : { timeline }),
      served: false,
    },
    begins,
    notes: [
      ...(continuous ? [] : [`as of ${begins.started}: what changed after that is in no backup`]),
      ...(continuous && moment !== undefined && recoveryPoint === undefined
        ? [
            "the database does not answer: the restore itself finds out whether that moment is archived",
          ]
        : []),
      ...(begins.damaged
        ? [
            continuous
              ? `pages of ${begins.label} were damaged when it was made`
              : "the repository is damaged: the restore itself finds out whether this backup is",
          ]
        : []),
      ...(typeof target === "object" && "name" in target
        ? [`a restore point is looked for after ${begins.label} alone; an older one needs --set`]
        : []),
    ],
  };
}

type Refuse = (problem: string, fix: string) => void;

function targetOf(
  wish: RestoreWish,
  now: number,
  refuse: Refuse,
): RestoredCopy["target"] | undefined {
  const { to = "latest", toName } = wish;
  if (toName !== undefined) {
    if (wish.to !== undefined) refuse("--to and --to-name exclude each other", "give one of them");
    if (isRestorePoint(toName)) return { name: toName };
    refuse(`--to-name: “${toName}” is no restore point`, "letters, digits, points, - and _");
    return undefined;
  }
  if (to === "latest") return to;
  if (!isMoment(to)) {
    const why = noSuchDay(to);
    refuse(`--to: “${to}” is no moment${why}`, 'with its zone: "2026-11-23T10:15:00Z", or latest');
    return undefined;
  }
  if (Date.parse(to) > now) refuse(`--to: ${to} has not come yet`, "an earlier moment, or latest");
  return { time: to };
}

interface Choice {
  readonly repository: RepositoryStatus;
  readonly begins: BackupEntry;
  /** There are newer ones before the target, of another history. */
  readonly skipped: boolean;
}

/** The repository, and the backup in it to begin with. */
function choose(
  { restored, workload }: Backup,
  status: DatabaseStatus,
  { from, set }: RestoreWish,
  moment: string | undefined,
  refuse: Refuse,
): Choice | undefined {
  const { repositories, unanswered } = status;
  if (unanswered !== undefined) {
    refuse(unanswered, `bring ${workload} back first: nothing can be restored without it`);
    return undefined;
  }
  const fork = forkOf(restored);
  const names = repositories.map(({ name }) => name).join(", ");
  const asked = repositories.filter(({ name }) => (from ?? name) === name);
  if (asked.length === 0) {
    refuse(`--from: there is no repository “${from}”`, `there are ${names}`);
    return undefined;
  }
  const why: Refusal[] = [];
  for (const repository of asked) {
    const { name, backups, unreadable } = repository;
    const not = (problem: string, fix: string): void =>
      void why.push({ problem: `${name}: ${problem}`, fix });
    // Changes lead on from the end of a backup. One without any may have what was written until then.
    const ended = (of: BackupEntry): boolean =>
      moment === undefined || Date.parse(of.ended) <= Date.parse(moment);
    const own = status.timeline ?? backups.at(-1)?.timeline;
    if (unreadable !== undefined) {
      not(`cannot be read: ${unreadable}`, "is it there, and is the key the one it was made with?");
    } else if (backups.length === 0) {
      not("has no backup", "another repository (--from), or `atalaya backup now`");
    } else if (set !== undefined && backups.every(({ label }) => label !== set)) {
      not(`has no backup ${set}`, STATUS);
    } else {
      const fitting = set === undefined ? backups : backups.filter(({ label }) => label === set);
      const before = fitting.filter(ended);
      const leading = set === undefined ? before.filter(leadsTo(own, fork)) : before;
      const begins = leading.at(-1);
      if (begins !== undefined) return { repository, begins, skipped: begins !== before.at(-1) };
      if (before.length > 0) {
        not(
          `no backup ${moment === undefined ? "" : "before that "}leads to the database's own history (timeline ${own})`,
          "a repository that goes back further (--from), or one of them by its label (--set)",
        );
      } else {
        not(
          `${set ?? "its oldest backup"} ended ${fitting[0]!.ended}, and ${moment} is before that`,
          "a later moment, or a repository that goes back further (--from)",
        );
      }
    }
  }
  for (const { problem, fix } of why) refuse(problem, fix);
  return undefined;
}

/** When the database's history parted from the one before, in milliseconds since 1970, as far as its copy says a moment. */
function forkOf({ copies, serves }: Restored): number {
  const target = copies.find(({ number }) => number === serves)?.target;
  return typeof target === "object" && "time" in target ? Date.parse(target.time) : Infinity;
}

/** Whether changes lead from a backup to the database's own history: it is on that one, or from before it parted. */
const leadsTo =
  (own: number | undefined, fork: number) =>
  ({ timeline, ended }: BackupEntry): boolean =>
    own === undefined ||
    timeline === undefined ||
    timeline === own ||
    (timeline < own && Date.parse(ended) <= fork);

/**
 * After a way back to an older volume the archive has a newer history than the database: by itself a restore would
 * follow that one. Where the database does not answer, the newest backup says which it is on: `switch` makes one.
 */
function ownTimeline(
  { timeline }: DatabaseStatus,
  { wal, backups }: RepositoryStatus,
): number | undefined {
  const own = timeline ?? backups.at(-1)?.timeline;
  if (own === undefined || wal === undefined) return undefined;
  return timelineOf(wal) > own ? own : undefined;
}

/**
 * Copies that would begin the same history as one that is to serve: the archive takes only one of them.
 * @param number of the one that is to serve
 */
export const rivals = ({ copies, serves }: Restored, number: number): readonly number[] =>
  copies.some((copy) => copy.number === number && copy.served) || number === 0
    ? []
    : copies
        .filter((copy) => !copy.served && ![number, serves].includes(copy.number))
        .map((copy) => copy.number);

/** With one more copy, which gets a server beside the database, or the database itself. */
export const withCopy = (of: Restored, copy: RestoredCopy, serve: boolean): Restored => {
  const copies = [...of.copies, copy];
  return serve
    ? serving({ copies, serves: of.serves }, copy.number)
    : { copies, serves: of.serves, beside: copy.number };
};

/** With one more copy that was to serve, and never did: the database is where it was. */
export const withAttempt = (of: Restored, copy: RestoredCopy): Restored => ({
  copies: [...of.copies, copy],
  serves: of.serves,
});

/** Nothing beside: what ran there lets go of its volume. */
export const alone = ({ copies, serves }: Restored): Restored => ({ copies, serves });

/**
 * The database on another volume. What it runs on from now on is like no backup any more, and so is what it ran on: each
 * counts as such before the engine is told, since whatever ends the command then may be too late.
 */
export const serving = (of: Restored, number: number): Restored => ({
  ...of,
  serves: number,
  copies: of.copies.map((c) =>
    [number, of.serves].includes(c.number) ? { ...c, served: true } : c,
  ),
});

/** Without a copy. */
export const without = (of: Restored, number: number): Restored => ({
  ...(of.beside === number ? alone(of) : of),
  copies: of.copies.filter((copy) => copy.number !== number),
});

/** As the stack's configuration has it. */
export const restoredConfig = ({ copies, serves, beside }: Restored): object => ({
  serves,
  ...(beside === undefined ? {} : { beside }),
  copies: Object.fromEntries(
    copies.map(({ number, target, from, set, timeline, served }) => [
      String(number),
      {
        ...(target === "latest"
          ? { to: target }
          : "name" in target
            ? { toName: target.name }
            : { to: target.time }),
        from,
        ...(set === undefined ? {} : { set }),
        ...(timeline === undefined ? {} : { timeline }),
        ...(served ? { served } : {}),
      },
    ]),
  ),
});

/** @example targetText({ time: "2026-11-23T10:15:00Z" }) // "2026-11-23T10:15:00Z" */
export const targetText = ({ target }: RestoredCopy): string =>
  target === "latest"
    ? "the last archived change"
    : "name" in target
      ? `the restore point ${target.name}`
      : target.time;
