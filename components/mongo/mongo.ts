import type { Size } from "../../model/units";
import { alertOn } from "../alerts";
import { type Archived, archived, servingVolume, storeParts } from "../backup/archive";
import { showOn } from "../dashboards";
import { checkOn } from "../health";
import { Exporter, exporterOf } from "../observability/exporter";
import { type ResourceArgs, resources } from "../service";
import { Store, type StoreKind, type StoreLinkOptions } from "../store";
import type { Description, LinkRequest, Placement } from "../system";
import { mongoAlerts } from "./alerts";
import { mongodConf } from "./conf";
import { mongoDashboard } from "./dashboard";
import { mongoChecks } from "./health-checks";
import { mongoLog } from "./logs";

/**
 * What a consumer may do. MongoDB has no role that writes without reading, so `write` reads too;
 * `owner` may also make and drop collections and indexes: for migrations. `backup` copies every database, and
 * changes none; `monitor` sees the server's statistics, and no data of any.
 */
export type MongoGrant = "read" | "write" | "owner" | "backup" | "monitor";

export interface MongoArgs {
  /** Major version. Only what our image carries. */
  readonly version: 8;
  /** Size of the data volume. @example "20 GiB" */
  readonly storage: Size;
  /** Where a link names none. @default the system's name with underscores */
  readonly database?: string;
  /** @default 0.1 to 1 core, 384 MiB to 1 GiB */
  readonly resources?: ResourceArgs;
}

export interface MongoLinkOptions extends StoreLinkOptions {
  readonly grants: readonly MongoGrant[];
  /** Which of the server's databases: a link to one opens no other. @default the component's */
  readonly database?: string;
}

const KIND: StoreKind = {
  kind: "Mongo",
  port: 27_017,
  user: { uid: 27_017, gid: 27_017 },
  dataPath: "/data/db",
  confPath: "/etc/atalaya/mongod.conf",
  program: "atalaya-mongo",
  administrator: "admin",
  env: "MONGO",
  log: mongoLog,
};

/** Those that are about the server, and no database of it. */
const WHOLE: readonly MongoGrant[] = ["backup", "monitor"];

const isWhole = ({ grants }: MongoLinkOptions): boolean =>
  grants.some((grant) => WHOLE.includes(grant));

const SMALL: ResourceArgs = {
  cpu: { reserve: 0.1, limit: 1 },
  memory: { reserve: "384 MiB", limit: "1 GiB" },
};

/** Name of the link by which it is backed up. */
const BACKUP_USER = "backup";

/** What is a database's name everywhere, on file systems that know no upper case too. */
const NAME = /^[a-z_][a-z0-9_]{0,62}$/;

/** Databases that are MongoDB's own. */
const OWN = ["admin", "local", "config"];

/**
 * MongoDB as a replica set of one member, so that transactions and change streams work and members
 * can be added (FV-02). Authentication is on; every link has a user of its own in its own database.
 * A volume becomes a database by a job of its own, once.
 *
 * The one member calls itself by its loopback address, so that it finds itself after every restart,
 * whatever the platform's names lead to at that time: clients connect with `directConnection=true`,
 * which `MONGO_OPTIONS` holds.
 *
 * A backup has all databases as of one moment, by the oplog; what changes between two is in none (FV-06).
 */
export class Mongo extends Store<MongoLinkOptions> {
  private readonly archived?: Archived;

  constructor(
    name: string,
    readonly args: MongoArgs,
    placement: Placement,
  ) {
    super(KIND, name, placement);
    const found = archived(
      {
        name,
        kind: KIND.kind,
        image: this.system.args.images.mongo,
        user: KIND.user,
        log: KIND.log,
        volumePath: KIND.dataPath,
        storage: args.storage,
        memory: (to) => resources(to, this, this.sizes).memory.limit,
        link: this.as(BACKUP_USER, { grants: ["backup"] }),
      },
      placement,
    );
    if (found !== undefined) this.archived = found;
    if (this.system.args.observed) {
      const link = this.as("metrics", { grants: ["monitor"] });
      const args = { of: name, program: "mongodb-exporter", port: 9216, link } as const;
      new Exporter(exporterOf(name), args, placement);
    }
  }

  /**
   * A link with a user of its own. The consumer gets `MONGO_HOST`, `_PORT`, `_NAME`, `_USER`,
   * `_PASSWORD_FILE` and `_OPTIONS`, what comes after `?` in a connection string.
   * @example catalogue.as("product-service", { grants: ["read", "write"], database: "products" })
   */
  as(consumer: string, options: MongoLinkOptions): LinkRequest {
    return this.request(consumer, options, options.grants.join(", "));
  }

  private database(options: MongoLinkOptions): string {
    // Whoever backs up or monitors belongs to no database: any of them knows the user.
    if (isWhole(options)) return this.databases[0] ?? this.databaseOf({}, this.args);
    return this.databaseOf(options, this.args);
  }

  /** Those that consumers open. */
  private get databases(): string[] {
    const linked = this.links.filter(({ options }) => !isWhole(options));
    return linked.map(({ options }) => this.databaseOf(options, this.args)).sort();
  }

  private get sizes(): ResourceArgs {
    return this.args.resources ?? SMALL;
  }

  /** Two logins alternate in a rotation; the first is in use until then. */
  protected override login(as: string): string {
    return `${as.replaceAll("-", "_")}_a`;
  }

  protected override consumerVariables(options: MongoLinkOptions): Record<string, string> {
    const database = this.database(options);
    return { NAME: database, OPTIONS: `authSource=${database}&directConnection=true` };
  }

  override describe(to: Description): void {
    to.component(this);
    this.check(to);
    const { args, name } = this;
    const image = this.system.args.images.mongo;
    const { sizes } = this;
    this.describeWorkload(to, {
      image,
      version: String(args.version),
      conf: mongodConf({ memoryLimit: resources(to, this, sizes).memory.limit }),
      storage: args.storage,
      resources: sizes,
      stop: { grace: 60 },
      // Members of a replica set know each other by it.
      keys: { KEY_FILE: `${name}-member-key` },
      ...storeParts(this.archived),
    });
    this.describeAccess(to, image, {
      databases: [...new Set(this.links.map(({ options }) => this.database(options)))].sort(),
      users: this.links.map(({ as, options }) => ({
        name: this.login(as),
        database: this.database(options),
        password: { secret: this.passwordSecret(as) },
        grants: options.grants,
      })),
      ...servingVolume(this.archived),
    });
    checkOn(to, this, mongoChecks, { workload: name, instances: 1 });
    if (!this.system.args.observed) return;
    alertOn(to, this, mongoAlerts, { exporter: exporterOf(name) });
    showOn(to, this, mongoDashboard, {});
  }

  private check(to: Description): void {
    for (const { as, options } of this.links) {
      const database = this.database(options);
      if (!NAME.test(database) || OWN.includes(database)) {
        to.problem(
          this,
          `links.${as}.database`,
          `${JSON.stringify(database)} is no name for a database: expected at most 63 lower-case letters, digits and underscores, and none of MongoDB's own (${OWN.join(", ")})`,
        );
      }
      this.checkGrants(to, as, options.grants);
    }
  }
}
