import { bytes, type Size } from "../../model/units";
import { type ResourceArgs, resources } from "../service";
import { Store, type StoreKind, type StoreLinkOptions } from "../store";
import type { Description, LinkRequest, Placement } from "../system";
import { postgresConf } from "./conf";

/** What a consumer may do. `owner` may change the tables themselves: for migrations. */
export type PostgresGrant = "read" | "write" | "owner";

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
}

const KIND: StoreKind = {
  kind: "Postgres",
  port: 5432,
  user: { uid: 5432, gid: 5432 },
  dataPath: "/var/lib/postgresql",
  confPath: "/etc/atalaya/postgresql.conf",
  program: "atalaya-postgres",
  administrator: "postgres",
  env: "DATABASE",
};

const SMALL: ResourceArgs = {
  cpu: { reserve: 0.1, limit: 1 },
  memory: { reserve: "256 MiB", limit: "512 MiB" },
};

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
  constructor(
    name: string,
    readonly args: PostgresArgs,
    placement: Placement,
  ) {
    super(KIND, name, placement);
  }

  /**
   * A link with a role of its own. The consumer gets `DATABASE_HOST`, `_PORT`, `_NAME`, `_USER`,
   * `_PASSWORD_FILE` (and `_OWNER_ROLE` with the grant `owner`).
   * @example db.as("api", { grants: ["read", "write"] })
   */
  as(consumer: string, options: PostgresLinkOptions): LinkRequest {
    return this.request(consumer, options, options.grants.join(", "));
  }

  private database(options: { readonly database?: string } = {}): string {
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
    return {
      NAME: database,
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
        maxConnections: args.maxConnections ?? 100,
      }),
      storage: args.storage,
      resources: sizes,
      scratch,
      // A fast shutdown: SIGTERM would wait for every client to leave.
      stop: { signal: "SIGINT", grace: 60 },
      initialised: true,
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
    });
  }

  private get databases(): string[] {
    const linked = this.links.map(({ options }) => this.database(options));
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
    for (const database of this.databases) identifier("database", database);
    for (const extension of this.args.extensions ?? []) identifier("extensions", extension);
    for (const { as, options } of this.links) {
      identifier(`links.${as}`, this.login(as, options));
      this.checkGrants(to, as, options.grants);
    }
  }
}
