import { bytes, type Size } from "../../model/units";
import { alertOn } from "../alerts";
import { showOn } from "../dashboards";
import { checkOn } from "../health";
import { Exporter, exporterOf } from "../observability/exporter";
import { type ResourceArgs, resources } from "../service";
import { Store, type StoreKind, type StoreLink, type StoreLinkOptions } from "../store";
import type { Description, LinkGrant, LinkRequest, Placement } from "../system";
import { postgresAlerts } from "./alerts";
import { type BackedUpPostgres, PostgresBackup } from "./backup";
import { postgresConf } from "./conf";
import { postgresDashboard } from "./dashboard";
import { postgresChecks } from "./health-checks";
import { postgresLog } from "./logs";
import { PostgresCopy } from "./copy";
import { NOTHING_RESTORED } from "../../model/backup";
import { POOL_ROLE, type PoolingArgs, type PoolLinkOptions, PostgresPool } from "./pool";

/**
 * What a consumer may do. `owner` may change the tables themselves: for migrations. `monitor` sees the
 * server's statistics and no table (`pg_monitor`).
 */
export type PostgresGrant = "read" | "write" | "owner" | "monitor";

export interface PostgresArgs {
  /** Major version. Only what our image carries. */
  readonly version: 15;
  /** Created by the administrator, in each database. @example ["postgis"] */
  readonly extensions?: readonly string[];
  /** Size of the data volume. @example "20 GiB" */
  readonly storage: Size;
  /** Where a link names none. @default the system's name with underscores */
  readonly database?: string;
  /** @default 100 */
  readonly maxConnections?: number;
  /**
   * A pool in front of it, through which every link goes that does not say otherwise (PR-14).
   * @default none
   * @example { mode: "transaction", size: 20 }
   */
  readonly pooling?: PoolingArgs;
  /**
   * Asked of the component's own database in every drill of its backups; its first value must be neither
   * empty, 0 nor false. It may only read.
   * @default none
   * @example "SELECT count(*) > 0 FROM orders"
   */
  readonly smoke?: string;
  /** @default 0.1 to 1 core, 256 MiB to 512 MiB */
  readonly resources?: ResourceArgs;
}

export interface PostgresLinkOptions extends StoreLinkOptions {
  readonly grants: readonly PostgresGrant[];
  /**
   * Which of the server's databases. Services that share none of their tables want one each: a link
   * to one database opens no other. @default the component's
   */
  readonly database?: string;
  /**
   * How the link uses the pool, where there is one; `false` goes past it. In mode `transaction` each
   * transaction may run in another session of the server, so a consumer must not rely on what lives longer
   * than one: `SET`, `LISTEN`, advisory locks of a session, temporary tables, cursors `WITH HOLD`, and
   * prepared statements by name (an unnamed one is fine). `session` allows all of these, and takes a server
   * connection for as long as the client stays. In both modes settings at login, as `statement_timeout`,
   * are refused.
   * @default the pool's own settings; false with the grant `owner`, since migrations lock and SET ROLE
   * @example { mode: "session", size: 5 }
   */
  readonly pool?: PoolLinkOptions | false;
}

/** Connections that the database keeps for its administrator's jobs and the pool's own question. */
const SPARE_CONNECTIONS = 10;

const KIND: StoreKind = {
  kind: "Postgres",
  port: 5432,
  user: { uid: 5432, gid: 5432 },
  dataPath: "/var/lib/postgresql",
  confPath: "/etc/atalaya/postgresql.conf",
  program: "atalaya-postgres",
  administrator: "postgres",
  env: "DATABASE",
  log: postgresLog,
};

const SMALL: ResourceArgs = {
  cpu: { reserve: 0.1, limit: 1 },
  memory: { reserve: "256 MiB", limit: "512 MiB" },
};

/** Asks for nothing that is in a database. */
const isMonitor = ({ grants }: Partial<PostgresLinkOptions>): boolean =>
  grants?.length === 1 && grants[0] === "monitor";

/** An unquoted PostgreSQL identifier. */
const NAME = /^[a-z_][a-z0-9_]{0,62}$/;

/**
 * PostgreSQL with PostGIS and pgBackRest (FV-02, GG-01, PR-01). Its databases are those that links
 * name; one that no link names any more stays, with its data and its owner alone.
 *
 * A link is a group role with its grants and a login role under it; tables belong to an owner that
 * cannot log in. A volume becomes a database by a job of its own, once.
 */
export class Postgres extends Store<PostgresLinkOptions> {
  private readonly pool?: PostgresPool;
  private readonly backup?: PostgresBackup;
  /** On which it runs; without one it is the first volume. */
  private readonly copy?: PostgresCopy;

