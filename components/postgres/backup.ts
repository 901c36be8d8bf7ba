import type { BackupsArgs, S3Repository } from "../../model/backup";
import type { Container, Workload } from "../../model/system";
import { bytes, seconds } from "../../model/units";
import { alertOn } from "../alerts";
import {
  type BackedUp,
  type BackupKind,
  bucketPath,
  type BucketSecrets,
  METRICS_PORT,
  SECRETS_FOLDER,
  StoreBackup,
} from "../backup/backup";
import { showOn } from "../dashboards";
import { checkOn } from "../health";
import { type ResourceArgs, resources } from "../service";
import type { StoreWorkload } from "../store";
import type { Description, Placement } from "../system";
import { backupAlerts } from "./alerts";
import { backupDashboard } from "./dashboard";
import { backupChecks } from "./health-checks";
import { postgresLog } from "./logs";
import {
  BACKUP_PORT,
  databaseOptions,
  isOptionValue,
  type Options,
  optionsFile,
  PGBACKREST_CONF,
  REPOSITORY_PATH,
  repositoryKeys,
  repositoryOptions,
  type StanzaArgs,
} from "./pgbackrest";

/** What the backup needs to know of its database. */
export interface BackedUpPostgres extends BackedUp {
  readonly dataPath: string;
  readonly maxConnections: number;
  /** What every drill asks of what was restored. */
  readonly smoke?: { readonly query: string; readonly database: string };
}

const KIND: BackupKind = {
  kind: "PostgresBackup",
  tool: "pgBackRest",
  version: "2.45",
  continuous: true,
  repositoryPath: REPOSITORY_PATH,
};

/** Two processes compress and encrypt; measured on a small database, the rest is room. */
const SIZES: ResourceArgs = {
  cpu: { reserve: 0.05, limit: 1 },
  memory: { reserve: "64 MiB", limit: "256 MiB" },
};

/** It writes next to nothing, and reserves what a job does on every platform. */
const PREPARE_SIZES: ResourceArgs = {
  cpu: { reserve: 0.01, limit: 0.2 },
  memory: { reserve: "16 MiB", limit: "128 MiB" },
};

/** A small server on a socket and pgBackRest beside it. */
const RESTORE_SIZES: ResourceArgs = {
  cpu: { reserve: 0.05, limit: 1 },
  memory: { reserve: "64 MiB", limit: "512 MiB" },
};

/** Where a drill restores to, and what it found. */
const DRILL_FOLDER = "/var/lib/atalaya-drill";

/**
 * Backups of one database by pgBackRest (FV-06, PR-13); made by `Postgres` where a stack has backups.
 *
 * It is pgBackRest's repository host: the database hands its WAL to it, and it fetches backups from the
 * database, both over TLS with certificates of their own. So the database has no key of any repository and no
 * way out. Why so: `docs/decisions/0018-backups-of-postgresql.md`.
 */
export class PostgresBackup extends StoreBackup<BackedUpPostgres> {
  constructor(database: BackedUpPostgres, args: BackupsArgs, placement: Placement) {
    super(KIND, database, args, placement);
  }

  private get drillVolume(): string {
    return `${this.name}-drill`;
  }

  /** One secret of both ends, from which each makes its certificate. */
  private get linkSecret(): string {
    return `${this.name}-link`;
  }

  private get databaseFile(): string {
    return `${this.name}-database-conf`;
  }

  /** What the database's own container needs: pgBackRest's other end runs beside the server. */
  override databaseSide(): Required<NonNullable<StoreWorkload["more"]>> {
    const { name } = this.database;
    return {
      environment: {
        BACKUP_STANZA: name,
        BACKUP_IDENTITY: name,
        BACKUP_LINK_FILE: `${SECRETS_FOLDER}/${this.linkSecret}`,
      },
      secrets: [{ secret: this.linkSecret, file: this.linkSecret }],
      files: [{ file: this.databaseFile, path: PGBACKREST_CONF }],
      ports: [{ name: "backup", port: BACKUP_PORT }],
      facts: this.databaseFacts,
    };
  }

  protected override pathIn(): string {
    return bucketPath({ ...this.args, system: this.system.name });
  }

