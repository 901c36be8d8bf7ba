import { bytes, type Duration, seconds } from "../../model/units";
import { alertOn } from "../alerts";
import { showOn } from "../dashboards";
import { checkOn } from "../health";
import { rolling } from "../release";
import { type ResourceArgs, resources } from "../service";
import {
  type Description,
  type LinkGrant,
  type LinkRequest,
  type Placement,
  Provider,
} from "../system";
import { poolAlerts } from "./alerts";
import { poolDashboard } from "./dashboard";
import { poolChecks } from "./health-checks";
import { poolLog } from "./logs";
import type { Postgres } from "./postgres";

/**
 * When a server connection goes back to the pool: `transaction` after each transaction, `session` when the
 * client leaves.
 */
export type PoolMode = "transaction" | "session";

/** A pool in front of the database, by PgBouncer (PR-14). */
export interface PoolingArgs {
  /** Of links that say nothing else. @default "transaction" */
  readonly mode?: PoolMode;
  /** Server connections of one link, over all instances of the pool. @default 10 */
  readonly size?: number;
  /** Client connections that one instance takes. All of them come to one while another is away. @default 2000 */
  readonly clients?: number;
  /** @default 2, so that a replacement leaves one */
  readonly instances?: number;
  /**
   * How long a client waits for a server connection before it gets an error: also how long it takes to
   * hear that the database is away. @default "5 s"
   */
  readonly wait?: Duration;
  /** A statement that takes longer is ended, with its connection. @default "30 s" */
  readonly queryTimeout?: Duration;
  /** @default 0.05 to 1 core, 32 MiB to 128 MiB */
  readonly resources?: ResourceArgs;
}

/** What a link may ask of the pool. */
export interface PoolLinkOptions {
  /** @default the pool's */
  readonly mode?: PoolMode;
  /** Server connections of this link, over all instances of the pool. @default the pool's */
  readonly size?: number;
}

/** PgBouncer's own: nobody has to be told. */
export const POOL_PORT = 6432;

/** Where each instance shows its own metrics: pgbouncer_exporter's. */
const METRICS_PORT = 9127;

/** The pool's role in the database: a hyphen keeps it apart from all names that follow from links. */
export const POOL_ROLE = "atalaya-pool";

const USER = { uid: 6432, gid: 6432 };

const SMALL: ResourceArgs = {
  cpu: { reserve: 0.05, limit: 1 },
  memory: { reserve: "32 MiB", limit: "128 MiB" },
};

/**
 * PgBouncer between a database and its consumers; made by `Postgres` where `pooling` is given. Each link
 * keeps its role and its password: the pool holds SCRAM verifiers alone, which it asks of the database
 * every 2 s, so that a new link restarts neither. It logs in to the server with the keys that the
 * client proved itself by.
 */
export class PostgresPool extends Provider {
  constructor(
    private readonly database: Postgres,
    readonly args: PoolingArgs,
    placement: Placement,
  ) {
    super("PostgresPool", `${database.name}-pool`, placement);
    this.system.addLinks(this.name, this.name, [database.poolLink()]);
  }

  /** What all consumers share; `Postgres` adds what is the link's own. */
  override grant(link: LinkRequest): LinkGrant {
    const direct = this.database.grant(link);
    return {
      ...direct,
      environment: {
        ...direct.environment,
        [`${link.env}_HOST`]: this.name,
        [`${link.env}_PORT`]: String(POOL_PORT),
      },
      ports: [POOL_PORT],
      startAfter: [...direct.startAfter, this.name],
    };
  }

  get instances(): number {
    return this.args.instances ?? 2;
  }

  modeOf(options: PoolLinkOptions): PoolMode {
    return options.mode ?? this.args.mode ?? "transaction";
  }

  /** Server connections that a link has at one instance. */
  connectionsOf(options: PoolLinkOptions): number {
    return Math.ceil((options.size ?? this.args.size ?? 10) / this.instances);
  }