  constructor(
    name: string,
    readonly args: PostgresArgs,
    placement: Placement,
  ) {
    super(KIND, name, placement);
    if (args.pooling !== undefined) this.pool = new PostgresPool(this, args.pooling, placement);
    const { backups, images } = this.system.args;
    if (backups !== undefined) {
      const of: BackedUpPostgres = {
        name,
        image: images.postgres,
        user: KIND.user,
        log: KIND.log,
        volumePath: KIND.dataPath,
        dataPath: `${KIND.dataPath}/${args.version}/data`,
        storage: args.storage,
        maxConnections: this.maxConnections,
        restored: backups.restored?.[this.system.name]?.[name] ?? NOTHING_RESTORED,
        ...(args.smoke === undefined
          ? {}
          : { smoke: { query: args.smoke, database: this.databaseOf({}, args) } }),
      };
      const backup = new PostgresBackup(of, backups, placement);
      const copies = of.restored.copies.map(
        (c) => new PostgresCopy("PostgresCopy", of, c, backup, placement),
      );
      this.backup = backup;
      const serving = copies.find(({ serves }) => serves);
      if (serving !== undefined) this.copy = serving;
    }
    if (this.system.args.observed) {
      const link = this.as("metrics", { grants: ["monitor"], pool: false });
      const of = { of: name, program: "postgres-exporter", port: 9187, link } as const;
      new Exporter(exporterOf(name), of, placement);
    }
  }

  /**
   * A link with a role of its own. The consumer gets `DATABASE_HOST`, `_PORT`, `_NAME`, `_USER`,
   * `_PASSWORD_FILE` (and `_OWNER_ROLE` with the grant `owner`, and `_POOL_MODE` through a pool).
   * @example db.as("api", { grants: ["read", "write"] })
   */
  as(consumer: string, options: PostgresLinkOptions): LinkRequest {
    const label = options.grants.join(", ");
    const request = this.request(consumer, options, label);
    const pool = this.poolOf(options);
    return pool === undefined ? request : { ...request, provider: pool };
  }

  /** The pool's own way in, by which it learns whom to let in. */
  poolLink(): LinkRequest {
    return { provider: this, as: POOL_ROLE, env: this.store.env, label: "logins" };
  }

  /** The pool that a link goes through. */
  private poolOf({ grants, pool }: PostgresLinkOptions): PostgresPool | undefined {
    return (pool ?? !grants.includes("owner")) ? this.pool : undefined;
  }

  override grant(link: LinkRequest): LinkGrant {
    if (link.as !== POOL_ROLE) return super.grant(link);
    const secret = this.passwordSecret("pool");
    return {
      environment: {
        [`${link.env}_HOST`]: this.name,
        [`${link.env}_PORT`]: String(this.store.port),
        [`${link.env}_USER`]: link.as,
        [`${link.env}_PASSWORD_FILE`]: `/run/secrets/${secret}`,
      },
      secrets: [{ secret, file: secret }],
      ports: [this.store.port],
      startAfter: [this.name, this.grantJob],
    };
  }

  /** Also those that come through the pool. */
  protected override get links(): StoreLink<PostgresLinkOptions>[] {
    return this.pool === undefined
      ? super.links
      : [...super.links, ...this.linksThrough(this.pool)];
  }

  private database(options: Partial<PostgresLinkOptions> = {}): string {
    // Statistics are the server's: any of its databases shows them.
    if (isMonitor(options) && options.database === undefined) return this.databases[0]!;
    return this.databaseOf(options, this.args);
  }

  private owner(database: string): string {
    return `${database}_owner`;
  }

  private group(as: string, options: PostgresLinkOptions): string {
    return `${this.database(options)}_${as.replaceAll("-", "_")}`;
  }

  /** Two logins under a group alternate in a rotation; the first is in use until then. */
  protected override login(as: string, options: PostgresLinkOptions): string {
    return `${this.group(as, options)}_a`;
  }

  protected override consumerVariables(options: PostgresLinkOptions): Record<string, string> {
    const database = this.database(options);
    const pool = this.poolOf(options);
    return {
      NAME: database,
      ...(pool === undefined ? {} : { POOL_MODE: pool.modeOf(options.pool || {}) }),
      ...(options.grants.includes("owner") ? { OWNER_ROLE: this.owner(database) } : {}),
    };
  }

