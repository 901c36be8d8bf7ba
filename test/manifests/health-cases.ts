/**
 * For every health check that Prometheus answers: series with which it is just well, and just beyond each limit
 * that it has. Samples are 15 s apart, and looked at after ten minutes.
 */
export interface CheckCase {
  readonly system?: string;
  readonly component: string;
  readonly check: string;
  readonly well: Series;
  readonly warning?: Series;
  readonly critical?: Series;
  /** With which nobody can say. */
  readonly unknown?: Series;
}

/** By series: its values. */
export type Series = Readonly<Record<string, string>>;

const steady = (value: number): string => `${value}x60`;
/** So much more every 15 s. */
const grows = (by: number): string => `0+${by}x60`;

const DAY = 86_400;
/** When it is looked at, in seconds. */
export const NOW = 600;

const of =
  (component: string, system = "shop") =>
  (series: string, more = ""): string =>
    `${series}{system="${system}",component="${component}"${more === "" ? "" : `,${more}`}}`;

const api = of("api");
const db = of("db");
const machine = of("machine", "nodes");
const observer = of("containers", "nodes");

/** Of 1000 bytes so many are in use, and 50 more are files. */
const contained = (used: number): Series => ({
  [api("container_memory_working_set_bytes", 'workload="api",id="1"')]: steady(used + 50),
  [api("container_memory_total_active_file_bytes", 'workload="api",id="1"')]: steady(50),
  [api("container_spec_memory_limit_bytes", 'workload="api",id="1"')]: steady(1000),
});
const agent = of("log-agent", "nodes");

/** Part of 100 bytes on the fuller of two nodes. */
const waits = (bytes: number): Series =>
  Object.fromEntries(
    Object.entries({ a: bytes, b: 0 }).flatMap(([instance, size]) => [
      [
        agent("otelcol_exporter_queue_size", `data_type="logs",instance="${instance}"`),
        steady(size),
      ],
      [
        agent("otelcol_exporter_queue_capacity", `data_type="logs",instance="${instance}"`),
        steady(100),
      ],
    ]),
  );

const instances = (count: number, more: Series = {}): Series => ({
  ...more,
  ...Object.fromEntries(
    [1, 2].map((i) => [
      api("up", `workload="api",instance="10.0.0.${i}:8000"`),
      steady(i <= count ? 1 : 0),
    ]),
  ),
});

/** So many requests of 1000 fail, and so many take no longer than 0.3 and 0.5 s. */
const requests = ({ failed = 0, fast = 1000, bearable = 1000, all = 1000 }): Series =>
  instances(2, {
    [api("http_requests_total", 'status="200"')]: grows(all - failed),
    ...(failed === 0 ? {} : { [api("http_requests_total", 'status="503"')]: grows(failed) }),
    ...Object.fromEntries(
      Object.entries({ "0.3": fast, "0.5": bearable, "1": all, "+Inf": all }).map(([le, count]) => [
        api("http_request_duration_seconds_bucket", `le="${le}"`),
        grows(count),
      ]),
    ),
  });

const flag = (
  series: string,
  bad: "warning" | "critical",
): Pick<CheckCase, "well" | typeof bad> => ({
  well: { [series]: steady(1) },
  [bad]: { [series]: steady(0) },
});

const HOUR = 3_600;
/** So many seconds before it is looked at. */
const ago = (time: number): string => steady(NOW - time);

