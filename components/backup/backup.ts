import type {
  Backup,
  BackupsArgs,
  Drill,
  DrillEvery,
  RepositoryArgs,
  Restored,
  S3Repository,
} from "../../model/backup";
import { isHostName } from "../../model/names";
import type { LogFormat } from "../../model/logs";
import type { Container, FileMount, Job, User, Workload } from "../../model/system";
import { bytes, seconds, type Size } from "../../model/units";
import { External } from "../external";
import { rolling } from "../release";
import type { StoreWorkload } from "../store";
import { Component, type Description, type Placement } from "../system";
import type { BackupFacts } from "./alerts";

/** What every backup needs to know of the store that it is of. */
export interface BackedUp {
  readonly name: string;
  readonly image: string;
  readonly user: User;
  /** Where its volume is mounted. */
  readonly volumePath: string;
  /** Of its volume. */
  readonly storage: Size;
  readonly restored: Restored;
  /** How its lines are read. */
  readonly log: LogFormat;
}

/** What the programs of a kind of backup are called by. */
export interface BackupKind {
  /** Class name, for example `PostgresBackup`. */
  readonly kind: string;
  /** For people. @example "pgBackRest" */
  readonly tool: string;
  /** Its version, as the workload says it. */
  readonly version: string;
  /** Every change can be restored, not only what there was at a backup. */
  readonly continuous: boolean;
  /** Where a repository on a volume is mounted. */
  readonly repositoryPath: string;
}

/** Where its numbers are. */
export const METRICS_PORT = 9854;

/** Where secrets are mounted. */
export const SECRETS_FOLDER = "/run/secrets";

const DAY = 86_400;

/** After the first backup of the day; off the full hour. */
const DRILLS: Readonly<Record<DrillEvery, { days: string; interval: number }>> = {
  daily: { days: "* * *", interval: DAY },
  weekly: { days: "* * 1", interval: 7 * DAY },
  monthly: { days: "2 * *", interval: 31 * DAY },
};

/** What `up` waits for a repository in every place, in seconds. */
const PREPARATION = 180;

/** File with the authority's certificates of a repository. */
export const authorityPath = (repository: { name: string }): string =>
  `/etc/atalaya/${repository.name}-authority.pem`;

/** Where a system's backups are in a bucket. */
export const bucketPath = (of: { stack: string; system: string }): string =>
  `/${of.stack}/${of.system}`;

/** The keys of a bucket, as names of secrets. */
export interface BucketSecrets {
  readonly accessKey: string;
  readonly secretKey: string;
}

/**
 * Backups of one store (FV-06, PR-13), whatever its tool: a server that answers for them, a job that makes the
 * repositories ready, a schedule that backs up and one that tries restores. They alone have the keys of repositories
 * and a way out.
 */
export abstract class StoreBackup<Of extends BackedUp = BackedUp> extends Component {
  private readonly externals: readonly External[];

  constructor(
    protected readonly how: BackupKind,
    protected readonly database: Of,
    protected readonly args: BackupsArgs,
    placement: Placement,
  ) {
    super(how.kind, `${database.name}-backup`, placement);
    this.externals = args.repositories
      .filter((repository) => repository.kind === "s3")
      .map(({ name, endpoint, port = 443 }) => {
        const external = `${this.name}-${name}`;
        return new External(external, { host: endpoint, port }, placement);
      });
    for (const consumer of this.consumers) this.wayOut(this.name, consumer);
  }

  override scheduleNames(): readonly string[] {
    return [this.schedule, ...(this.drill === undefined ? [] : [this.drill.schedule])];
  }

  /** Leads a consumer to the buckets. */
  wayOut(component: string, consumer: string): void {
    const links = this.externals.map((external) => external.as(consumer));
    this.system.addLinks(component, consumer, links);
  }

  /** Whoever reads repositories. */
  protected get consumers(): string[] {
    return [this.name, this.prepareJob, ...this.scheduleNames()];
  }