  override describe(to: Description): void {
    to.component(this);
    to.reads(this, postgresLog);
    this.check(to, isOptionValue);
    const { args, database, name } = this;
    const days = this.days(to);
    const stanza: StanzaArgs = {
      database: database.name,
      repository: name,
      dataPath: database.dataPath,
      repositories: args.repositories,
    };
    const write = (options: Options): string =>
      to.check(this, "repositories", () => optionsFile(options), "");
    to.files.push(
      { name: this.databaseFile, component: name, content: write(databaseOptions(stanza)) },
      {
        name: `${name}-conf`,
        component: name,
        content: write(
          repositoryOptions({
            ...stanza,
            stack: args.stack,
            system: this.system.name,
            days,
            ...(args.walTimeout === undefined ? {} : { walTimeout: seconds(args.walTimeout) }),
          }),
        ),
      },
    );
    this.describeSecrets(to);
    const container = this.container(to);
    to.path(database.name, name, [BACKUP_PORT], { label: "WAL" });
    for (const consumer of [this.prepareJob, this.schedule]) {
      to.path(consumer, database.name, [BACKUP_PORT], { label: "backup" });
    }
    for (const consumer of this.consumers) to.consume(consumer);
    to.workloads.push(this.host(container));
    to.jobs.push(
      this.preparation({
        ...container,
        purpose: "makes room in every repository and checks that WAL gets there",
        resources: resources(to, this, PREPARE_SIZES),
        startAfter: [database.name, name],
      }),
    );
    to.schedules.push({
      ...container,
      name: this.schedule,
      component: name,
      purpose: "backs the database up",
      cron: this.cron,
      command: ["atalaya-backup", "run"],
      startAfter: [this.prepareJob],
    });
    this.describeDrill(to);
    to.backups.push(this.plan(to));
    this.observe(to);
  }

  /** In a container and on a volume of its own; what it found, the server tells. */
  private describeDrill(to: Description): void {
    const { database, drill, name } = this;
    if (drill === undefined) return;
    to.volumes.push({
      name: this.drillVolume,
      component: name,
      size: to.check(this, "storage", () => bytes(database.storage), 0),
      access: "shared",
      protect: false,
    });
    const reader = this.reader(to);
    to.schedules.push({
      ...reader,
      name: drill.schedule,
      component: name,
      purpose: "restores the newest backup into a throw-away database and checks it",
      cron: drill.cron,
      command: ["atalaya-restore", "drill"],
      environment: {
        ...reader.environment,
        DRILL_FOLDER,
        ...(database.smoke === undefined
          ? {}
          : { SMOKE_QUERY: database.smoke.query, SMOKE_DATABASE: database.smoke.database }),
      },
      volumes: [...reader.volumes, { volume: this.drillVolume, path: DRILL_FOLDER }],
      startAfter: [this.prepareJob],
    });
  }

  private describeSecrets(to: Description): void {
    const { name, args, key } = this;
    to.secrets.push({
      name: this.linkSecret,
      component: name,
      source: { kind: "generated", length: 48, protect: false },
    });
    this.describeRepositories(to);
    const s3 = (repository: S3Repository): BucketSecrets => this.bucketSecrets(repository);
    to.secrets.push({
      name: `${name}-keys`,
      component: name,
      source: { kind: "derived", content: repositoryKeys(args.repositories, { cipher: key, s3 }) },
    });
  }

  /** Server, job and schedule are the same but for what they run. */
  private container(to: Description): Omit<Container, "command"> {
    const reader = this.reader(to);
    return {
      ...reader,
      environment: {
        ...reader.environment,
        BACKUP_IDENTITY: this.name,
        BACKUP_LINK_FILE: `${SECRETS_FOLDER}/${this.linkSecret}`,
        BACKUP_FROM_HOUR: String(this.args.from),
      },
      secrets: [{ secret: this.linkSecret, file: this.linkSecret }, ...reader.secrets],
      resources: resources(to, this, SIZES),
    };
  }

  override reader(to: Description): Omit<Container, "command"> {
    const { name, args, database } = this;
    return {
      image: database.image,
      environment: {
        BACKUP_STANZA: database.name,
        BACKUP_REPOSITORIES: args.repositories.map((repository) => repository.name).join(" "),
        // Every file there that ends in .conf: the keys.
        PGBACKREST_CONFIG_INCLUDE_PATH: SECRETS_FOLDER,
      },
      secrets: [{ secret: `${name}-keys`, file: "keys.conf" }],
      files: [{ file: `${name}-conf`, path: PGBACKREST_CONF }, ...this.authorities],
      volumes: this.repositoryVolume,
      scratch: [{ path: "/tmp", size: bytes("64 MiB") }],
      user: database.user,
      resources: resources(to, this, RESTORE_SIZES),
      // What is under way ends in its own way: a backup that is cut off counts for nothing.
      stop: { grace: 30 },
    };
  }

  private host(container: Omit<Container, "command">): Workload {
    const drills =
      this.drill === undefined ? [] : [{ volume: this.drillVolume, path: DRILL_FOLDER }];
    return this.server(
      {
        ...container,
        environment: {
          ...container.environment,
          ...(this.system.args.observed ? { BACKUP_METRICS_PORT: String(METRICS_PORT) } : {}),
          ...(this.drill === undefined ? {} : { DRILL_FOLDER }),
        },
        volumes: [...container.volumes, ...drills],
      },
      [{ name: "backup", port: BACKUP_PORT }],
    );
  }

  private observe(to: Description): void {
    const { database, facts, name } = this;
    checkOn(to, database, backupChecks, { ...facts, workload: name, instances: 1 });
    if (!this.system.args.observed) return;
    this.scrape(to);
    alertOn(to, database, backupAlerts, facts);
    showOn(to, database, backupDashboard, facts);
  }
}