/** Backups of a store, every four hours, drilled daily. */
function backups(component: string): CheckCase[] {
  const own = of(component);
  const repository = (name: string): string =>
    own("atalaya_backup_repository_ok", `repository="${name}"`);
  const backedUp = (name: string, type: string): string =>
    own("atalaya_backup_completed_timestamp_seconds", `repository="${name}",type="${type}"`);
  const drill = (what: string, name: string): string =>
    own(`atalaya_restore_drill_${what}`, `repository="${name}"`);
  return [
    {
      component,
      check: "backup-repositories",
      well: { [repository("local")]: steady(1), [repository("offsite")]: steady(1) },
      warning: { [repository("local")]: steady(1), [repository("offsite")]: steady(0) },
      unknown: {},
    },
    {
      component,
      check: "backup-age",
      // Every four hours; the newest of each repository, and of these the oldest.
      well: {
        [backedUp("offsite", "incr")]: ago(5 * HOUR),
        [backedUp("offsite", "full")]: ago(DAY),
      },
      warning: {
        [backedUp("offsite", "incr")]: ago(5 * HOUR + 1),
        [backedUp("local", "incr")]: ago(0),
      },
      critical: { [backedUp("offsite", "incr")]: ago(DAY + 5 * HOUR + 1) },
      unknown: {},
    },
    // Before the first backup; one that cannot be read any more; one that never could be.
    {
      component,
      check: "backup-age",
      well: { [repository("local")]: steady(1) },
      critical: {
        [backedUp("offsite", "incr")]: `${NOW - (DAY + 5 * HOUR + 1)}x5 stale`,
        [repository("offsite")]: steady(0),
      },
      unknown: { [repository("offsite")]: steady(0) },
    },
    {
      component,
      check: "drill",
      well: { [drill("ok", "local")]: steady(1), [drill("ok", "offsite")]: steady(1) },
      critical: { [drill("ok", "local")]: steady(1), [drill("ok", "offsite")]: steady(0) },
      unknown: {},
    },
    // Before the first drill.
    {
      component,
      check: "drill",
      well: { [drill("passed_timestamp_seconds", "local")]: ago(5) },
    },
    {
      component,
      check: "drill-age",
      well: { [drill("passed_timestamp_seconds", "offsite")]: ago(2 * DAY) },
      warning: {
        [drill("passed_timestamp_seconds", "offsite")]: ago(2 * DAY + 1),
        [drill("passed_timestamp_seconds", "local")]: ago(0),
      },
      unknown: {},
    },
  ];
}

const redis = (component: string): CheckCase[] => {
  const own = of(component);
  const clients = (count: number): Series => ({ [own("redis_connected_clients")]: steady(count) });
  return [
    { component, check: "commands", ...flag(own("redis_up"), "critical"), unknown: {} },
    {
      component,
      check: "clients",
      well: clients(8_000),
      warning: clients(8_001),
      critical: clients(9_501),
    },
    {
      component,
      check: "kept",
      ...flag(own("redis_aof_last_write_status"), "warning"),
      unknown: {},
    },
  ];
};

/** Of 1000 connections to MongoDB so many are in use. */
const connected = (count: number): Series => ({
  [of("documents")("mongodb_ss_connections", 'conn_type="current"')]: steady(count),
  [of("documents")("mongodb_ss_connections", 'conn_type="available"')]: steady(1000 - count),
});

const memory = (used: number): Series => ({
  [of("sessions")("redis_memory_used_bytes")]: steady(used),
  [of("sessions")("redis_memory_max_bytes")]: steady(1000),
});

