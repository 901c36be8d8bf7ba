/**
 * For every alert: series that are just over its limit, and series that are just not. Samples are 15 s apart;
 * `1x20 0x120` is 1 at 0 s … 300 s and 0 from 315 s on.
 */
export interface AlertCase {
  readonly system?: string;
  readonly component: string;
  readonly alert: string;
  /** By series: its values. */
  readonly over: Readonly<Record<string, string>>;
  readonly below: Readonly<Record<string, string>>;
  /** Seconds from which on its expression holds with the series `over`. */
  readonly from: number;
  readonly summary: string;
  /** Labels beside system, component and severity. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** Good until 300 s, bad from 315 s on. */
const BREAKS = 315;

const of = (component: string, more = "", system = "shop"): string =>
  `{system="${system}",component="${component}"${more === "" ? "" : `,${more}`}}`;

const up = (component: string, workload: string, instance: string, system = "shop"): string =>
  `up${of(component, `workload="${workload}",instance="${instance}"`, system)}`;

const traffic = (good: number, bad: number): Record<string, string> => ({
  [`http_requests_total${of("api", 'status="200"')}`]: `0+${good}x120`,
  [`http_requests_total${of("api", 'status="503"')}`]: `0+${bad}x120`,
});

/** 150 requests every 15 s, of which so many took no longer than each of the limits in seconds. */
const durations = (within: Readonly<Record<string, number>>): Record<string, string> => ({
  [`http_requests_total${of("api", 'status="200"')}`]: "0+150x120",
  ...Object.fromEntries(
    Object.entries({ ...within, "+Inf": 150 }).map(([le, count]) => [
      `http_request_duration_seconds_bucket${of("api", `le="${le}"`)}`,
      `0+${count}x120`,
    ]),
  ),
});

/** So many addresses of api. */
const addresses = (count: number, last: string): Record<string, string> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [
      up("api", "api", `10.0.0.${i + 1}:8000`),
      i === count - 1 ? last : "1x120",
    ]),
  );

const exporter = (component: string, workload: string, system = "shop"): AlertCase => ({
  system,
  component,
  alert: "ExporterDown",
  over: { [up(component, workload, "10.0.0.9:1", system)]: "1x20 0x120" },
  // Away for 105 s.
  below: { [up(component, workload, "10.0.0.9:1", system)]: "1x20 0x6 1x120" },
  from: BREAKS,
  summary: `${component}: ${workload} does not answer, its metrics are missing`,
});

const flag = (
  component: string,
  alert: string,
  series: string,
  summary: string,
  more = "",
): AlertCase => ({
  component,
  alert,
  over: { [`${series}${of(component, more)}`]: "1x20 0x120" },
  // One sample is not enough.
  below: { [`${series}${of(component, more)}`]: "1x20 0 1x120" },
  from: BREAKS,
  summary,
});

const restarts = (component: string, series: string): AlertCase => ({
  component,
  alert: "ContainerRestarting",
  over: { [`${series}${of(component)}`]: "1x20 2x4 3x4 4x120" },
  below: { [`${series}${of(component)}`]: "1x20 2x4 3x120" },
  from: 465,
  summary: `${component}: 3 starts in 15 minutes`,
});

const redis = (component: string): AlertCase[] => [
  flag(component, "RedisDown", "redis_up", `${component}: Redis does not answer`),
  exporter(component, `${component}-metrics`),
  {
    component,
    alert: "RedisConnectionsRejected",
    over: { [`redis_rejected_connections_total${of(component)}`]: "7x20 8x120" },
    below: { [`redis_rejected_connections_total${of(component)}`]: "7x120" },
    from: BREAKS,
    summary: `${component}: 1 connections were refused in five minutes`,
  },
  {
    ...flag(
      component,
      "RedisWritesNotKept",
      "redis_aof_last_write_status",
      `${component}: what is written does not reach the disk`,
    ),
    below: { [`redis_aof_last_write_status${of(component)}`]: "1x20 0x2 1x120" },
  },
  restarts(component, "redis_start_time_seconds"),
];

const root = 'workload="machine",instance="10.0.0.7:9100",mountpoint="/",fstype="ext4"';
const machine = 'workload="machine",instance="10.0.0.7:9100"';
const onMachine = { workload: "machine", instance: "10.0.0.7:9100" };
const onRoot = { ...onMachine, mountpoint: "/", fstype: "ext4" };
const node = (series: string, more = machine): string => `${series}${of("machine", more, "nodes")}`;

const HOUR = 3_600;
const DAY = 24 * HOUR;

