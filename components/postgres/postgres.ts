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
  /** Created by the administrator, in the system's database. @example ["postgis"] */
  readonly extensions?: readonly string[];
  /** Size of the data volume. @example "20 GiB" */
  readonly storage: Size;
  /** @default the system's name with underscores */
  readonly database?: string;
  /** @default 100 */
  readonly maxConnections?: number;
  /** @default 0.1 to 1 core, 256 MiB to 512 MiB */
  readonly resources?: ResourceArgs;
}

export interface PostgresLinkOptions extends StoreLinkOptions {
  readonly grants: readonly PostgresGrant[];
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
 * PostgreSQL with PostGIS and pgBackRest, one database a system (FV-02, GG-01, PR-01).
 *
 * A link is a group role with its grants and a login role under it; tables belong to an owner that
 * cannot log in. A volume becomes a database by a job of its own, once: the server itself never
 * initialises, so that it refuses an empty volume on another node instead of starting without data.
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

  get database(): string {
    return this.args.database ?? this.system.name.replaceAll("-", "_");
  }

  private get owner(): string {
    return `${this.database}_owner`;
  }

  private group(as: string): string {
    return `${this.database}_${as.replaceAll("-", "_")}`;
  }

  /** Two logins under a group alternate in a rotation; the first is in use until then. */
  protected override login(as: string): string {
    return `${this.group(as)}_a`;
  }

  protected override consumerVariables(options: PostgresLinkOptions): Record<string, string> {
    return {
      NAME: this.database,
      ...(options.grants.includes("owner") ? { OWNER_ROLE: this.owner } : {}),
    };
  }

  override describe(to: Description): void {
    to.component(this);
    this.check(to);
    const { args, name } = this;
    const image = this.system.args.images.postgres;
    const sizes = args.resources ?? SMALL;
    const limits = resources(to, this, sizes);
    const scratch = [
      { path: "/tmp", size: bytes("64 MiB") },
      { path: "/var/run/postgresql", size: bytes("1 MiB") },
    ];
    const init = `${name}-init`;
    const workload = this.describeWorkload(to, {
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
      startAfter: [init],
    });
    to.jobs.push({
      name: init,
      component: name,
      purpose: "makes an empty volume a database",
      image,
      command: [this.store.program, "init"],
      environment: {},
      secrets: [],
      files: [],
      volumes: workload.volumes,
      scratch,
      user: workload.user,
      resources: limits,
      stop: { grace: 10 },
      startAfter: [],
      timeout: 120,
    });
    this.describeAccess(to, image, {
      database: this.database,
      owner: this.owner,
      extensions: args.extensions ?? [],
      links: this.links.map(({ as, options }) => ({
        group: this.group(as),
        grants: options.grants,
        logins: [
          {
            name: this.login(as),
            verifier: { secret: this.passwordSecret(as), form: "scram-sha-256" },
          },
        ],
      })),
    });
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
    identifier("database", this.database);
    for (const extension of this.args.extensions ?? []) identifier("extensions", extension);
    for (const { as, options } of this.links) {
      identifier(`links.${as}`, this.login(as));
      if (options.grants.length === 0) {
        to.problem(this, `links.${as}.grants`, "is empty", 'give at least "read"');
      }
    }
  }
}