function gateway(
  component: string,
  hosts: readonly string[],
  late: number,
  urgent: number,
): CheckCase[] {
  const own = of(component);
  const pairs = [1, 2].flatMap((i) => hosts.map((host) => `instance="10.0.0.${i}",host="${host}"`));
  const asked = pairs.map((at) => `${at},probe="https"`);
  const answers = (count: number): Series => ({
    ...ASKS,
    ...Object.fromEntries(
      asked.map((at, i) => [own("probe_success", at), steady(i < count ? 1 : 0)]),
    ),
  });
  const opened = (count: number): Series => ({
    ...ASKS,
    ...Object.fromEntries(
      pairs.map((at, i) => [
        own("probe_success", `${at},path="/ws",probe="websocket"`),
        steady(i < count ? 1 : 0),
      ]),
    ),
  });
  const takes = (seconds: number): Series => ({
    [own("probe_duration_seconds", asked[0])]: steady(0.1),
    [own("probe_duration_seconds", asked[1])]: steady(seconds),
  });
  const ends = (left: number): Series => ({
    [own("probe_ssl_earliest_cert_expiry", pairs[0])]: steady(NOW + 90 * DAY),
    [own("probe_ssl_earliest_cert_expiry", pairs[1])]: steady(NOW + left),
  });
  return [
    {
      component,
      check: "answers",
      well: answers(pairs.length),
      warning: answers(pairs.length - 1),
      critical: answers(0),
      // Nobody asks.
      unknown: Object.fromEntries(asked.map((at) => [own("up", at), steady(0)])),
    },
    {
      component,
      check: "websockets",
      well: opened(pairs.length),
      warning: opened(pairs.length - 1),
      critical: opened(0),
      unknown: {},
    },
    { component, check: "duration", well: takes(1), warning: takes(1.01), unknown: {} },
    {
      component,
      check: "certificates",
      well: ends(late),
      warning: ends(urgent),
      critical: ends(-DAY),
      unknown: {},
    },
    { component, check: "certificates", well: ends(late + 1), critical: ends(urgent - 1) },
  ];
}

const disk = (free: number): Series => ({
  [machine("node_filesystem_avail_bytes", 'mountpoint="/",fstype="ext4"')]: steady(free),
  [machine("node_filesystem_size_bytes", 'mountpoint="/",fstype="ext4"')]: steady(1000),
  [machine("node_filesystem_avail_bytes", 'mountpoint="/srv",fstype="ext4"')]: steady(900),
  [machine("node_filesystem_size_bytes", 'mountpoint="/srv",fstype="ext4"')]: steady(1000),
});

const available = (bytes: number): Series => ({
  [machine("node_memory_MemAvailable_bytes")]: steady(bytes),
  [machine("node_memory_MemTotal_bytes")]: steady(1000),
});

/** Seconds of 15 that a processor has nothing to do. */
const idle = (seconds: number): Series => ({
  [machine("node_cpu_seconds_total", 'instance="10.0.0.7",cpu="0",mode="idle"')]: grows(seconds),
});

/** On a machine of two processors. */
const load = (value: number): Series => ({
  [machine("node_load5", 'instance="10.0.0.7"')]: steady(value),
  ...Object.fromEntries(
    ["0", "1"].map((cpu) => [
      machine("node_cpu_seconds_total", `instance="10.0.0.7",cpu="${cpu}",mode="idle"`),
      grows(15),
    ]),
  ),
});

/** Nodes of two on which the machine is observed; containers are on both. */
const seenOn = (...nodes: readonly string[]): Series =>
  Object.fromEntries(
    [
      ...nodes.map((node) =>
        machine("up", `workload="machine",job="nodes/machine",instance="${node}"`),
      ),
      ...["a", "b"].map((node) =>
        observer("up", `workload="containers",job="nodes/containers",instance="${node}"`),
      ),
    ].map((series) => [series, steady(1)]),
  );

/** Who asks from outside is there. */
const ASKS: Series = { [of("blackbox", "observability")("up")]: steady(1) };

const accepting = (count: number): Series => ({
  ...ASKS,
  ...Object.fromEntries(
    [1, 2].map((i) => [
      of("db-pool")("probe_success", `instance="10.0.0.${i}:6432",probe="tcp"`),
      steady(i <= count ? 1 : 0),
    ]),
  ),
});

const POOL_WAITS = of("db-pool")(
  "pgbouncer_pools_client_maxwait_seconds",
  'database="shop",user="shop_api_a"',
);

const pooled = (up: number, more: Series = {}): Series => ({
  [of("db-pool")("pgbouncer_up")]: steady(up),
  ...more,
});

const clients = (used: number): Series => ({
  [of("db-pool")("pgbouncer_used_clients")]: steady(used),
  [of("db-pool")("pgbouncer_config_max_client_connections")]: steady(1000),
});