/** One of two instances that are asked for each host; `last` is what the others' is in the end. */
function gateway(
  component: string,
  hosts: readonly string[],
  certificate: { readonly urgent: number; readonly late: number },
): AlertCase[] {
  const at = (series: string, instance: number, host = hosts[0]!): string =>
    `${series}${of(component, `workload="${component}",instance="10.0.0.${instance}:8443",host="${host}"`)}`;
  const answers = (first: string, rest: string): Record<string, string> =>
    Object.fromEntries(
      [1, 2].flatMap((instance) =>
        hosts.map((host, i) => [
          at("probe_success", instance, host),
          instance === 1 && i === 0 ? first : rest,
        ]),
      ),
    );
  const all = 2 * hosts.length;
  const expiry = (alert: string, limit: number, left: string, summary: string): AlertCase => ({
    component,
    alert,
    over: { [at("probe_ssl_earliest_cert_expiry", 1)]: `${limit + 300}x120` },
    below: { [at("probe_ssl_earliest_cert_expiry", 1)]: `${limit + 1_800}x120` },
    from: 305,
    summary: summary.replace("LEFT", left),
  });
  const { urgent, late } = certificate;
  return [
    {
      component,
      alert: "GatewayDown",
      // Gone from discovery: no series at all.
      over: answers("1x20 0x120", "1x20 stale"),
      below: answers("1x120", "1x20 0x120"),
      from: BREAKS,
      summary: `${component}: no instance serves over HTTPS`,
    },
    {
      component,
      alert: "GatewayDegraded",
      over: answers("1x20 0x120", "1x120"),
      below: answers("1x20 0x6 1x120", "1x120"),
      from: BREAKS,
      summary: `${component}: ${all - 1} of ${all} answers are usable`,
    },
    {
      component,
      alert: "GatewaySlow",
      over: { [at("probe_duration_seconds", 1)]: "1.1x120" },
      below: { [at("probe_duration_seconds", 1)]: "0.9x120" },
      from: 0,
      summary: `${component}: an answer takes 1.1s on average, handshake included`,
    },
    expiry(
      "SSLCertificateExpiring",
      urgent,
      duration(urgent - 65),
      `${component}: a certificate ends in LEFT`,
    ),
    expiry(
      "CertificateNotRenewed",
      late,
      duration(late - 605),
      `${component}: a certificate that ends in LEFT was not renewed`,
    ),
  ];
}

/** As Prometheus writes it. */
function duration(seconds: number): string {
  const parts = [
    Math.floor(seconds / DAY),
    ...[HOUR, 60, 1].map((of, i) => {
      const whole = [DAY, HOUR, 60][i]!;
      return Math.floor((seconds % whole) / of);
    }),
  ];
  const first = parts.findIndex((part) => part > 0);
  return parts
    .map((part, i) => `${part}${"dhms"[i]}`)
    .slice(first)
    .join(" ");
}

const accepts = (instance: number): string =>
  `probe_success${of("db-pool", `workload="db-pool",instance="10.0.0.${instance}:6432"`)}`;

const pool: AlertCase[] = [
  {
    component: "db-pool",
    alert: "PoolDown",
    over: { [accepts(1)]: "1x20 0x120", [accepts(2)]: "1x20 stale" },
    below: { [accepts(1)]: "1x20 0x120", [accepts(2)]: "1x120" },
    from: BREAKS,
    summary: "db-pool: no instance of the pool accepts connections",
  },
  {
    component: "db-pool",
    alert: "PoolDegraded",
    over: { [accepts(1)]: "1x20 0x120", [accepts(2)]: "1x120" },
    below: { [accepts(1)]: "1x20 0x6 1x120", [accepts(2)]: "1x120" },
    from: BREAKS,
    summary: "db-pool: 1 of 2 instances accept connections",
  },
];

const waiting = `db_pool_connections${of("api", 'state="waiting"')}`;
const transaction = `pg_stat_activity_max_tx_duration${of("db", 'state="active"')}`;

