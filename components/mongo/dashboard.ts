import type { Nothing } from "../alerts";
import type { DashboardChapter } from "../dashboards";
import {
  cacheDirty,
  cacheUsed,
  connectionsUsed,
  cursorsTimedOut,
  latency,
  MONGO_LIMITS,
  replicationLag,
  takesWrites,
} from "./alerts";

/** MongoDB by our exporter. What a server does not say of itself is empty: one that only stands in for MongoDB's says little. */
export const mongoDashboard: DashboardChapter<Nothing> = {
  kind: "mongodb",
  title: "MongoDB",
  on: "kind",
  rows: [
    {
      title: "MongoDB",
      panels: [
        {
          title: "Answers",
          unit: "yes",
          shape: "number",
          limits: { beyond: "below", critical: 1 },
          alert: "MongoDown",
          queries: ({ own }) => [{ expr: `max(mongodb_up{${own}})`, legend: "up" }],
        },
        {
          title: "Takes writes",
          unit: "yes",
          shape: "number",
          limits: { beyond: "below", critical: 1 },
          alert: "MongoTakesNoWrites",
          queries: ({ own }) => [{ expr: takesWrites(own), legend: "primary", mayBeEmpty: true }],
        },
        {
          title: "Connections in use, of all that it takes",
          unit: "ratio",
          limits: { beyond: "above", warning: MONGO_LIMITS.connections },
          alert: "MongoConnectionsHigh",
          queries: ({ own }) => [
            { expr: connectionsUsed(own), legend: "in use", signal: "saturation" },
          ],
        },
        {
          title: "Connections",
          unit: "count",
          queries: ({ own }) => [
            {
              expr: `max(mongodb_ss_connections{${own},conn_type="current"})`,
              legend: "connected",
            },
          ],
        },
        {
          title: "Operations",
          unit: "per second",
          queries: ({ own }) => [
            {
              expr: `sum(rate(mongodb_ss_opcounters{${own}}[5m]))`,
              legend: "operations",
              signal: "traffic",
            },
            {
              expr: `sum by (legacy_op_type) (rate(mongodb_ss_opcounters{${own}}[5m]))`,
              legend: "{{legacy_op_type}}",
            },
          ],
        },
        {
          title: "Time of a read or a write, on average",
          unit: "seconds",
          limits: { beyond: "above", warning: MONGO_LIMITS.latency },
          alert: "MongoSlow",
          queries: ({ own }) => [
            { expr: latency(own), legend: "{{op_type}}", mayBeEmpty: true },
            {
              expr: `max(${latency(own)})`,
              legend: "slower of both",
              signal: "duration",
              mayBeEmpty: true,
            },
          ],
        },
        {
          title: "Operations that wait for their turn",
          unit: "count",
          queries: ({ own }) => [
            {
              expr: `max by (count_type) (mongodb_ss_globalLock_currentQueue{${own},count_type=~"readers|writers"})`,
              legend: "{{count_type}}",
              mayBeEmpty: true,
            },
          ],
        },
        {
          title: "Cache in use, of all",
          unit: "ratio",
          limits: { beyond: "above", warning: MONGO_LIMITS.cache },
          alert: "MongoCacheFull",
          queries: ({ own }) => [{ expr: cacheUsed(own), legend: "in use", mayBeEmpty: true }],
        },
        {
          title: "Cache that waits to be written, of all",
          unit: "ratio",
          limits: { beyond: "above", warning: MONGO_LIMITS.dirty },
          alert: "MongoCacheDirty",
          queries: ({ own }) => [{ expr: cacheDirty(own), legend: "dirty", mayBeEmpty: true }],
        },
        {
          title: "Pages between cache and disk",
          unit: "per second",
          queries: ({ own }) => [
            {
              expr: `sum(rate(mongodb_ss_wt_cache_pages_read_into_cache{${own}}[5m]))`,
              legend: "read",
              mayBeEmpty: true,
            },
            {
              expr: `sum(rate(mongodb_ss_wt_cache_pages_written_from_cache{${own}}[5m]))`,
              legend: "written",
              mayBeEmpty: true,
            },
          ],
        },
        {
          title: "Cursors left behind in five minutes",
          unit: "count",
          limits: { beyond: "above", warning: MONGO_LIMITS.cursors },
          alert: "MongoCursorsTimedOut",
          queries: ({ own }) => [
            { expr: cursorsTimedOut(own), legend: "timed out", mayBeEmpty: true },
          ],
        },
        {
          title: "Open cursors",
          unit: "count",
          queries: ({ own }) => [
            {
              expr: `max by (csr_type) (mongodb_ss_metrics_cursor_open{${own}})`,
              legend: "{{csr_type}}",
              mayBeEmpty: true,
            },
          ],
        },
        {
          title: "Documents",
          unit: "per second",
          queries: ({ own }) => [
            {
              expr: `sum by (doc_op_type) (rate(mongodb_ss_metrics_document{${own}}[5m]))`,
              legend: "{{doc_op_type}}",
              mayBeEmpty: true,
            },
          ],
        },
        {
          title: "Errors",
          about:
            "By MongoDB's own kinds: “user” are those of questions that clients asked wrongly.",
          unit: "per second",
          queries: ({ own }) => [
            {
              expr: `sum by (assert_type) (rate(mongodb_ss_asserts{${own},assert_type!="rollovers"}[5m]))`,
              legend: "{{assert_type}}",
              mayBeEmpty: true,
            },
          ],
        },
        {
          title: "Network",
          unit: "bytes/s",
          queries: ({ own }) => [
            {
              expr: `sum(rate(mongodb_ss_network_bytesIn{${own}}[5m]))`,
              legend: "in",
              mayBeEmpty: true,
            },
            {
              expr: `sum(rate(mongodb_ss_network_bytesOut{${own}}[5m]))`,
              legend: "out",
              mayBeEmpty: true,
            },
          ],
        },
        {
          title: "Memory of the server",
          unit: "bytes",
          queries: ({ own }) => [
            {
              expr: `max(mongodb_ss_mem_resident{${own}}) * ${2 ** 20}`,
              legend: "resident",
              mayBeEmpty: true,
            },
          ],
        },
        {
          title: "Members of the replica set behind the primary",
          unit: "seconds",
          limits: { beyond: "above", warning: MONGO_LIMITS.lag },
          alert: "MongoReplicationLag",
          queries: ({ own }) => [
            // One member alone is behind nobody.
            { expr: replicationLag(own), legend: "the last", mayBeEmpty: true },
          ],
        },
      ],
    },
  ],
};