const connections = (active: number): Series => ({
  [db("pg_stat_activity_count", 'state="active"')]: steady(active),
  [db("pg_stat_activity_count", 'state="idle"')]: steady(600),
  [db("pg_settings_max_connections")]: steady(1000),
});

const size = (part: number): Series => ({
  [db("pg_database_size_bytes", 'datname="shop"')]: steady(part * 20 * 2 ** 30),
});

const prometheus = { system: "observability", component: "prometheus" } as const;

export const checkCases: readonly CheckCase[] = [
  {
    component: "api",
    check: "answering",
    well: instances(2),
    warning: instances(1),
    critical: instances(0),
  },
  {
    component: "api",
    check: "latency",
    well: requests({ fast: 960 }),
    warning: requests({ fast: 940, bearable: 960 }),
    critical: requests({ fast: 900, bearable: 940, all: 1000 }),
    // Nobody is there to be asked.
    unknown: instances(0),
  },
  // Nothing was asked of it.
  { component: "api", check: "latency", well: instances(2) },
  {
    component: "api",
    check: "errors",
    well: requests({ failed: 10 }),
    warning: requests({ failed: 11 }),
    critical: requests({ failed: 51 }),
    unknown: instances(0),
  },
  // No series of an error, as long as there was none; and nothing was asked of it.
  { component: "api", check: "errors", well: requests({}) },
  { component: "api", check: "errors", well: instances(1) },
  {
    component: "api",
    check: "websockets",
    well: { [api("websocket_connections", 'instance="a"')]: steady(7) },
    unknown: {},
  },
  { component: "db", check: "queries", ...flag(db("pg_up"), "critical"), unknown: {} },
  {
    component: "db",
    check: "connections",
    well: connections(200),
    warning: connections(201),
    critical: connections(351),
    unknown: {},
  },
  {
    component: "db",
    check: "transactions",
    well: { [db("pg_stat_activity_max_tx_duration", 'state="active"')]: steady(300) },
    warning: {
      [db("pg_stat_activity_max_tx_duration", 'state="idle in transaction"')]: steady(301),
    },
    unknown: { [db("pg_up")]: steady(0) },
  },
  { component: "db", check: "transactions", well: { [db("pg_up")]: steady(1) } },
  {
    component: "db",
    check: "size",
    well: size(0.79),
    warning: size(0.81),
    critical: size(0.91),
    unknown: {},
  },
  {
    component: "db",
    check: "backup-wal",
    well: { [db("pg_wal_waiting_age_seconds")]: steady(300) },
    warning: { [db("pg_wal_waiting_age_seconds")]: steady(301) },
    critical: { [db("pg_wal_waiting_age_seconds")]: steady(901) },
    // When one last got there says nothing of what waits.
    unknown: { [db("pg_stat_archiver_last_archive_age")]: steady(1) },
  },
  ...["db", "documents", "sessions"].flatMap(backups),
  {
    component: "db-pool",
    check: "accepting",
    well: accepting(2),
    warning: accepting(1),
    critical: accepting(0),
    // Nobody asks.
    unknown: {},
  },
  {
    component: "db-pool",
    check: "waiting",
    well: pooled(1, { [POOL_WAITS]: steady(1) }),
    warning: pooled(1, { [POOL_WAITS]: steady(1.1) }),
    // Nobody who could say.
    unknown: pooled(0),
  },
  // No client yet.
  { component: "db-pool", check: "waiting", well: pooled(1) },
  {
    component: "db-pool",
    check: "clients",
    well: clients(800),
    warning: clients(801),
    critical: clients(951),
    unknown: {},
  },
  {
    component: "documents",
    check: "commands",
    ...flag(of("documents")("mongodb_up"), "critical"),
    unknown: {},
  },
  {
    component: "documents",
    check: "clients",
    well: connected(800),
    warning: connected(801),
    critical: connected(951),
    unknown: {},
  },
  ...redis("sessions"),
  ...redis("pages"),
  {
    component: "sessions",
    check: "memory",
    well: memory(800),
    warning: memory(801),
    critical: memory(951),
    // 0 / 0 is no number.
    unknown: {
      [of("sessions")("redis_memory_used_bytes")]: steady(0),
      [of("sessions")("redis_memory_max_bytes")]: steady(0),
    },
  },
  {
    component: "pages",
    check: "evictions",
    well: { [of("pages")("redis_evicted_keys_total")]: grows(15) },
    warning: { [of("pages")("redis_evicted_keys_total")]: grows(15.5) },
    unknown: {},
  },
  ...gateway("edge", ["shop.example.org"], 21 * DAY, 7 * DAY),
  ...gateway("counter", ["a.example.org", "b.example.org"], 7_200, 3_600),
  {
    system: "nodes",
    component: "machine",
    check: "observed",
    well: { [machine("up", 'workload="machine"')]: steady(1) },
    warning: { [machine("up", 'workload="machine"')]: steady(0) },
  },
  // One of two nodes.
  {
    system: "nodes",
    component: "machine",
    check: "observed",
    well: seenOn("a", "b"),
    warning: seenOn("a"),
  },
  {
    system: "nodes",
    component: "containers",
    check: "observed",
    well: { [observer("up", 'workload="containers"')]: steady(1) },
    warning: { [observer("up", 'workload="containers"')]: steady(0) },
  },
  {
    system: "nodes",
    component: "containers",
    check: "memory",
    well: contained(900),
    warning: contained(901),
    unknown: {},
  },
  {
    system: "nodes",
    component: "containers",
    check: "killed",
    well: { [api("container_oom_events_total", 'workload="api",id="1"')]: steady(3) },
    warning: { [api("container_oom_events_total", 'workload="api",id="1"')]: grows(1) },
    unknown: {},
  },
  {
    system: "nodes",
    component: "machine",
    check: "disk",
    well: disk(200),
    warning: disk(199),
    critical: disk(99),
    unknown: {},
  },
  {
    system: "nodes",
    component: "machine",
    check: "memory",
    well: available(160),
    warning: available(140),
    critical: available(90),
    unknown: {},
  },
  {
    system: "nodes",
    component: "machine",
    check: "cpu",
    well: idle(1.6),
    warning: idle(1.4),
    critical: idle(0.7),
    unknown: {},
  },
  {
    system: "nodes",
    component: "machine",
    check: "load",
    well: load(4),
    warning: load(4.1),
    critical: load(8.1),
    unknown: {},
  },
  {
    system: "nodes",
    component: "log-agent",
    check: "reading",
    well: { [agent("up", 'workload="log-agent"')]: steady(1) },
    warning: { [agent("up", 'workload="log-agent"')]: steady(0) },
  },
  {
    system: "nodes",
    component: "log-agent",
    check: "waiting",
    well: waits(50),
    warning: waits(51),
    unknown: {},
  },
  {
    ...prometheus,
    check: "targets",
    well: { 'up{instance="a"}': steady(1) },
    warning: { 'up{instance="a"}': steady(1), 'up{instance="b"}': steady(0) },
  },
  {
    ...prometheus,
    check: "rules",
    well: { 'prometheus_rule_evaluation_failures_total{rule_group="shop/db"}': steady(3) },
    critical: { 'prometheus_rule_evaluation_failures_total{rule_group="shop/db"}': grows(1) },
    unknown: {},
  },
  {
    ...prometheus,
    check: "alertmanagers",
    ...flag("prometheus_notifications_alertmanagers_discovered", "critical"),
    unknown: {},
  },
  {
    ...prometheus,
    check: "messages",
    well: { 'alertmanager_notifications_failed_total{integration="email"}': steady(3) },
    critical: { 'alertmanager_notifications_failed_total{integration="email"}': grows(1) },
    unknown: {},
  },
];