  override describe(to: Description): void {
    to.component(this);
    this.check(to);
    const { args } = this;
    const image = this.system.args.images.postgres;
    const sizes = args.resources ?? SMALL;
    const limits = resources(to, this, sizes);
    const scratch = [
      { path: "/tmp", size: bytes("64 MiB") },
      { path: "/var/run/postgresql", size: bytes("1 MiB") },
    ];
    this.describeWorkload(to, {
      image,
      version: String(args.version),
      conf: postgresConf({
        memoryLimit: limits.memory.limit,
        maxConnections: this.maxConnections,
        ...(this.backup === undefined ? {} : { stanza: this.name }),
      }),
      storage: args.storage,
      resources: sizes,
      scratch,
      // A fast shutdown: SIGTERM would wait for every client to leave.
      stop: { signal: "SIGINT", grace: 60 },
      ...(this.copy === undefined ? {} : { data: this.copy.data }),
      ...(this.backup === undefined ? {} : { more: this.backup.databaseSide() }),
    });
    this.describeAccess(to, image, {
      databases: this.databases.map((database) => ({
        database,
        owner: this.owner(database),
        extensions: args.extensions ?? [],
        links: this.links
          .filter(({ options }) => this.database(options) === database)
          .map(({ as, options }) => ({
            group: this.group(as, options),
            grants: options.grants,
            logins: [
              {
                name: this.login(as, options),
                verifier: { secret: this.passwordSecret(as), form: "scram-sha-256" },
              },
            ],
          })),
      })),
      ...this.describePool(to),
      // Another volume has the roles and passwords of its own moment: they are made to match.
      ...(this.copy === undefined ? {} : { volume: this.copy.data.volume }),
    });
    this.observe(to);
  }

  private observe(to: Description): void {
    const { name, args } = this;
    const storage = to.check(this, "storage", () => bytes(args.storage), 1);
    const facts = { system: this.system.name, exporter: exporterOf(name), storage };
    checkOn(to, this, postgresChecks, { ...facts, workload: name, instances: 1 });
    if (!this.system.args.observed) return;
    alertOn(to, this, postgresAlerts, facts);
    showOn(to, this, postgresDashboard, facts);
  }

  /** The pool's part of the access list, with its password. */
  private describePool(to: Description): object {
    const { pool } = this;
    if (pool === undefined) return {};
    const secret = this.passwordSecret("pool");
    to.secrets.push({
      name: secret,
      component: pool.name,
      source: { kind: "generated", length: 32, protect: false },
    });
    return {
      pool: {
        login: { name: POOL_ROLE, verifier: { secret, form: "scram-sha-256" } },
        users: this.linksThrough(pool).map(({ as, options }) => ({
          name: this.login(as, options),
          mode: pool.modeOf(options.pool || {}),
          connections: pool.connectionsOf(options.pool || {}),
        })),
      },
    };
  }

  private get databases(): string[] {
    const linked = this.links
      .filter(({ options }) => !isMonitor(options))
      .map(({ options }) => this.database(options));
    return [...new Set(linked.length > 0 ? linked : [this.database()])].sort();
  }

  private check(to: Description): void {
    const identifier = (property: string, text: string): void => {
      if (NAME.test(text)) return;
      to.problem(
        this,
        property,
        `${JSON.stringify(text)} is no PostgreSQL name: expected at most 63 lower-case letters, digits and underscores`,
      );
    };
    for (const database of this.databases) {
      identifier("database", database);
      if (this.backup !== undefined && database === "atalaya") {
        to.problem(
          this,
          "database",
          '"atalaya" is taken',
          "a restore is compared with what is in it",
        );
      }
    }
    for (const extension of this.args.extensions ?? []) identifier("extensions", extension);
    for (const { as, options } of this.links) {
      identifier(`links.${as}`, this.login(as, options));
      this.checkGrants(to, as, options.grants);
      this.checkPool(to, as, options);
    }
    this.checkConnections(to);
  }

  private checkPool(to: Description, as: string, { grants, pool }: PostgresLinkOptions): void {
    const path = `links.${as}.pool`;
    if (pool === undefined || pool === false) return;
    if (this.pool === undefined) {
      to.problem(this, path, "there is no pool", `give ${this.name} \`pooling\`, or leave it out`);
    } else if (grants.includes("owner") && this.pool.modeOf(pool) === "transaction") {
      const message = "an owner changes tables under locks that a transaction pool loses";
      to.problem(this, path, message, 'leave it out, or ask for { mode: "session" }');
    }
    if (pool.size !== undefined && !(Number.isInteger(pool.size) && pool.size >= 1)) {
      to.problem(this, `${path}.size`, `${pool.size} connections`, "a whole number of at least 1");
    }
  }

  /** While the pool is replaced, one instance more than usual holds its connections. */
  private checkConnections(to: Description): void {
    const { pool } = this;
    if (pool === undefined) return;
    const each = this.linksThrough(pool)
      .map(({ options }) => pool.connectionsOf(options.pool || {}))
      .reduce((sum, connections) => sum + connections, 0);
    const most = each * (pool.instances + 1);
    const there = this.maxConnections - SPARE_CONNECTIONS;
    if (most > there) {
      to.problem(
        this,
        "maxConnections",
        `the pool may open ${most} connections during its update, the database has ${there} for it`,
        `set at least ${most + SPARE_CONNECTIONS}, or smaller sizes of the pool`,
      );
    }
  }

  private get maxConnections(): number {
    return this.args.maxConnections ?? 100;
  }
}