  protected get drill(): Drill | undefined {
    const { drill, from } = this.args;
    if (drill === undefined) return undefined;
    const { days, interval } = DRILLS[drill];
    return { schedule: `${this.name}-drill`, cron: `47 ${(from + 1) % 24} ${days}`, interval };
  }

  protected get prepareJob(): string {
    return `${this.name}-prepare`;
  }

  protected get schedule(): string {
    return `${this.name}-run`;
  }

  protected get volume(): string {
    return `${this.name}-repository`;
  }

  /** Without it a repository is noise: it stays as long as the data. */
  protected get key(): string {
    return `${this.name}-key`;
  }

  protected get cron(): string {
    const { every, from } = this.args;
    const hours = Array.from({ length: 24 / every }, (_, i) => (from + i * every) % 24);
    // Off the full hour, at which everybody else's jobs run.
    return `17 ${every === 1 ? "*" : hours.sort((a, b) => a - b).join(",")} * * *`;
  }

  /** What policies read on the store itself. */
  protected get databaseFacts(): NonNullable<Workload["facts"]> {
    const offsite = this.args.repositories.find(({ kind }) => kind === "s3");
    return {
      backup: this.cron,
      ...(this.drill === undefined ? {} : { restoreDrill: this.drill.cron }),
      ...(offsite === undefined ? {} : { backupOffsite: this.placeOf(offsite) }),
    };
  }

  /** What the store's own container needs for its backups. */
  abstract databaseSide(): Required<NonNullable<StoreWorkload["more"]>>;

  /** Whoever reads repositories and has nothing to do with the store. */
  abstract reader(to: Description): Omit<Container, "command">;

  /** Where in a bucket they are. */
  protected abstract pathIn(repository: S3Repository): string;

  private placeOf(repository: RepositoryArgs): string {
    return repository.kind === "local"
      ? `volume ${this.volume}`
      : `s3://${repository.bucket}${this.pathIn(repository)}`;
  }

  /** Whole days that a backup is kept. */
  protected days(to: Description): number {
    return to.check(this, "keep", () => seconds(this.args.keep) / DAY, 1);
  }

  protected plan(to: Description): Backup {
    const { args, database, how } = this;
    return {
      component: database.name,
      workload: this.name,
      schedule: this.schedule,
      tool: how.tool,
      continuous: how.continuous,
      cron: this.cron,
      interval: args.every * 3_600,
      storage: to.check(this, "storage", () => bytes(database.storage), 0),
      ...(this.drill === undefined ? {} : { drill: this.drill }),
      restored: database.restored,
      repositories: args.repositories.map((repository) => ({
        name: repository.name,
        place: this.placeOf(repository),
        offsite: repository.kind === "s3",
      })),
    };
  }

  protected bucketSecrets(repository: S3Repository): BucketSecrets {
    return {
      accessKey: `${this.name}-${repository.name}-access-key`,
      secretKey: `${this.name}-${repository.name}-secret-key`,
    };
  }

  /** The encryption's key, and for each repository its volume, or its keys and authority. */
  protected describeRepositories(to: Description): void {
    const { name, args } = this;
    to.secrets.push({
      name: this.key,
      component: name,
      source: { kind: "generated", length: 64, protect: true },
    });
    for (const repository of args.repositories) {
      if (repository.kind === "local") {
        to.volumes.push({
          name: this.volume,
          component: name,
          size: to.check(this, "repositories.local.storage", () => bytes(repository.storage), 0),
          // Several read and write: the tool locks between them.
          access: "shared",
          protect: true,
        });
        continue;
      }
      const names = this.bucketSecrets(repository);
      to.secrets.push(
        { name: names.accessKey, component: name, source: repository.accessKey },
        { name: names.secretKey, component: name, source: repository.secretKey },
      );
      if (repository.authority !== undefined) {
        to.files.push({
          name: `${name}-${repository.name}-authority`,
          component: name,
          content: repository.authority,
        });
      }
    }
  }

