import type { SecretSource } from "./system";
import type { Duration, Size } from "./units";

/** What a component says of its backup, as plain data: whoever looks after backups collects it. */
export interface Backup {
  /** Whose data it is. */
  readonly component: string;
  /** Workload that answers for it: asked for its state, told to make one at once. */
  readonly workload: string;
  /** Schedule that makes it. */
  readonly schedule: string;
  /** Program that makes it. @example "pgBackRest" */
  readonly tool: string;
  /** Whether every change can be restored, or only what there was at the moment of a backup. */
  readonly continuous: boolean;
  /** When it runs: five cron fields, in UTC. */
  readonly cron: string;
  /** Seconds between two runs. */
  readonly interval: number;
  readonly repositories: readonly BackupRepository[];
  /** Bytes that its volume was declared with: what a restore may need. */
  readonly storage: number;
  /** When a restore is tried by itself; absent where nobody does. */
  readonly drill?: Drill;
  /** What was restored of it so far. */
  readonly restored: Restored;
}

/** What a backup may take until somebody is told that it is late, in seconds: an hour. */
export const BACKUP_TAKES = 3_600;

/**
 * Seconds after which a change of a database is late in the repositories. A row is written every minute and its file
 * ended 30 s later, so that more than two minutes are never usual; five outlast an attempt that is made again.
 */
export const WAL_LATE = 300;

/** What a drill may be late until somebody is told, in seconds: a day. */
export const DRILL_LATE = 86_400;

/** A restore that is tried on a schedule. */
export interface Drill {
  /** The schedule's name. */
  readonly schedule: string;
  /** Five cron fields, in UTC. */
  readonly cron: string;
  /** Longest time between two, in seconds. */
  readonly interval: number;
}

/** What was restored of a database, and on which volume it runs. */
export interface Restored {
  /** Each has a volume of its own beside the first one. */
  readonly copies: readonly RestoredCopy[];
  /** Number of the copy that the database runs on; 0 is its first volume. */
  readonly serves: number;
  /** Number of the copy that has a server of its own beside the database, for people to look at. */
  readonly beside?: number;
}

/** Of a database of which nothing was restored. */
export const NOTHING_RESTORED: Restored = { copies: [], serves: 0 };

/** A database made from a backup, in a volume of its own. */
export interface RestoredCopy {
  /** From 1 on; never used again for another one. */
  readonly number: number;
  /** Up to the last change that was archived, a moment (ISO 8601), or a restore point by its name. */
  readonly target: "latest" | { readonly time: string } | { readonly name: string };
  /** Name of the repository. */
  readonly from: string;
  /** Label of the backup to begin with. @default the newest before the target */
  readonly set?: string;
  /** Which history to follow, where there are several. @default the newest */
  readonly timeline?: number;
  /** The database ran on it once, so that it has what nothing else has: it is protected. */
  readonly served: boolean;
}

/** How often a restore is tried. */
export type DrillEvery = "daily" | "weekly" | "monthly";

/** Where a backup goes to. */
export interface BackupRepository {
  readonly name: string;
  /** For people. @example "s3://backups/prod/shop" */
  readonly place: string;
  /** It survives the loss of the place where the data is. */
  readonly offsite: boolean;
}

/** Hours between two backups: what divides a day, so that every day has the same runs. */
export type BackupHours = 1 | 2 | 3 | 4 | 6 | 8 | 12 | 24;

/**
 * How the data of a stack is backed up (FV-06, PR-13). Whoever keeps data reads it and does it in a way of
 * its own; nothing of it is written where a database is declared.
 */
export interface BackupsArgs {
  /** Name of the stack: part of every path, so that stacks can share a bucket. */
  readonly stack: string;
  /** At least one. Everything goes to each of them. */
  readonly repositories: readonly RepositoryArgs[];
  /** Time between two backups. The first of a week is full, the first of a day differential, the rest incremental. */
  readonly every: BackupHours;
  /** Hour (UTC) at which a day begins, and with it a differential or a full backup. */
  readonly from: number;
  /** How far back a database can be taken; whole days. @example "35 d" */
  readonly keep: Duration;
  /**
   * How long WAL of PostgreSQL waits for a bucket that makes no progress, where there is another repository: that one
   * gets nothing for eight times as long. Uploads over a slow line may take longer to answer. @default "10 s"
   */
  readonly walTimeout?: Duration;
  /** How often a restore of the newest backup is tried. @default never */
  readonly drill?: DrillEvery;
  /** What was restored, by system and component. @default nothing */
  readonly restored?: Readonly<Record<string, Readonly<Record<string, Restored>>>>;
}

/** Where copies are. */
export type RepositoryArgs = LocalRepository | S3Repository;

/** A volume of the same place: it survives the loss of a database's volume, not that of the place. */
export interface LocalRepository {
  readonly kind: "local";
  /** As messages and metrics call it: a DNS label. */
  readonly name: string;
  /** Of the volume, for each database. @example "50 GiB" */
  readonly storage: Size;
}

/** A bucket of a service that speaks the protocol of S3, over TLS. */
export interface S3Repository {
  readonly kind: "s3";
  /** As messages and metrics call it: a DNS label. */
  readonly name: string;
  /** Host name. @example "s3.eu-west-1.amazonaws.com" */
  readonly endpoint: string;
  /** @default 443 */
  readonly port?: number;
  readonly bucket: string;
  /** As the service has it; many that are not Amazon's take any. @example "eu-west-1" */
  readonly region: string;
  /** The bucket stands in the path rather than in the host name: most services but Amazon's want that. @default false */
  readonly pathStyle?: boolean;
  /** Certificates (PEM) of the authority that vouches for the endpoint. @default the public ones */
  readonly authority?: string;
  readonly accessKey: SecretSource;
  readonly secretKey: SecretSource;
}