  override describe(to: Description): void {
    to.component(this);
    const { args, name } = this;
    this.check(to);
    const time = (property: "wait" | "queryTimeout", otherwise: Duration): number => {
      const given = to.check(this, property, () => seconds(args[property] ?? otherwise), 1);
      if (given === 0) {
        to.problem(
          this,
          property,
          "is no time at all, which PgBouncer takes for no limit",
          "give at least 1 ms",
        );
      }
      return given;
    };
    const { observed = false } = this.system.args;
    const wait = time("wait", "5 s");
    const consumed = to.consume(name);
    to.files.push({
      name: `${name}-conf`,
      component: name,
      content: pgbouncerConf({
        host: this.database.name,
        clients: args.clients ?? 2_000,
        wait,
        queryTimeout: time("queryTimeout", "30 s"),
      }),
    });
    to.workloads.push({
      name,
      component: name,
      image: this.system.args.images.pgbouncer,
      command: ["atalaya-pgbouncer", "serve"],
      environment: {
        ...consumed.environment,
        ...(observed ? { POOL_METRICS_PORT: String(METRICS_PORT) } : {}),
      },
      secrets: consumed.secrets,
      files: [{ file: `${name}-conf`, path: "/etc/atalaya/pgbouncer.ini" }],
      volumes: [],
      scratch: [
        { path: "/tmp", size: bytes("1 MiB") },
        { path: "/run/pgbouncer", size: bytes("4 MiB") },
      ],
      user: USER,
      resources: resources(to, this, args.resources ?? SMALL),
      // Longer than its own two steps: 6 s in which clients leave, 10 s for open transactions.
      stop: { grace: 20 },
      ports: [
        { name: "pool", port: POOL_PORT },
        ...(observed ? [{ name: "metrics", port: METRICS_PORT }] : []),
      ],
      health: {
        ready: { command: ["atalaya-pgbouncer", "health"] },
        live: { command: ["atalaya-pgbouncer", "alive"] },
        interval: 5,
        timeout: 5,
        retries: 3,
        // It waits for the database's first answer.
        startPeriod: 300,
      },
      scale: { min: this.instances, max: this.instances },
      singleton: false,
      exposures: [],
      startAfter: consumed.startAfter,
      release: rolling({ version: "1.18" }),
    });
    to.reads(this, poolLog);
    const facts = { instances: this.instances, exporter: name, wait };
    checkOn(to, this, poolChecks, { ...facts, workload: name });
    if (observed) {
      to.probe({ component: name, workload: name, port: POOL_PORT, ask: { kind: "tcp" } });
      to.scrape({ component: name, workload: name, port: METRICS_PORT, path: "/metrics" });
      alertOn(to, this, poolAlerts, facts);
      showOn(to, this, poolDashboard, facts);
    }
  }

  private check(to: Description): void {
    const { args } = this;
    const whole = (property: "size" | "clients" | "instances", least: number): void => {
      const value = args[property];
      if (value === undefined || (Number.isInteger(value) && value >= least)) return;
      to.problem(this, property, `${value}`, `a whole number of at least ${least}`);
    };
    whole("size", 1);
    whole("clients", 1);
    whole("instances", 1);
  }
}

/**
 * pgbouncer.ini as our image reads it. Whom it lets in, by which mode and how many connections, is in two
 * files that the image's program writes.
 * @param of.wait seconds
 * @param of.queryTimeout seconds
 */
export function pgbouncerConf(of: {
  host: string;
  clients: number;
  wait: number;
  queryTimeout: number;
}): string {
  const settings: Record<string, string | number> = {
    listen_addr: "*",
    listen_port: POOL_PORT,
    unix_socket_dir: "/run/pgbouncer",
    auth_type: "scram-sha-256",
    auth_file: "/run/pgbouncer/userlist.txt",
    pool_mode: "transaction",
    max_client_conn: of.clients,
    // What counts is each user's own limit.
    default_pool_size: 10_000,
    query_wait_timeout: of.wait,
    query_timeout: of.queryTimeout,
    client_login_timeout: 10,
    server_connect_timeout: 2,
    // Asked again at once: the database may be back.
    server_login_retry: 1,
    // A connection is replaced at this age, so that a login that was withdrawn falls out of use.
    server_lifetime: 300,
    server_idle_timeout: 60,
    // A database that was killed comes back at another address.
    dns_max_ttl: 1,
    dns_nxdomain_ttl: 1,
    tcp_keepalive: 1,
    tcp_keepidle: 30,
    tcp_keepintvl: 5,
    tcp_keepcnt: 3,
    // Unacknowledged data, in milliseconds: a server that vanished with its node closes nothing.
    tcp_user_timeout: 10_000,
    // Drivers send it without a need; any other setting at login is refused rather than dropped.
    ignore_startup_parameters: "extra_float_digits",
    log_connections: 0,
    log_disconnections: 0,
    stats_period: 300,
  };
  return [
    "[databases]",
    `* = host=${of.host} port=5432`,
    "",
    "[pgbouncer]",
    ...Object.entries(settings).map(([key, value]) => `${key} = ${value}`),
    "",
    "%include /run/pgbouncer/users.ini",
    "",
  ].join("\n");
}
