import { WAL_LATE } from "../../model/backup";
import { backupBoard } from "../backup/dashboard";
import { type DashboardChapter } from "../dashboards";
import {
  accepting,
  clientsUsed,
  connectionsUsed,
  longWait,
  oldestTransaction,
  POOL_LIMITS,
  type PoolFacts,
  POSTGRES_LIMITS,
  type PostgresFacts,
  serversUsed,
  volumeUsed,
  waiting,
  walWaits,
} from "./alerts";

/** PostgreSQL by postgres_exporter (GG-06). */
export const postgresDashboard: DashboardChapter<PostgresFacts> = {
  kind: "postgresql",
  title: "PostgreSQL",
  on: "kind",
  rows: [
    {
      title: "PostgreSQL",
      panels: [
        {
          title: "Lets people in",
          unit: "yes",
          shape: "number",
          limits: { beyond: "below", critical: 1 },
          alert: "DatabaseDown",
          queries: ({ own }) => [{ expr: `max(pg_up{${own}})`, legend: "up" }],
        },
        {
          title: "Connections in use, of all",
          unit: "ratio",
          limits: { beyond: "above", warning: POSTGRES_LIMITS.connections },
          alert: "DatabaseConnectionsHigh",
          queries: ({ own }) => [
            { expr: connectionsUsed(own), legend: "in use", signal: "saturation" },
          ],
        },
        {
          title: "Connections by state",
          unit: "count",
          queries: ({ own }) => [
            {
              expr: `sum by (datname, state) (pg_stat_activity_count{${own}} > 0)`,
              legend: "{{datname}} {{state}}",
            },
          ],
        },
        {
          title: "Transactions",
          unit: "per second",
          queries: ({ own }) => [
            {
              expr: `sum(rate(pg_stat_database_xact_commit{${own}}[5m]))`,
              legend: "committed",
              signal: "traffic",
            },
            {
              expr: `sum(rate(pg_stat_database_xact_rollback{${own}}[5m]))`,
              legend: "rolled back",
            },
          ],
        },
        {
          title: "Oldest transaction that is open",
          unit: "seconds",
          limits: { beyond: "above", warning: POSTGRES_LIMITS.transaction },
          alert: "DatabaseLongTransaction",
          queries: ({ own }) => [
            { expr: `${oldestTransaction(own)} or 0 * max(pg_up{${own}})`, legend: "age" },
          ],
        },
        {
          title: "Deadlocks in five minutes",
          unit: "count",
          limits: { beyond: "above", warning: 0.5 },
          alert: "DatabaseDeadlocks",
          queries: ({ own }) => [
            {
              expr: `sum(increase(pg_stat_database_deadlocks{${own}}[5m]))`,
              legend: "deadlocks",
              signal: "errors",
            },
          ],
        },
        {
          title: "Part of the volume that its databases fill",
          unit: "ratio",
          limits: { beyond: "above", warning: POSTGRES_LIMITS.volume },
          alert: "DatabaseVolumeHigh",
          queries: ({ own, storage }) => [
            { expr: volumeUsed(own, storage), legend: "filled", signal: "saturation" },
          ],
        },
        {
          title: "Size of databases",
          unit: "bytes",
          queries: ({ own }) => [
            { expr: `sum by (datname) (pg_database_size_bytes{${own}})`, legend: "{{datname}}" },
          ],
        },
        {
          title: "Reads from its own cache",
          about: "The rest comes from the system's cache or the disk.",
          unit: "ratio",
          queries: ({ own }) => [
            {
              expr: `sum(rate(pg_stat_database_blks_hit{${own}}[5m])) / (sum(rate(pg_stat_database_blks_hit{${own}}[5m])) + sum(rate(pg_stat_database_blks_read{${own}}[5m])) > 0)`,
              legend: "from cache",
            },
          ],
        },
        {
          title: "Locks",
          unit: "count",
          queries: ({ own }) => [
            { expr: `sum by (mode) (pg_locks_count{${own}})`, legend: "{{mode}}" },
          ],
        },
      ],
    },
  ],
};

