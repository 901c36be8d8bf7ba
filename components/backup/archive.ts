import { type BackupsArgs, NOTHING_RESTORED, type S3Repository } from "../../model/backup";
import type { Container } from "../../model/system";
import { bytes } from "../../model/units";
import { alertOn } from "../alerts";
import { showOn } from "../dashboards";
import { checkOn } from "../health";
import { type ResourceArgs, resources } from "../service";
import type { StoreWorkload } from "../store";
import type { Description, LinkRequest, Placement } from "../system";
import { archiveAlerts, backupAge } from "./alerts";
import { type BackedUp, bucketPath, METRICS_PORT, SECRETS_FOLDER, StoreBackup } from "./backup";
import { StoreCopy } from "./copy";
import { archiveDashboard } from "./dashboard";
import { archiveChecks } from "./health-checks";
import { archiveConfiguration, bucketCredentials, isPlainName, RESTIC_REPOSITORY } from "./restic";

/** What the backup needs to know of a store whose own program writes its data out. */
export interface ArchivedStore extends BackedUp {
  /** Its kind, for example `Redis`. */
  readonly kind: string;
  /** The schedule's way in: it may read everything and change nothing. */
  readonly link: LinkRequest;
  /** Memory that its server is limited to, in bytes: a restore has to read all of the data, too. */
  readonly memory: (to: Description) => number;
}

const CONFIGURATION = "/etc/atalaya/backup.json";

const CREDENTIALS = "credentials";

/** What the schedules share: data on its way, what was found, and restic's cache. */
const WORK = "/var/lib/atalaya-backup";

/** restic with its index in memory: 60 to 100 MiB for a small repository, measured; the rest is room. */
const RESTIC_MEMORY = bytes("256 MiB");

/** It only reads lists of backups. */
const SERVER_SIZES: ResourceArgs = {
  cpu: { reserve: 0.05, limit: 0.5 },
  memory: { reserve: "32 MiB", limit: "192 MiB" },
};

/**
 * Backups of a store by restic (FV-06, PR-13), of what the store's own program writes out: all of it, as of one
 * moment. What changes between two backups is in none. Why so: `docs/decisions/0022-backups-of-other-stores.md`.
 */
export class ArchiveBackup extends StoreBackup<ArchivedStore> {
  constructor(store: ArchivedStore, args: BackupsArgs, placement: Placement) {
    const how = {
      kind: `${store.kind}Backup`,
      tool: "restic",
      version: "0.18.1",
      continuous: false,
      repositoryPath: RESTIC_REPOSITORY,
    };
    super(how, store, args, placement);
    this.system.addLinks(this.name, this.schedule, [store.link]);
  }

  override databaseSide(): Required<NonNullable<StoreWorkload["more"]>> {
    return { environment: {}, secrets: [], files: [], ports: [], facts: this.databaseFacts };
  }

  protected override pathIn(): string {
    const folder = bucketPath({ ...this.args, system: this.system.name });
    return `${folder}/restic/${this.database.name}`;
  }

  private get credentials(): string {
    return `${this.name}-${CREDENTIALS}`;
  }

  private get workVolume(): string {
    return `${this.name}-work`;
  }

  private get hasBucket(): boolean {
    return this.args.repositories.some(({ kind }) => kind === "s3");
  }

  override describe(to: Description): void {
    to.component(this);
    this.check(to, isPlainName);
    const { args, database, drill, name } = this;
    const configuration = archiveConfiguration({
      repositories: args.repositories,
      folder: this.pathIn(),
      days: this.days(to),
    });
    to.files.push({
      name: `${name}-conf`,
      component: name,
      content: `${JSON.stringify(configuration, undefined, 2)}\n`,
    });
    this.describeRepositories(to);
    if (this.hasBucket) {
      const keys = bucketCredentials(args.repositories, (of: S3Repository) =>
        this.bucketSecrets(of),
      );
      to.secrets.push({
        name: this.credentials,
        component: name,
        source: { kind: "derived", content: keys },
      });
    }
    to.volumes.push({
      name: this.workVolume,
      component: name,
      // What is written out, and a drill's copy of it with what is made of that.
      size: 3 * to.check(this, "storage", () => bytes(database.storage), 0),
      access: "shared",
      protect: false,
    });
    for (const consumer of this.consumers.filter((c) => c !== this.schedule)) to.consume(consumer);
    const container = this.container(to);
    const running = { ...container, resources: this.sizes(to, RESTIC_MEMORY) };
    to.workloads.push(
      this.server(
        {
          ...container,
          environment: {
            ...container.environment,
            BACKUP_METRICS_PORT: String(METRICS_PORT),
            ...(drill === undefined ? {} : { BACKUP_DRILLED: "yes" }),
          },
          resources: resources(to, this, SERVER_SIZES),
        },
        // It has a name on every platform, whoever observes: `atalaya backup` asks it.
        this.system.args.observed ? [] : [{ name: "metrics", port: METRICS_PORT }],
      ),
    );
    to.jobs.push(
      this.preparation({
        ...this.reader(to),
        purpose: "makes a repository in every place",
        resources: this.sizes(to, RESTIC_MEMORY),
        startAfter: [],
      }),
    );
    to.consume(this.schedule);
    const { environment, secrets, startAfter } = database.link.provider.grant(database.link);
    to.schedules.push({
      ...running,
      name: this.schedule,
      component: name,
      purpose: "backs the store up",
      cron: this.cron,
      command: ["atalaya-backup", "run"],
      environment: {
        ...environment,
        ...running.environment,
        BACKUP_FROM_HOUR: String(args.from),
      },
      secrets: [...running.secrets, ...secrets],
      startAfter: [this.prepareJob, ...startAfter],
    });
    if (drill !== undefined) {
      to.schedules.push({
        ...container,
        name: drill.schedule,
        component: name,
        purpose: "restores the newest backup into a throw-away server and checks it",
        cron: drill.cron,
        command: ["atalaya-restore", "drill"],
        environment: {
          ...container.environment,
          // The newest one that there should be, and what it may take.
          DRILL_RPO: String(backupAge(this.facts)),
        },
        startAfter: [this.prepareJob],
      });
    }
    to.backups.push(this.plan(to));
    this.observe(to);
  }

