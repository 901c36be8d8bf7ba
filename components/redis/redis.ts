import { bytes, type Size } from "../../model/units";
import { alertOn } from "../alerts";
import { Exporter, exporterOf } from "../observability/exporter";
import { Store, type StoreKind, type StoreLinkOptions } from "../store";
import type { Description, LinkRequest, Placement } from "../system";
import { redisAlerts } from "./alerts";
import { redisConf } from "./conf";

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
}

export interface RedisLinkOptions extends StoreLinkOptions {
  /** Key patterns that the consumer may use. @default ["*"] */
  readonly keys?: readonly string[];
  /** Sees the server's statistics and no key. @default false */
  readonly monitor?: boolean;
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
};

/** Statistics, and nothing that is kept. */
const MONITOR = ["-@all", "+ping", "+info", "+client|setname", "+slowlog|len", "+latency|latest"];

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
 */
export class Redis extends Store<RedisLinkOptions> {
  constructor(
    name: string,
    readonly args: RedisArgs,
    placement: Placement,
  ) {
    super(KIND, name, placement);
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
      options.monitor ? "monitor" : (options.keys ?? ["*"]).join(", "),
    );
  }

  protected override login(as: string): string {
    return as;
  }

  override describe(to: Description): void {
    to.component(this);
    const { args } = this;
    const image = this.system.args.images.redis;
    const memory = to.check(this, "memory", () => bytes(args.memory), bytes("64 MiB"));
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
      storage: args.storage ?? "1 GiB",
      resources: {
        cpu: { reserve: 0.05, limit: 1 },
        // A rewrite of the append-only file forks: pages that change meanwhile are held twice.
        memory: { reserve: `${Math.ceil(mib / 4)} MiB`, limit: `${mib * 2} MiB` },
      },
      stop: { grace: 20 },
    });
    this.describeAccess(to, image, {
      users: this.links.map(({ as, options }) => ({
        name: this.login(as),
        sha256: { secret: this.passwordSecret(as), form: "sha256" },
        rules: options.monitor ? MONITOR : consumer(options.keys ?? ["*"]),
      })),
    });
    if (this.system.args.observed) {
      alertOn(to, this, redisAlerts, {
        exporter: exporterOf(this.name),
        evicts: args.use === "cache",
      });
    }
  }
}