  /** Authorities of repositories, as files. */
  protected get authorities(): FileMount[] {
    return this.args.repositories.flatMap((repository) =>
      repository.kind === "s3" && repository.authority !== undefined
        ? [
            {
              file: `${this.name}-${repository.name}-authority`,
              path: authorityPath(repository),
            },
          ]
        : [],
    );
  }

  /** The repository on a volume, where there is one. */
  protected get repositoryVolume(): Container["volumes"] {
    const local = this.args.repositories.some(({ kind }) => kind === "local");
    return local ? [{ volume: this.volume, path: this.how.repositoryPath }] : [];
  }

  /** The job that makes every repository ready; a failure fails `up`. */
  protected preparation(
    of: Omit<Job, "name" | "component" | "command" | "timeout" | "purpose"> & { purpose: string },
  ): Job {
    return {
      ...of,
      name: this.prepareJob,
      component: this.name,
      command: ["atalaya-backup", "prepare"],
      timeout: PREPARATION,
    };
  }

  /** Answers for the backups: what there is, and how old it is. */
  protected server(container: Omit<Container, "command">, ports: Workload["ports"]): Workload {
    return {
      ...container,
      name: this.name,
      component: this.name,
      command: ["atalaya-backup", "serve"],
      ports: [
        ...ports,
        ...(this.system.args.observed ? [{ name: "metrics", port: METRICS_PORT }] : []),
      ],
      health: {
        ready: { command: ["atalaya-backup", "health"] },
        live: { command: ["atalaya-backup", "health"] },
        interval: 10,
        timeout: 5,
        retries: 3,
        startPeriod: 60,
      },
      scale: { min: 1, max: 1 },
      singleton: true,
      exposures: [],
      startAfter: [],
      release: rolling({ version: this.how.version, monitor: "5 s" }),
    };
  }

  /** What its alerts, checks and panels go by. */
  protected get facts(): BackupFacts {
    const { args, drill, name } = this;
    return {
      server: name,
      interval: args.every * 3_600,
      repositories: args.repositories.length,
      ...(drill === undefined ? {} : { drill: drill.interval }),
    };
  }

  protected scrape(to: Description): void {
    const at = { component: this.database.name, workload: this.name };
    to.scrape({ ...at, port: METRICS_PORT, path: "/metrics" });
  }

  /** @param isWord whether the tool reads a text back as it is */
  protected check(to: Description, isWord: (text: string) => boolean): void {
    const { repositories, from, keep } = this.args;
    const problem = (property: string, message: string, fix: string): void =>
      to.problem(this, property, message, fix);
    if (repositories.length === 0) {
      problem("repositories", "is empty", "give at least one place for backups");
    }
    if (repositories.filter(({ kind }) => kind === "local").length > 1) {
      problem("repositories", "has two local volumes", "one is enough: both are in one place");
    }
    if (!(Number.isInteger(from) && from >= 0 && from <= 23)) {
      problem("from", `${from} is no hour`, "a whole number from 0 to 23");
    }
    const days = this.days(to);
    if (!(Number.isInteger(days) && days >= 1)) {
      problem("keep", `${JSON.stringify(keep)} is not a number of days`, 'for example "35 d"');
    }
    const places = new Map<string, string>();
    for (const repository of repositories) {
      if (repository.kind === "local") continue;
      const path = `repositories.${repository.name}`;
      const { endpoint, port = 443, bucket } = repository;
      const place = `${endpoint.toLowerCase()}:${port}/${bucket}`;
      const other = places.get(place);
      if (other !== undefined) {
        problem(
          path,
          `is where ${other} is: the same endpoint, port and bucket`,
          "one in another place",
        );
      }
      places.set(place, repository.name);
      if (!isHostName(repository.endpoint)) {
        problem(`${path}.endpoint`, "is no host name", 'for example "s3.eu-west-1.amazonaws.com"');
      }
      for (const property of ["bucket", "region"] as const) {
        if (isWord(repository[property])) continue;
        problem(`${path}.${property}`, "is no name", "printable ASCII characters on one line");
      }
    }
  }
}
