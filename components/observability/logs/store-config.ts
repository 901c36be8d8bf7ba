import { seconds, type Duration } from "../../../model/units";

/** What Loki's file follows from. */
export interface StoreConfigArgs {
  readonly port: number;
  /** Folder of its volume. */
  readonly folder: string;
  /** How long lines are kept. */
  readonly keep: Duration;
  /** Of single systems, by name. */
  readonly bySystem: Readonly<Record<string, Duration>>;
  /** Bytes that it may take. */
  readonly memory: number;
}

/** What lines are found by: few values each. What a person or a request has of its own is none of these. */
export const LABELS = ["system", "service", "instance", "level"] as const;

/** Bytes of one message between its parts, in one process: thousands of lines of a page, some of them as long as may be. */
const MESSAGE = 64 * 2 ** 20;

/** How old a line may be when it comes: an outage of the store is made up for afterwards. */
const LATEST = "7d";

const hours = (duration: Duration): number => Math.round(seconds(duration) / 3_600);

const inHours = (duration: Duration): string => `${hours(duration)}h`;

/**
 * loki.yaml: one process that keeps all of it in one folder, for Loki 3.5. Whoever reaches it may read and write,
 * so that nobody does but those who have a way to it.
 */
export function storeConfig(args: StoreConfigArgs): object {
  const { port, folder, keep, bySystem, memory } = args;
  return {
    auth_enabled: false,
    server: {
      http_listen_port: port,
      // Its own parts talk to each other in one process.
      grpc_listen_address: "127.0.0.1",
      grpc_listen_port: 9095,
      grpc_server_max_recv_msg_size: MESSAGE,
      grpc_server_max_send_msg_size: MESSAGE,
      log_level: "warn",
      log_format: "json",
    },
    common: {
      instance_addr: "127.0.0.1",
      path_prefix: folder,
      replication_factor: 1,
      ring: { kvstore: { store: "inmemory" } },
      storage: {
        filesystem: {
          chunks_directory: `${folder}/chunks`,
          rules_directory: `${folder}/rules`,
        },
      },
    },
    schema_config: {
      configs: [
        {
          from: "2025-01-01",
          store: "tsdb",
          object_store: "filesystem",
          schema: "v13",
          index: { prefix: "index_", period: "24h" },
        },
      ],
    },
    limits_config: {
      retention_period: inHours(keep),
      retention_stream: Object.entries(bySystem).map(([system, period]) => ({
        selector: `{system=${JSON.stringify(system)}}`,
        priority: 1,
        period: inHours(period),
      })),
      reject_old_samples: true,
      reject_old_samples_max_age: LATEST,
      // The agent says the level.
      discover_log_levels: false,
      discover_service_name: [],
      allow_structured_metadata: true,
      // What comes more than 40 minutes late gets streams of its own, an hour each: beside newer lines of the same container,
      // as after an agent was killed in a long outage, it would be refused.
      shard_streams: { time_sharding_enabled: true },
      otlp_config: {
        resource_attributes: {
          ignore_defaults: true,
          attributes_config: [{ action: "index_label", attributes: LABELS }],
        },
      },
      // A line that is too long is cut rather than lost.
      max_line_size: "256KB",
      max_line_size_truncate: true,
      // After an outage it comes all at once.
      ingestion_rate_mb: 16,
      ingestion_burst_size_mb: 32,
      per_stream_rate_limit: "8MB",
      per_stream_rate_limit_burst: "32MB",
      // All that is kept can be asked for at once, and a month anyway; a question is a little older when it is answered.
      max_query_length: `${Math.max(...(["31 d", keep, ...Object.values(bySystem)] as const).map(hours)) + 24}h`,
      max_entries_limit_per_query: 5_000,
    },
    compactor: {
      working_directory: `${folder}/compactor`,
      retention_enabled: true,
      compaction_interval: "10m",
      retention_delete_delay: "2h",
      // What a person wants erased goes the same way (GG-13).
      delete_request_store: "filesystem",
    },
    ingester: {
      // What is in no file yet is found however old it is: by default only what is no older than two hours and a half.
      query_store_max_look_back_period: "-1ns",
      wal: {
        dir: `${folder}/wal`,
        flush_on_shutdown: true,
        // By default more than it may have: it would be killed for the lines that it brings back, again and again.
        replay_memory_ceiling: Math.floor(memory / 3),
      },
    },
    // It tells nobody about itself.
    analytics: { reporting_enabled: false },
  };
}