/** PgBouncer by a connection to each instance and by its own numbers (PR-14). */
export const poolDashboard: DashboardChapter<PoolFacts> = {
  kind: "pgbouncer",
  title: "PgBouncer",
  on: "kind",
  rows: [
    {
      title: "PgBouncer",
      panels: [
        {
          title: "Instances that accept connections",
          unit: "count",
          limits: ({ instances }) => ({ beyond: "below", warning: instances }),
          alert: "PoolDegraded",
          queries: ({ own }) => [{ expr: accepting(own), legend: "instances" }],
        },
        {
          title: "Time to connect",
          unit: "seconds",
          queries: ({ own }) => [
            { expr: `probe_duration_seconds{${own}}`, legend: "{{instance}}" },
          ],
        },
        {
          title: "Longest wait for a server connection",
          unit: "seconds",
          limits: (of) => ({ beyond: "above", warning: longWait(of) }),
          alert: "PoolClientsWaiting",
          queries: ({ own }) => [
            // No client has come yet.
            { expr: waiting(own), legend: "{{user}} {{database}}", mayBeEmpty: true },
          ],
        },
        {
          title: "Clients that wait, on average",
          unit: "count",
          queries: ({ own }) => [
            {
              expr: `sum by (database) (rate(pgbouncer_stats_totals_client_wait_seconds_total{${own}}[5m]))`,
              legend: "{{database}}",
              mayBeEmpty: true,
            },
          ],
        },
        {
          title: "Server connections in use, of a login's",
          about: "At 1 the next transaction waits. By session it stays there while the clients do.",
          unit: "ratio",
          queries: ({ own }) => [
            {
              expr: `max(${serversUsed(own)})`,
              legend: "fullest login",
              signal: "saturation",
              mayBeEmpty: true,
            },
            { expr: serversUsed(own), legend: "{{user}}", mayBeEmpty: true },
          ],
        },
        {
          title: "Connections of clients in use, of all",
          unit: "ratio",
          limits: { beyond: "above", warning: POOL_LIMITS.clients },
          alert: "PoolClientsHigh",
          queries: ({ own }) => [{ expr: clientsUsed(own), legend: "fullest instance" }],
        },
        {
          title: "Server connections by what they do",
          unit: "count",
          queries: ({ own }) =>
            ["active", "idle", "login"].map((state) => ({
              expr: `sum(pgbouncer_pools_server_${state}_connections{${own}})`,
              legend: state,
              mayBeEmpty: true,
            })),
        },
        {
          title: "Transactions through the pool",
          unit: "per second",
          queries: ({ own }) => [
            {
              expr: `sum by (database) (rate(pgbouncer_stats_totals_sql_transactions_pooled_total{${own}}[5m]))`,
              legend: "{{database}}",
              mayBeEmpty: true,
            },
          ],
        },
        {
          title: "Time of a transaction at the server",
          unit: "seconds",
          queries: ({ own }) => [
            {
              expr: `sum by (database) (rate(pgbouncer_stats_totals_server_in_transaction_seconds_total{${own}}[5m])) / sum by (database) (rate(pgbouncer_stats_totals_sql_transactions_pooled_total{${own}}[5m]))`,
              legend: "{{database}}",
              mayBeEmpty: true,
            },
          ],
        },
      ],
    },
  ],
};

/** Backups of a database by what pgBackRest says of its repositories (FV-06, PR-13). */
export const backupDashboard = backupBoard([
  {
    title: "Pages with wrong checksums in the newest backup",
    unit: "count",
    limits: { beyond: "above", critical: 0 },
    alert: "BackupPagesDamaged",
    queries: ({ own }) => [
      {
        expr: `max by (repository) (atalaya_backup_errors{${own}})`,
        legend: "{{repository}}",
        mayBeEmpty: true,
      },
    ],
  },
  {
    title: "Changes (WAL) handed over",
    unit: "per minute",
    queries: ({ own }) => [
      {
        expr: `60 * sum(rate(pg_stat_archiver_archived_count{${own}}[5m]))`,
        legend: "handed over",
      },
    ],
  },
  {
    title: "Oldest changes (WAL) that wait to be handed over",
    unit: "seconds",
    limits: { beyond: "above", warning: WAL_LATE },
    alert: "WalArchivingSlow",
    queries: ({ own }) => [{ expr: walWaits(own), legend: "oldest" }],
  },
  {
    title: "Changes (WAL) that could not be handed over, in five minutes",
    unit: "count",
    limits: { beyond: "above", critical: 0.5 },
    alert: "WalArchivingFailing",
    queries: ({ own }) => [
      {
        expr: `sum(increase(pg_stat_archiver_failed_count{${own}}[5m]))`,
        legend: "failed",
      },
    ],
  },
]);
