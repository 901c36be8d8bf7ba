import { bytes, type Size } from "../../model/units";
import { alertOn } from "../alerts";
import { type Archived, archived, servingVolume, storeParts } from "../backup/archive";
import { showOn } from "../dashboards";
import { checkOn } from "../health";
import { Exporter, exporterOf } from "../observability/exporter";
import { Store, type StoreKind, type StoreLinkOptions } from "../store";
import type { Description, LinkRequest, Placement } from "../system";
import { redisAlerts } from "./alerts";
import { redisConf } from "./conf";
import { redisDashboard } from "./dashboard";
import { redisChecks } from "./health-checks";
import { redisLog } from "./logs";

export interface RedisArgs {
  /** Major version. Only what our image carries. */
  readonly version: 7;
  /** Memory for data; the container's limit is twice that. @example "256 MiB" */
  readonly memory: Size;
  /**
   * What goes when the memory is full: `cache` the least used keys, `store` none (writes fail).
   * Sessions and queues want `store`. @default "store"
   */
  readonly use?: "cache" | "store";
  /** Size of the data volume. @default "1 GiB" */
  readonly storage?: Size;
  /**
   * Whether it is backed up where its stack has backups. A cache can be made again.
   * @default true, but for a `cache`
   */
  readonly backup?: boolean;
}

export interface RedisLinkOptions extends StoreLinkOptions {
  /** Key patterns that the consumer may use. @default ["*"] */
  readonly keys?: readonly string[];
  /** Sees the server's statistics and no key. @default false */
  readonly monitor?: boolean;
  /** Copies all keys as a replica would, and may do nothing else. @default false */
  readonly replicate?: boolean;
}

const KIND: StoreKind = {
  kind: "Redis",
  port: 6379,
  user: { uid: 6379, gid: 6379 },
  dataPath: "/data",
  confPath: "/etc/atalaya/redis.conf",
  program: "atalaya-redis",
  administrator: "admin",
  env: "REDIS",
  log: redisLog,
};

/** Statistics, and nothing that is kept. */
const MONITOR = ["-@all", "+ping", "+info", "+client|setname", "+slowlog|len", "+latency|latest"];

/** All keys as of one moment, by its own protocol of replication; none by its name. */
const REPLICATE = ["-@all", "+ping", "+replconf", "+sync", "+psync"];

/** Name of the link by which it is backed up. */
const BACKUP_USER = "backup";

const consumer = (keys: readonly string[]): string[] => [
  ...keys.map((key) => `~${key}`),
  "&*",
  "+@all",
  "-@admin",
  "-@dangerous",
  // Harmless, and clients ask for it when they connect.
  "+info",
];

/** One word of an ACL rule: nothing that could end it or start another. */
const KEY_PATTERN = /^[\w:.*?{}[\]-]+$/;

/**
 * Redis with one ACL user per link (FV-02, GG-01, PR-01). Keys survive a restart by the append-only
 * file: at most one second of writes is lost. A consumer may neither administer nor flush it.
 *
 * A backup has all keys as of one moment, that of the server's fork; what changes between two is in none (FV-06).
 */
export class Redis extends Store<RedisLinkOptions> {
  private readonly archived?: Archived;

  constructor(
    name: string,
    readonly args: RedisArgs,
    placement: Placement,
  ) {
    super(KIND, name, placement);
    if (args.backup ?? args.use !== "cache") {
      const found = archived(
        {
          name,
          kind: KIND.kind,
          image: this.system.args.images.redis,
          user: KIND.user,
          log: KIND.log,
          volumePath: KIND.dataPath,
          storage: this.storage,
          memory: (to) => 2 * this.memory(to),
          link: this.as(BACKUP_USER, { replicate: true, keys: [] }),
        },
        placement,
      );
      if (found !== undefined) this.archived = found;
    }
    if (this.system.args.observed) {
      const link = this.as("metrics", { monitor: true, keys: [] });
      const args = { of: name, program: "redis-exporter", port: 9121, link } as const;
      new Exporter(exporterOf(name), args, placement);
    }
  }

  /**
   * A link with an ACL user of its own. The consumer gets `REDIS_HOST`, `_PORT`, `_USER`,
   * `_PASSWORD_FILE`.
   * @example cache.as("api", { keys: ["session:*"] })
   */
  as(consumer: string, options: RedisLinkOptions = {}): LinkRequest {
    return this.request(
      consumer,
      options,
      options.replicate
        ? "all keys, to back them up"
        : options.monitor
          ? "monitor"
          : (options.keys ?? ["*"]).join(", "),
    );
  }

  protected override login(as: string): string {
    return as;
  }

  private get storage(): Size {
    return this.args.storage ?? "1 GiB";
  }

  private memory(to: Description): number {
    return to.check(this, "memory", () => bytes(this.args.memory), bytes("64 MiB"));
  }

  override describe(to: Description): void {
    to.component(this);
    const { args } = this;
    const image = this.system.args.images.redis;
    const memory = this.memory(to);
    for (const { as, options } of this.links) {
      for (const pattern of options.keys ?? []) {
        if (!KEY_PATTERN.test(pattern)) {
          to.problem(this, `links.${as}.keys`, `${JSON.stringify(pattern)} is no key pattern`);
        }
      }
    }
    const mib = Math.ceil(memory / 2 ** 20);
    this.describeWorkload(to, {
      image,
      version: String(args.version),
      conf: redisConf({ memory, evict: args.use === "cache" }),
      storage: this.storage,
      resources: {
        cpu: { reserve: 0.05, limit: 1 },
        // A rewrite of the append-only file forks: pages that change meanwhile are held twice.
        memory: { reserve: `${Math.ceil(mib / 4)} MiB`, limit: `${mib * 2} MiB` },
      },
      stop: { grace: 20 },
      ...storeParts(this.archived),
    });
    this.describeAccess(to, image, {
      users: this.links.map(({ as, options }) => ({
        name: this.login(as),
        sha256: { secret: this.passwordSecret(as), form: "sha256" },
        rules: options.replicate
          ? REPLICATE
          : options.monitor
            ? MONITOR
            : consumer(options.keys ?? ["*"]),
      })),
      ...servingVolume(this.archived),
    });
    const { name } = this;
    const facts = { exporter: exporterOf(name), evicts: args.use === "cache" };
    checkOn(to, this, redisChecks, { ...facts, workload: name, instances: 1 });
    if (!this.system.args.observed) return;
    alertOn(to, this, redisAlerts, facts);
    showOn(to, this, redisDashboard, facts);
  }
}
