import type { DashboardChapter } from "../dashboards";
import { evictions, memoryUsed, REDIS_LIMITS, type RedisFacts } from "./alerts";

/** Redis by redis_exporter (GG-06). */
export const redisDashboard: DashboardChapter<RedisFacts> = {
  kind: "redis",
  title: "Redis",
  on: "kind",
  rows: [
    {
      title: "Redis",
      panels: [
        {
          title: "Answers",
          unit: "yes",
          shape: "number",
          limits: { beyond: "below", critical: 1 },
          alert: "RedisDown",
          queries: ({ own }) => [{ expr: `max(redis_up{${own}})`, legend: "up" }],
        },
        {
          title: "Memory for data in use, of all",
          when: ({ evicts }) => !evicts,
          unit: "ratio",
          limits: { beyond: "above", warning: REDIS_LIMITS.memory },
          alert: "RedisMemoryHigh",
          queries: ({ own }) => [{ expr: memoryUsed(own), legend: "in use", signal: "saturation" }],
        },
        {
          // A cache is full by design.
          title: "Memory for data in use, of all (a cache)",
          when: ({ evicts }) => evicts,
          unit: "ratio",
          queries: ({ own }) => [{ expr: memoryUsed(own), legend: "in use" }],
        },
        {
          title: "Keys dropped for want of memory",
          when: ({ evicts }) => evicts,
          unit: "per second",
          limits: { beyond: "above", warning: REDIS_LIMITS.evictions },
          alert: "RedisEvicting",
          queries: ({ own }) => [{ expr: evictions(own), legend: "dropped", signal: "saturation" }],
        },
        {
          title: "Commands",
          unit: "per second",
          queries: ({ own }) => [
            {
              expr: `sum(rate(redis_commands_processed_total{${own}}[5m]))`,
              legend: "commands",
              signal: "traffic",
            },
          ],
        },
        {
          title: "Reads that find their key",
          unit: "ratio",
          queries: ({ own }) => [
            {
              expr: `sum(rate(redis_keyspace_hits_total{${own}}[5m])) / (sum(rate(redis_keyspace_hits_total{${own}}[5m])) + sum(rate(redis_keyspace_misses_total{${own}}[5m])) > 0)`,
              legend: "found",
              // Nobody reads.
              mayBeEmpty: true,
            },
          ],
        },
        {
          title: "Clients",
          unit: "count",
          queries: ({ own }) => [
            { expr: `max(redis_connected_clients{${own}})`, legend: "connected" },
            { expr: `max(redis_blocked_clients{${own}})`, legend: "waiting for a key" },
          ],
        },
        {
          title: "Connections refused in five minutes",
          unit: "count",
          limits: { beyond: "above", warning: 0.5 },
          alert: "RedisConnectionsRejected",
          queries: ({ own }) => [
            {
              expr: `sum(increase(redis_rejected_connections_total{${own}}[5m]))`,
              legend: "refused",
              signal: "errors",
            },
          ],
        },
        {
          title: "What is written reaches the disk",
          unit: "yes",
          shape: "number",
          limits: { beyond: "below", warning: 1 },
          alert: "RedisWritesNotKept",
          queries: ({ own }) => [
            { expr: `min(redis_aof_last_write_status{${own}})`, legend: "kept" },
          ],
        },
        {
          title: "Keys",
          unit: "count",
          queries: ({ own }) => [{ expr: `sum by (db) (redis_db_keys{${own}})`, legend: "{{db}}" }],
        },
      ],
    },
  ],
};