  /** With the place where data is on its way. */
  private container(to: Description): Omit<Container, "command"> {
    const reader = this.reader(to);
    return { ...reader, volumes: [...reader.volumes, { volume: this.workVolume, path: WORK }] };
  }

  override reader(to: Description): Omit<Container, "command"> {
    const { credentials, database, key, name } = this;
    return {
      image: database.image,
      environment: {
        BACKUP_OF: database.name,
        RESTIC_PASSWORD_FILE: `${SECRETS_FOLDER}/${key}`,
        ...(this.hasBucket
          ? { AWS_SHARED_CREDENTIALS_FILE: `${SECRETS_FOLDER}/${CREDENTIALS}` }
          : {}),
      },
      secrets: [
        { secret: key, file: key },
        ...(this.hasBucket ? [{ secret: credentials, file: CREDENTIALS }] : []),
      ],
      files: [{ file: `${name}-conf`, path: CONFIGURATION }, ...this.authorities],
      volumes: this.repositoryVolume,
      scratch: [{ path: "/tmp", size: bytes("64 MiB") }],
      user: database.user,
      // A restore starts a server on all of the data.
      resources: this.sizes(to, Math.max(RESTIC_MEMORY, database.memory(to))),
      // What is under way ends in its own way: a backup that is cut off counts for nothing.
      stop: { grace: 30 },
    };
  }

  private sizes(to: Description, memory: number): Container["resources"] {
    const { cpu } = resources(to, this, SERVER_SIZES);
    return {
      cpu: { ...cpu, limit: 1 },
      // An eighth, which is what a node may be promised too much of (resources/ratio).
      memory: { reserve: Math.max(bytes("64 MiB"), Math.ceil(memory / 8)), limit: memory },
    };
  }

  private observe(to: Description): void {
    const { database, facts, name } = this;
    checkOn(to, database, archiveChecks, { ...facts, workload: name, instances: 1 });
    if (!this.system.args.observed) return;
    this.scrape(to);
    alertOn(to, database, archiveAlerts, facts);
    showOn(to, database, archiveDashboard, facts);
  }
}

/** A store's backups, and the copy on which it runs, where it is not its first volume. */
export interface Archived {
  readonly backup: ArchiveBackup;
  readonly copy?: StoreCopy;
}

/**
 * Backs a store up where its stack has backups, with a copy for each that was restored.
 * @param of.link made by the store, for the backup alone
 */
export function archived(
  of: Omit<ArchivedStore, "restored">,
  placement: Placement,
): Archived | undefined {
  const { args, name: system } = placement.system;
  const { backups } = args;
  if (backups === undefined) return undefined;
  const restored = backups.restored?.[system]?.[of.name] ?? NOTHING_RESTORED;
  const store: ArchivedStore = { ...of, restored };
  const backup = new ArchiveBackup(store, backups, placement);
  const copies = restored.copies.map(
    (copy) => new StoreCopy(`${of.kind}Copy`, store, copy, backup, placement),
  );
  const serving = copies.find(({ serves }) => serves);
  return { backup, ...(serving === undefined ? {} : { copy: serving }) };
}

/** What the store's own workload has of it: the volume of a copy, and facts. */
export const storeParts = (of: Archived | undefined): Pick<StoreWorkload, "data" | "more"> =>
  of === undefined
    ? {}
    : {
        ...(of.copy === undefined ? {} : { data: of.copy.data }),
        more: of.backup.databaseSide(),
      };

/** For a store's access list: another volume has the users and passwords of no moment, so they are made anew. */
export const servingVolume = (of: Archived | undefined): { readonly volume?: string } =>
  of?.copy === undefined ? {} : { volume: of.copy.data.volume };