export const cases: readonly AlertCase[] = [
  {
    component: "api",
    alert: "APIDown",
    over: {
      [up("api", "api", "10.0.0.1:8000")]: "1x20 0x120",
      // Gone from discovery: no series at all.
      [up("api", "api", "10.0.0.2:8000")]: "1x20 stale",
    },
    below: {
      [up("api", "api", "10.0.0.1:8000")]: "1x20 0x120",
      [up("api", "api", "10.0.0.2:8000")]: "1x120",
    },
    from: BREAKS,
    summary: "api: no instance answers",
  },
  {
    component: "api",
    alert: "HighErrorRate",
    over: traffic(141, 9),
    below: traffic(142.65, 7.35),
    from: 15,
    summary: "api: 6% of the requests fail, the limit is 5 %",
  },
  {
    component: "api",
    alert: "ModerateErrorRate",
    over: traffic(148.35, 1.65),
    below: traffic(148.65, 1.35),
    from: 15,
    summary: "api: 1.1% of the requests fail, the limit is 1 %",
  },
  {
    component: "api",
    alert: "HighLatency",
    over: durations({ "0.5": 141, "1": 150 }),
    below: durations({ "0.3": 100, "0.5": 143, "1": 150 }),
    from: 15,
    summary: "api: one request in twenty takes 583.3ms or more, the limit is 500 ms",
  },
  {
    component: "api",
    alert: "SlowAPIResponse",
    over: durations({ "0.2": 141, "0.3": 150 }),
    below: durations({ "0.1": 100, "0.2": 143, "0.3": 150 }),
    from: 15,
    summary: "api: one request in twenty takes 216.7ms or more, the limit is 200 ms",
  },
  {
    component: "api",
    alert: "InstancesMissing",
    over: addresses(2, "1x20 0x120"),
    below: addresses(2, "1x20 0x6 1x120"),
    from: BREAKS,
    summary: "api: 1 of 2 instances answer",
  },
  {
    component: "api",
    alert: "ContainerRestarting",
    over: addresses(11, "_x21 1x120"),
    below: addresses(10, "_x21 1x120"),
    from: BREAKS,
    summary: "api: 11 starts in 15 minutes",
  },
  {
    component: "api",
    alert: "ScaledToMaximum",
    over: addresses(4, "_x21 1x120"),
    below: addresses(3, "_x21 1x120"),
    from: BREAKS,
    summary: "api: all of its 4 instances run, none can be added",
  },
  {
    component: "api",
    alert: "ConnectionPoolExhausted",
    over: { [waiting]: "0x20 3x120" },
    below: { [waiting]: "0x20 3x6 0x120" },
    from: BREAKS,
    summary: "api: 3 requests wait for a database connection",
  },
  flag("db", "DatabaseDown", "pg_up", "db: PostgreSQL lets nobody in"),
  exporter("db", "db-metrics"),
  {
    component: "db",
    alert: "DatabaseConnectionsHigh",
    over: {
      [`pg_stat_activity_count${of("db", 'state="active"')}`]: "20x20 21x120",
      [`pg_stat_activity_count${of("db", 'state="idle"')}`]: "60x120",
      [`pg_settings_max_connections${of("db")}`]: "100x120",
    },
    below: {
      [`pg_stat_activity_count${of("db", 'state="active"')}`]: "20x120",
      [`pg_stat_activity_count${of("db", 'state="idle"')}`]: "60x120",
      [`pg_settings_max_connections${of("db")}`]: "100x120",
    },
    from: BREAKS,
    summary: "db: 81% of the connections are in use, the limit is 80 %",
  },
  {
    component: "db",
    alert: "DatabaseDeadlocks",
    over: { [`pg_stat_database_deadlocks${of("db", 'datname="shop"')}`]: "3x20 4x120" },
    below: { [`pg_stat_database_deadlocks${of("db", 'datname="shop"')}`]: "3x120" },
    from: BREAKS,
    summary: "db: 1 deadlocks in the last five minutes",
  },
  {
    component: "db",
    alert: "DatabaseLongTransaction",
    over: { [transaction]: "300x20 301x120" },
    below: { [transaction]: "300x120" },
    from: BREAKS,
    summary: "db: a transaction has been open for 5m 1s",
  },
  {
    component: "db",
    alert: "DatabaseVolumeHigh",
    over: {
      [`pg_database_size_bytes${of("db", 'datname="shop"')}`]: `1x20 ${0.81 * 20 * 2 ** 30}x120`,
    },
    below: {
      [`pg_database_size_bytes${of("db", 'datname="shop"')}`]: `${0.79 * 20 * 2 ** 30}x120`,
    },
    from: BREAKS,
    summary: "db: its databases fill 81% of the declared volume",
  },
  restarts("db", "pg_postmaster_start_time_seconds"),
  ...redis("sessions"),
  ...redis("pages"),
  {
    component: "sessions",
    alert: "RedisMemoryHigh",
    over: {
      [`redis_memory_used_bytes${of("sessions")}`]: "80x20 81x120",
      [`redis_memory_max_bytes${of("sessions")}`]: "100x120",
    },
    below: {
      [`redis_memory_used_bytes${of("sessions")}`]: "80x120",
      [`redis_memory_max_bytes${of("sessions")}`]: "100x120",
    },
    from: BREAKS,
    summary: "sessions: 81% of its memory is in use, the limit is 80 %",
  },
  {
    component: "pages",
    alert: "RedisEvicting",
    over: { [`redis_evicted_keys_total${of("pages")}`]: "0+16.5x120" },
    below: { [`redis_evicted_keys_total${of("pages")}`]: "0+14.5x120" },
    // The window of five minutes is full enough then.
    from: 275,
    summary: "pages: 1.1 keys a second are dropped",
  },
  flag(
    "documents",
    "MongoDown",
    "probe_success",
    "documents: MongoDB accepts no connection",
    'workload="documents"',
  ),
  ...pool,
  ...gateway("edge", ["shop.example.org"], { urgent: 7 * DAY, late: 21 * DAY }),
  // Of its own authority: 12 hours are granted, and renewed when four are left.
  ...gateway("counter", ["a.example.org", "b.example.org"], { urgent: HOUR, late: 2 * HOUR }),
  {
    system: "nodes",
    component: "machine",
    alert: "DiskSpaceLow",
    over: {
      [node("node_filesystem_avail_bytes", root)]: "10x20 9x120",
      [node("node_filesystem_size_bytes", root)]: "100x120",
    },
    below: {
      [node("node_filesystem_avail_bytes", root)]: "10x120",
      [node("node_filesystem_size_bytes", root)]: "100x120",
    },
    from: BREAKS,
    summary: "/ on 10.0.0.7:9100: 9% free, the limit is 10 %",
    labels: onRoot,
  },
  {
    system: "nodes",
    component: "machine",
    alert: "DiskFullSoon",
    over: {
      [node("node_filesystem_avail_bytes", root)]: "39-0.05x120",
      [node("node_filesystem_size_bytes", root)]: "100x120",
    },
    below: {
      [node("node_filesystem_avail_bytes", root)]: "39-0.03x120",
      [node("node_filesystem_size_bytes", root)]: "100x120",
    },
    from: 15,
    summary: "/ on 10.0.0.7:9100 is full within four hours, as it fills now",
    labels: onRoot,
  },
  {
    system: "nodes",
    component: "machine",
    alert: "HighMemoryUsage",
    over: {
      [node("node_memory_MemAvailable_bytes")]: "10x20 9x120",
      [node("node_memory_MemTotal_bytes")]: "100x120",
    },
    below: {
      [node("node_memory_MemAvailable_bytes")]: "10x120",
      [node("node_memory_MemTotal_bytes")]: "100x120",
    },
    from: BREAKS,
    summary: "91% of the memory on 10.0.0.7:9100 is in use, the limit is 90 %",
    labels: onMachine,
  },
  {
    system: "nodes",
    component: "machine",
    alert: "HighCPUUsage",
    over: { [node("node_cpu_seconds_total", `${machine},cpu="0",mode="idle"`)]: "0+1.35x120" },
    below: { [node("node_cpu_seconds_total", `${machine},cpu="0",mode="idle"`)]: "0+1.65x120" },
    from: 15,
    summary: "the processors on 10.0.0.7:9100 are 91% busy",
    labels: { instance: onMachine.instance },
  },
  {
    system: "nodes",
    component: "machine",
    alert: "OutOfMemoryKill",
    over: { [node("node_vmstat_oom_kill")]: "5x20 6x120" },
    below: { [node("node_vmstat_oom_kill")]: "5x120" },
    from: BREAKS,
    summary: "1 processes on 10.0.0.7:9100 were killed for their memory",
    labels: onMachine,
  },
  exporter("machine", "machine", "nodes"),
  {
    system: "observability",
    component: "prometheus",
    alert: "NotificationsFailing",
    over: { 'alertmanager_notifications_failed_total{integration="email"}': "2x20 3x120" },
    below: { 'alertmanager_notifications_failed_total{integration="email"}': "2x120" },
    from: BREAKS,
    summary: "1 messages by email could not be handed over in five minutes",
    labels: { integration: "email" },
  },
  {
    system: "observability",
    component: "prometheus",
    alert: "RulesFailing",
    over: { 'prometheus_rule_evaluation_failures_total{rule_group="shop/db"}': "0x20 1x120" },
    below: { 'prometheus_rule_evaluation_failures_total{rule_group="shop/db"}': "0x120" },
    from: BREAKS,
    summary: "rules of shop/db cannot be evaluated",
    labels: { rule_group: "shop/db" },
  },
  {
    system: "observability",
    component: "prometheus",
    alert: "AlertmanagerUnreachable",
    over: { prometheus_notifications_alertmanagers_discovered: "1x20 0x120" },
    below: { prometheus_notifications_alertmanagers_discovered: "1x20 0x6 1x120" },
    from: BREAKS,
    summary: "Prometheus finds no Alertmanager",
  },
];
