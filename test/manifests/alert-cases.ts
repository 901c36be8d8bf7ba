type Values = Readonly<Record<string, string>>;

/**
 * For every alert: series that are just over its limit, and series that are just not. Samples are 15 s apart;
 * `1x20 0x120` is 1 at 0 s … 300 s and 0 from 315 s on.
 */
export interface AlertCase {
  readonly system?: string;
  readonly component: string;
  readonly alert: string;
  /** By series: its values. Several where it fires, or stays silent, for several reasons. */
  readonly over: Values | readonly Values[];
  readonly below: Values | readonly Values[];
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

/** Who asks from outside, and that it asks this. */
const BLACKBOX = up("blackbox", "blackbox", "10.0.0.9:9115", "observability");

/**
 * Answers to questions from outside, by the labels of each beside its component's. Nobody asks an instance that is gone
 * from discovery.
 */
const probes = (
  component: string,
  answers: Readonly<Record<string, string>>,
): Record<string, string> => ({
  [BLACKBOX]: "1x140",
  ...Object.fromEntries(
    Object.entries(answers).flatMap(([labels, values]) => [
      [`probe_success${of(component, labels)}`, values],
      [`up${of(component, labels)}`, values.includes("stale") ? values : "1x140"],
    ]),
  ),
});

/** The same from 315 s on, when nobody asks: no answer, good or bad. */
const unasked = (component: string, asked: readonly string[]): Record<string, string> => ({
  // Its own metrics are asked for last.
  [BLACKBOX]: "1x21 0x120",
  ...Object.fromEntries(
    asked.flatMap((labels) => [
      [`probe_success${of(component, labels)}`, "1x20 stale"],
      [`up${of(component, labels)}`, "1x20 0x120"],
    ]),
  ),
});

const traffic = (good: number, bad: number): Record<string, string> => ({
  [`http_requests_total${of("api", 'status="200"')}`]: `0+${good}x120`,
  [`http_requests_total${of("api", 'status="503"')}`]: `0+${bad}x120`,
});

/** So many requests every 15 s, of which so many took no longer than each of the limits in seconds. */
const durations = (
  within: Readonly<Record<string, number>>,
  requests = 150,
): Record<string, string> => ({
  [`http_requests_total${of("api", 'status="200"')}`]: `0+${requests}x120`,
  ...Object.fromEntries(
    Object.entries({ ...within, "+Inf": requests }).map(([le, count]) => [
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

/** Too few, in 15 s, for a part of them to say anything: one failure is no outage. */
const HARDLY_ANY = 1;

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

/** What answers at a port of an observer on each of two nodes; the second one's values. */
const onNodes = (workload: string, second: string, port = 1): Record<string, string> =>
  Object.fromEntries(
    ["1x160", second].map((values, i) => [
      `up${of(workload, `workload="${workload}",job="nodes/${workload}/${port}",instance="10.0.0.${i + 7}:${port}"`, "nodes")}`,
      values,
    ]),
  );

/** An observer that is away on one of two nodes, on which another one is there. */
const unobserved = (component: string, other: string): AlertCase => ({
  system: "nodes",
  component,
  alert: "NodeUnobserved",
  over: [
    { ...onNodes(other, "1x160"), ...onNodes(component, "1x20 0x140") },
    // It is no longer found at all, at either of its ports.
    {
      ...onNodes(other, "1x160"),
      ...onNodes(component, "1x20 stale"),
      ...onNodes(component, "1x20 stale", 2),
    },
  ],
  below: [
    // The whole node is away; it is away for less than five minutes.
    { ...onNodes(other, "1x20 stale"), ...onNodes(component, "1x20 0x140") },
    { ...onNodes(other, "1x160"), ...onNodes(component, "1x20 0x18 1x120") },
    // Two ports of one are not two nodes; nor is one more of another, while that is replaced.
    { ...onNodes(component, "1x160"), ...onNodes(component, "1x160", 2) },
    { ...onNodes(other, "_x20 1x18 stale"), ...onNodes(component, "_x160") },
  ],
  from: BREAKS,
  summary: `${component} does not answer on 1 of the nodes on which others do, and tells nothing of them`,
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

/** By the seconds since a start: three of them, and two. */
const restarts = (component: string, uptime: string): AlertCase => ({
  component,
  alert: "ContainerRestarting",
  over: { [uptime]: "1000+15x20 5+15x4 5+15x4 5+15x120" },
  below: { [uptime]: "1000+15x20 5+15x4 5+15x120" },
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
  restarts(component, `redis_uptime_in_seconds${of(component)}`),
];

const mongo = (component: string): AlertCase[] => {
  const own = (series: string, more = ""): string => `mongodb_${series}${of(component, more)}`;
  const connections = (current: string): Record<string, string> => ({
    [own("ss_connections", 'conn_type="current"')]: current,
    [own("ss_connections", 'conn_type="available"')]: "200x120",
    // Part of the current ones, and not of the sum.
    [own("ss_connections", 'conn_type="active"')]: "900x120",
  });
  /** Ten reads in 15 s, which take so many microseconds together; the others are slow, and not asked for. */
  const reads = (latency: string): Record<string, string> => ({
    [own("ss_opLatencies_latency", 'op_type="reads"')]: latency,
    [own("ss_opLatencies_ops", 'op_type="reads"')]: "0+10x120",
    [own("ss_opLatencies_latency", 'op_type="writes"')]: "0+10000x120",
    [own("ss_opLatencies_ops", 'op_type="writes"')]: "0+10x120",
    [own("ss_opLatencies_latency", 'op_type="commands"')]: "0+10000000x120",
    [own("ss_opLatencies_ops", 'op_type="commands"')]: "0+10x120",
  });
  const cache = (what: string, bytes: string): Record<string, string> => ({
    [own(`ss_wt_cache_${what}`)]: bytes,
    [own("ss_wt_cache_maximum_bytes_configured")]: "1000x120",
  });
  /** The primary writes once a second; the last of two followers is so many milliseconds behind. */
  const members = (behind: string): Record<string, string> => ({
    [own("rs_members_optimeDate", 'member_idx="a",member_state="PRIMARY"')]: "1000000000000x120",
    [own("rs_members_optimeDate", 'member_idx="b",member_state="SECONDARY"')]: "1000000000000x120",
    [own("rs_members_optimeDate", 'member_idx="c",member_state="SECONDARY"')]: behind,
  });
  return [
    flag(component, "MongoDown", "mongodb_up", `${component}: MongoDB does not answer`),
    exporter(component, `${component}-metrics`),
    {
      component,
      alert: "MongoTakesNoWrites",
      over: { [own("rs_myState")]: "1x20 3x120" },
      // A recovery of 45 s.
      below: { [own("rs_myState")]: "1x20 3x3 1x120" },
      from: BREAKS,
      summary: `${component}: MongoDB answers, and takes no writes`,
    },
    {
      component,
      alert: "MongoReplicationLag",
      over: members("1000000000000x20 999999969000x120"),
      below: members("1000000000000x20 999999970000x120"),
      from: BREAKS,
      summary: `${component}: a member of the replica set is 31s behind`,
    },
    {
      component,
      alert: "MongoConnectionsHigh",
      over: connections("800x20 810x120"),
      below: connections("800x120"),
      from: BREAKS,
      summary: `${component}: 80.2% of the connections that it takes are in use, the limit is 80 %`,
    },
    {
      component,
      alert: "MongoSlow",
      over: reads("0+1010000x120"),
      below: reads("0+999000x120"),
      // Two samples make a rate.
      from: 15,
      summary: `${component}: reads take 101ms on average, the limit is 100 ms`,
      labels: { op_type: "reads" },
    },
    {
      component,
      alert: "MongoCacheFull",
      over: cache("bytes_currently_in_the_cache", "950x20 960x120"),
      below: cache("bytes_currently_in_the_cache", "950x120"),
      from: BREAKS,
      summary: `${component}: 96% of its cache is in use, the limit is 95 %`,
    },
    {
      component,
      alert: "MongoCacheDirty",
      over: cache("tracked_dirty_bytes_in_the_cache", "200x20 210x120"),
      below: cache("tracked_dirty_bytes_in_the_cache", "200x120"),
      from: BREAKS,
      summary: `${component}: 21% of its cache waits to be written to the disk, the limit is 20 %`,
    },
    {
      component,
      alert: "MongoCursorsTimedOut",
      // Ten between the first and the last of 20 values, 285 s, are 10.5 in 300 s.
      over: { [own("ss_metrics_cursor_timedOut")]: "7x20 17x120" },
      below: { [own("ss_metrics_cursor_timedOut")]: "7x20 16x120" },
      from: BREAKS,
      summary: `${component}: 11 cursors were left behind in five minutes, the limit is 10`,
    },
    restarts(component, own("ss_uptime")),
  ];
};

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
  const asked = [1, 2].flatMap((instance) =>
    hosts.map(
      (host) =>
        `workload="${component}",instance="10.0.0.${instance}:8443",host="${host}",probe="https"`,
    ),
  );
  const answers = (first: string, rest: string): Record<string, string> =>
    probes(
      component,
      Object.fromEntries(asked.map((labels, i) => [labels, i === 0 ? first : rest])),
    );
  const sockets = asked.map((labels) => labels.replace("https", "websocket") + ',path="/ws"');
  const opened = (first: string, rest: string): Record<string, string> =>
    probes(
      component,
      Object.fromEntries(sockets.map((labels, i) => [labels, i === 0 ? first : rest])),
    );
  /** How long the handshakes of all questions took: nothing where there was none. */
  const handshakes = (first: string, rest: string): Record<string, string> =>
    Object.fromEntries(
      asked.map((labels, i) => [
        `probe_http_duration_seconds${of(component, `${labels},phase="tls"`)}`,
        i === 0 ? first : rest,
      ]),
    );
  /** Of no use, all of them, and by these handshakes. */
  const useless = (first: string, rest: string): Record<string, string> => ({
    ...answers("1x20 0x120", rest.includes("stale") ? "1x20 stale" : "1x20 0x120"),
    ...handshakes(first, rest),
  });
  const took = (labels: string): string => `probe_duration_seconds${of(component, labels)}`;
  const front = `workload="${component}-front",instance="10.0.1.9:8443",host="${hosts[0]}",probe="tls"`;
  const all = 2 * hosts.length;
  // The instance that is behind counts, for each host.
  const expiry = (alert: string, limit: number, left: string, summary: string): AlertCase => ({
    component,
    alert,
    over: {
      [at("probe_ssl_earliest_cert_expiry", 1)]: `${limit + 300}x120`,
      [at("probe_ssl_earliest_cert_expiry", 2)]: `${limit + 9_000}x120`,
      [at("probe_ssl_earliest_cert_expiry", 1, "other.example.org")]: `${limit + 1_800}x120`,
    },
    below: { [at("probe_ssl_earliest_cert_expiry", 1)]: `${limit + 1_800}x120` },
    from: 305,
    summary: summary.replace("LEFT", left),
    labels: { host: hosts[0]! },
  });
  const { urgent, late } = certificate;
  return [
    {
      component,
      alert: "GatewayDown",
      // Gone from discovery: no series at all.
      over: useless("0.1x20 0x120", "0.1x20 stale"),
      below: [
        // Not one answer is usable, and one instance lets people in to get it.
        useless("0.1x140", "0.1x20 stale"),
        // All of them are new, and were not asked in time.
        useless("0.1x20 0x1 0.1x120", "0.1x20 0x1 0.1x120"),
        { ...unasked(component, asked), ...handshakes("0.1x20 stale", "0.1x20 stale") },
      ],
      from: BREAKS,
      summary: `${component}: no instance lets anybody in over HTTPS`,
    },
    {
      component,
      alert: "GatewayFailing",
      over: answers("1x20 0x120", "1x20 stale"),
      below: [answers("1x120", "1x20 0x120"), unasked(component, asked)],
      from: BREAKS,
      summary: `${component}: no answer over HTTPS is usable`,
    },
    {
      component,
      alert: "GatewayFrontDown",
      over: [
        probes(component, { [front]: "1x20 0x120" }),
        probes(component, { [front]: "1x20 stale", [asked[0]!]: "1x140" }),
      ],
      below: [
        // One question that stays without an answer.
        probes(component, { [front]: "1x20 0 1x120" }),
        // The gateway behind it says no, and lets people in.
        probes(component, { [front]: "1x140", [asked[0]!]: "1x20 0x120" }),
        unasked(component, [front]),
      ],
      from: BREAKS,
      summary: `${component}: nobody gets in, its front takes no connection`,
    },
    {
      component,
      alert: "GatewayDegraded",
      over: answers("1x20 0x120", "1x120"),
      below: [answers("1x20 0x6 1x120", "1x120"), unasked(component, asked)],
      from: BREAKS,
      summary: `${component}: ${all - 1} of ${all} answers are usable`,
    },
    {
      component,
      alert: "WebSocketsDown",
      over: opened("1x20 0x120", "1x120"),
      below: [opened("1x20 0x6 1x120", "1x120"), unasked(component, sockets)],
      from: BREAKS,
      summary: `${component}: ${all - 1} of ${all} WebSockets can be opened, each at every instance`,
    },
    {
      component,
      alert: "GatewaySlow",
      over: { [took(asked[0]!)]: "1.1x120" },
      // That of a WebSocket is no answer that somebody waits for.
      below: { [took(asked[0]!)]: "0.9x120", [took(sockets[0]!)]: "1.1x120" },
      from: 0,
      summary: `${component}: an answer takes 1.1s on average, handshake included`,
    },
    expiry(
      "SSLCertificateExpiring",
      urgent,
      duration(urgent - 65),
      `${component}: the certificate of ${hosts[0]} ends in LEFT`,
    ),
    expiry(
      "CertificateNotRenewed",
      late,
      duration(late - 605),
      `${component}: the certificate of ${hosts[0]} ends in LEFT, and was not renewed`,
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

const nginx = (series: string, instance = 1): string =>
  `${series}${of("counter", `workload="counter",instance="10.0.0.${instance}:8082"`)}`;

/** What Nginx counts: it has room for 4096 clients. */
const clients: AlertCase[] = [
  {
    component: "counter",
    alert: "GatewayConnectionsHigh",
    over: {
      [nginx("nginx_connections_active")]: "10x20 3318x120",
      [nginx("nginx_connections_active", 2)]: "10x140",
    },
    below: { [nginx("nginx_connections_active")]: "3276x140" },
    from: BREAKS,
    summary: "counter: 81.01% of the room for clients is taken, the limit is 80 %",
  },
  {
    component: "counter",
    alert: "GatewayConnectionsDropped",
    over: {
      [nginx("nginx_connections_accepted")]: "0+15x140",
      [nginx("nginx_connections_handled")]: "0+15x20 312+15x120",
    },
    below: {
      [nginx("nginx_connections_accepted")]: "0+15x140",
      [nginx("nginx_connections_handled")]: "0+15x140",
    },
    from: BREAKS,
    summary: "counter: 3 connections were dropped in five minutes, there was no room",
  },
];

/** Two instances of a service, as Prometheus names what a node shows of them. */
const contained = (series: string, instance = 1): string =>
  `${series}{system="shop",component="api",workload="api",id="${instance}",instance="10.0.0.7:9101"}`;
const ofApi = { system: "shop", component: "api", workload: "api" };
const observer = { system: "nodes", component: "containers", labels: ofApi };

const containers: AlertCase[] = [
  {
    ...observer,
    alert: "ContainerMemoryHigh",
    over: {
      [contained("container_memory_working_set_bytes")]: "10x20 91x140",
      [contained("container_memory_working_set_bytes", 2)]: "10x160",
      [contained("container_memory_total_active_file_bytes")]: "0x160",
      [contained("container_memory_total_active_file_bytes", 2)]: "0x160",
      [contained("container_spec_memory_limit_bytes")]: "100x160",
      [contained("container_spec_memory_limit_bytes", 2)]: "100x160",
    },
    // At the limit, when files are taken off, and for nine minutes and a half over it.
    below: {
      [contained("container_memory_working_set_bytes")]: "99x160",
      [contained("container_memory_working_set_bytes", 2)]: "10x20 91x38 10x100",
      [contained("container_memory_total_active_file_bytes")]: "9x160",
      [contained("container_memory_total_active_file_bytes", 2)]: "0x160",
      [contained("container_spec_memory_limit_bytes")]: "100x160",
      [contained("container_spec_memory_limit_bytes", 2)]: "100x160",
    },
    from: BREAKS,
    summary: "shop/api uses 91% of its memory, the limit is 90 %",
  },
  {
    ...observer,
    alert: "ContainerThrottled",
    over: {
      [contained("container_cpu_cfs_periods_total")]: "0+100x160",
      [contained("container_cpu_cfs_throttled_periods_total")]: "0+55x160",
    },
    below: {
      [contained("container_cpu_cfs_periods_total")]: "0+100x160",
      [contained("container_cpu_cfs_throttled_periods_total")]: "0+50x160",
    },
    from: 15,
    summary: "shop/api was held at its processors' limit in 55% of the periods, the limit is 50 %",
  },
  {
    ...observer,
    alert: "ContainerOutOfMemory",
    over: { [contained("container_oom_events_total")]: "2x20 3x120" },
    below: { [contained("container_oom_events_total")]: "2x140" },
    from: BREAKS,
    summary: "1 processes of shop/api were killed for their memory in five minutes",
  },
  {
    ...observer,
    alert: "WorkloadRestarting",
    over: { [contained("container_start_time_seconds")]: "1x20 2x4 3x4 4x120" },
    below: { [contained("container_start_time_seconds")]: "1x20 2x4 3x120" },
    from: 480,
    summary: "shop/api: 3 starts in 15 minutes",
  },
  exporter("containers", "containers", "nodes"),
  unobserved("containers", "machine"),
];

const accepts = (instance: number): string =>
  `workload="db-pool",instance="10.0.0.${instance}:6432",probe="tcp"`;
const accepting = (first: string, second: string): Record<string, string> =>
  probes("db-pool", { [accepts(1)]: first, [accepts(2)]: second });

const inPool = (series: string, instance: number, more = ""): string =>
  `${series}${of("db-pool", `workload="db-pool",instance="10.0.0.${instance}:9127"${more}`)}`;

const waits = (instance: number): string =>
  inPool("pgbouncer_pools_client_maxwait_seconds", instance, ',database="shop",user="shop_api_a"');

const pool: AlertCase[] = [
  {
    component: "db-pool",
    alert: "PoolDown",
    over: accepting("1x20 0x120", "1x20 stale"),
    below: [accepting("1x20 0x120", "1x120"), unasked("db-pool", [accepts(1), accepts(2)])],
    from: BREAKS,
    summary: "db-pool: no instance of the pool accepts connections",
  },
  {
    component: "db-pool",
    alert: "PoolDegraded",
    over: accepting("1x20 0x120", "1x120"),
    below: [accepting("1x20 0x6 1x120", "1x120"), unasked("db-pool", [accepts(1), accepts(2)])],
    from: BREAKS,
    summary: "db-pool: 1 of 2 instances accept connections",
  },
  {
    component: "db-pool",
    alert: "PoolClientsWaiting",
    over: { [waits(1)]: "0x20 1.5x120", [waits(2)]: "0x140" },
    // Just at the limit, and for 45 s over it.
    below: { [waits(1)]: "1x120", [waits(2)]: "0x20 1.5x3 0x120" },
    from: BREAKS,
    summary: "db-pool: shop_api_a waits 1.5s for a connection to shop",
    labels: { database: "shop", user: "shop_api_a" },
  },
  {
    component: "db-pool",
    alert: "PoolClientsHigh",
    over: {
      [inPool("pgbouncer_used_clients", 1)]: "100x20 1620x120",
      [inPool("pgbouncer_used_clients", 2)]: "100x140",
      [inPool("pgbouncer_config_max_client_connections", 1)]: "2000x140",
      [inPool("pgbouncer_config_max_client_connections", 2)]: "2000x140",
    },
    below: {
      [inPool("pgbouncer_used_clients", 1)]: "1600x140",
      [inPool("pgbouncer_config_max_client_connections", 1)]: "2000x140",
    },
    from: BREAKS,
    summary: "db-pool: 81% of the connections for clients are in use, the limit is 80 %",
  },
  exporter("db-pool", "db-pool"),
];

/** Those of backups, whatever their tool. */
const BACKUP_CHECKS = ["backup-repositories", "backup-age", "drill", "drill-age"];

/** Names of the checks of each component that Prometheus answers. */
const RECORDED: readonly (readonly [system: string, component: string, ...checks: string[]])[] = [
  ["shop", "api", "answering", "latency", "errors", "websockets"],
  ["shop", "db", "queries", "connections", "transactions", "size", "backup-wal", ...BACKUP_CHECKS],
  ["shop", "db-pool", "accepting", "waiting", "clients"],
  ["shop", "documents", "commands", "clients", ...BACKUP_CHECKS],
  ["shop", "sessions", "commands", "memory", "clients", "kept", ...BACKUP_CHECKS],
  ["shop", "pages", "commands", "evictions", "clients", "kept"],
  ["shop", "edge", "answers", "websockets", "duration", "certificates"],
  ["shop", "counter", "answers", "websockets", "duration", "certificates"],
  ["nodes", "machine", "observed", "disk", "memory", "cpu", "load"],
  ["nodes", "containers", "observed", "memory", "killed"],
  ["nodes", "log-agent", "reading", "waiting"],
  ["observability", "prometheus", "targets", "rules", "alertmanagers", "messages"],
];

/** Who prints, by system: the second service is there for its links. */
const LOGGED: readonly (readonly [system: string, component: string])[] = [
  ...[
    "db",
    "db-pool",
    "db-backup",
    "documents",
    "sessions",
    "pages",
    "api",
    "bot",
    "edge",
    "counter",
  ].map((component) => ["shop", component] as const),
  ...["documents-backup", "sessions-backup"].map((component) => ["shop", component] as const),
  ...["db-metrics", "documents-metrics", "sessions-metrics", "pages-metrics"].map(
    (component) => ["shop", component] as const,
  ),
  ["logs", "loki"],
  ["nodes", "machine"],
  ["nodes", "containers"],
  ["nodes", "log-agent"],
  ...["alertmanager", "grafana", "prometheus"].map(
    (component) => ["observability", component] as const,
  ),
];

/** Two nodes' agents count: 12 errors a minute together are too many, 10 are just not. */
function logErrors(system: string, component: string): AlertCase {
  const lines = (node: string, level: string): string =>
    `atalaya_log_lines_total${of("log-agent", `workload="log-agent",instance="${node}",exported_system="${system}",service="${component}",level="${level}"`, "nodes")}`;
  const others = { [lines("a", "info")]: "0+900x120", [lines("a", "warn")]: "0+900x120" };
  return {
    system,
    component,
    alert: "LogErrors",
    over: { ...others, [lines("a", "error")]: "0+2x120", [lines("b", "fatal")]: "0+1x120" },
    below: { ...others, [lines("a", "error")]: "0+2x120", [lines("b", "fatal")]: "0+0.5x120" },
    // Of five minutes so many have to be there before it is more than ten a minute.
    from: 250,
    summary: `${component}: 12 errors a minute in its log, the limit is 10`,
  };
}

/** Bytes of 100 that wait on a node. */
const queue = (instance: string, values: string): Record<string, string> => {
  const series = (name: string): string =>
    `otelcol_exporter_queue_${name}${of("log-agent", `workload="log-agent",instance="${instance}",data_type="logs",exporter="otlp_http"`, "nodes")}`;
  return { [series("size")]: values, [series("capacity")]: "100x120" };
};

const refused = `loki_discarded_samples_total${of("loki", 'reason="rate_limited",tenant="fake"', "logs")}`;

/** A value each five minutes, as they are recorded. */
const recorded = (...values: readonly number[]): string => values.join(" _x19 ");

function health(system: string, component: string, ...names: readonly string[]): AlertCase[] {
  const series = (check: string): string =>
    `atalaya_health${of(component, `check="${component}/${check}"`, system)}`;
  const [first, ...others] = names;
  const check = `${component}/${first}`;
  const value = `atalaya_health_value${of(component, `check="${check}"`, system)}`;
  const well = Object.fromEntries(others.map((name) => [series(name), recorded(0, 0, 0, 0, 0, 0)]));
  const turns = (alert: string, level: number, less: number, limit: string): AlertCase => ({
    system,
    component,
    alert,
    over: {
      ...well,
      [series(first!)]: recorded(0, level, level, level, level),
      [value]: recorded(0.5, 12.5, 12.5, 12.5, 12.5),
    },
    // Once is not enough; nor is what is less, again and again.
    below: {
      ...well,
      [series(first!)]: recorded(less, level, less, less, level, less, less),
      [value]: recorded(0.5, 12.5, 0.5, 0.5, 12.5, 0.5, 0.5),
    },
    from: 300,
    summary: `${component}: the health check ${check} says 12.5, which is beyond its ${limit}`,
    labels: { check },
  });
  return [
    turns("HealthCheckCritical", 2, 1, "critical limit"),
    turns("HealthCheckWarning", 1, 0, "limit"),
    {
      system,
      component,
      alert: "HealthCheckMissing",
      over: well,
      // Its first value comes just before somebody would be told.
      below: { ...well, [series(first!)]: `_x39 ${recorded(0, 0, 0, 0, 0)}` },
      from: 0,
      summary: `${component}: ${others.length} of ${names.length} health checks have a value`,
    },
  ];
}

/** Backups of a store, every four hours, whatever its tool (GG-07, PR-13). */
function backupCases(component: string): AlertCase[] {
  /** When the newest backup in a repository ended, in seconds since a test began, which is 1970. */
  const backedUp = (repository: string, type = "incr"): string =>
    `atalaya_backup_completed_timestamp_seconds${of(component, `repository="${repository}",type="${type}"`)}`;
  const read = (repository: string): string =>
    `atalaya_backup_repository_ok${of(component, `repository="${repository}"`)}`;
  const readable = read("offsite");
  const damaged = `atalaya_backup_errors${of(component, 'repository="offsite"')}`;
  const drilled = (repository: string): string =>
    `atalaya_restore_drill_ok${of(component, `repository="${repository}"`)}`;
  const passed = (repository: string): string =>
    `atalaya_restore_drill_passed_timestamp_seconds${of(component, `repository="${repository}"`)}`;
  return [
    {
      component,
      ...(component === "db"
        ? {
            alert: "BackupPagesDamaged",
            summary: "db: pages with wrong checksums in the newest backup in offsite",
          }
        : {
            alert: "BackupDamaged",
            summary: `${component}: the repository offsite is damaged`,
          }),
      over: { [damaged]: "0x20 1x120" },
      below: { [damaged]: "0x120" },
      from: BREAKS,
      labels: { repository: "offsite" },
    },
    {
      component,
      alert: "BackupFailed",
      // The repository that is behind counts, and of each the newest of all types. Evaluated every 5 s.
      over: [
        {
          [backedUp("offsite")]: "-17700x120",
          [backedUp("offsite", "full")]: "-90000x120",
          [backedUp("local")]: "0+15x120",
        },
        // One that cannot be read any more, as it was.
        {
          [backedUp("offsite")]: "-17700x5 stale",
          [readable]: "1x5 0x140",
          [backedUp("local")]: "0+15x120",
        },
      ],
      below: [
        {
          [backedUp("offsite")]: "-17985+15x120",
          [backedUp("offsite", "full")]: "-90000x120",
        },
        // One that the stack does not name any more; one that is there, and empty.
        {
          [backedUp("old")]: "-17000x5 stale",
          [backedUp("offsite")]: "-17000x5 stale",
          [readable]: "1x120",
          [backedUp("local")]: "0+15x120",
        },
      ],
      from: 305,
      summary: `${component}: a repository got its last backup 5h 0m 5s ago`,
    },
    {
      component,
      alert: "BackupTooOld",
      over: [
        { [backedUp("offsite")]: "-104100x120", [backedUp("local")]: "-200000x120" },
        // None can be read.
        {
          [backedUp("offsite")]: "-104100x5 stale",
          [backedUp("local")]: "-200000x5 stale",
          [readable]: "1x5 0x140",
          [read("local")]: "1x5 0x140",
        },
      ],
      below: [
        { [backedUp("offsite")]: "-200000x120", [backedUp("local")]: "-104385+15x120" },
        // None can be read, and one had a backup a day ago; none ever could.
        {
          [backedUp("offsite")]: "-200000x5 stale",
          [backedUp("local")]: "-102000x5 stale",
          [readable]: "1x5 0x140",
          [read("local")]: "1x5 0x140",
        },
        { [readable]: "0x140", [read("local")]: "0x140" },
      ],
      from: 305,
      summary: `${component}: no repository has a backup newer than 1d 5h 0m 5s`,
    },
    {
      component,
      alert: "BackupMissing",
      over: { [readable]: `1x${25 * 240 + 1}` },
      below: [
        { [readable]: `1x${26 * 240}`, [backedUp("offsite")]: `0x${26 * 240}` },
        // One that cannot be read may have some: BackupRepositoryAway tells of it.
        { [readable]: `0x${26 * 240}` },
      ],
      from: 0,
      summary: `${component}: 0 of 1 repositories have a backup`,
    },
    {
      component,
      alert: "BackupRepositoryAway",
      over: { [readable]: "1x20 0x120" },
      below: { [readable]: "1x20 0x20 1x120" },
      from: BREAKS,
      summary: `${component}: the repository offsite cannot be read`,
      labels: { repository: "offsite" },
    },
    {
      component,
      alert: "DrillFailed",
      over: { [drilled("offsite")]: "1x20 0x120", [drilled("local")]: "1x120" },
      below: { [drilled("offsite")]: "1x120", [drilled("local")]: "1x120" },
      from: BREAKS,
      summary: `${component}: the last restore that was tried from offsite failed`,
      labels: { repository: "offsite" },
    },
    {
      component,
      alert: "DrillTooOld",
      // Drilled daily; a day late is not told of, a second more is.
      over: { [passed("offsite")]: "-172500x120", [passed("local")]: "0x120" },
      below: { [passed("offsite")]: "-172785+15x120", [passed("local")]: "0x120" },
      from: 305,
      summary: `${component}: no restore from offsite has passed for 2d 0h 0m 5s`,
      labels: { repository: "offsite" },
    },
    {
      component,
      alert: "BackupServerDown",
      over: { [up(component, `${component}-backup`, "10.0.0.8:9854")]: "1x20 0x120" },
      below: { [up(component, `${component}-backup`, "10.0.0.8:9854")]: "1x20 0x6 1x120" },
      from: BREAKS,
      summary: `${component}: ${component}-backup does not answer`,
    },
  ];
}

const backups: AlertCase[] = [
  {
    component: "db",
    alert: "WalArchivingFailing",
    over: { [`pg_stat_archiver_failed_count${of("db")}`]: "3x20 4+1x120" },
    // One attempt that failed, and the next one got through.
    below: { [`pg_stat_archiver_failed_count${of("db")}`]: "3x20 4x120" },
    from: BREAKS,
    summary:
      "db: changes have not reached every repository for minutes (20 failed attempts in five minutes)",
  },
  {
    component: "db",
    alert: "WalArchivingSlow",
    // One goes out every 16 s, and what waits is older each time.
    over: {
      [`pg_wal_waiting_age_seconds${of("db")}`]: "30x20 301x120",
      [`pg_stat_archiver_last_archive_age${of("db")}`]: "16x140",
    },
    // Just at the limit; over it for less than two minutes.
    below: { [`pg_wal_waiting_age_seconds${of("db")}`]: "300x20 301x7 30x60" },
    from: BREAKS,
    summary: "db: changes have waited 5m 1s to reach every repository",
  },
  ...["db", "documents", "sessions"].flatMap(backupCases),
];

/** A container of the shop's, as who shows them says when it was started. */
const shown = (workload: string): string =>
  `container_start_time_seconds${of(workload, `workload="${workload}",id="1",instance="10.0.0.7:9101"`)}`;
/** Whether the database's exporter answers, and after how long; what it says of the database only then. */
const asking = (answers: string, seconds: string): Record<string, string> => ({
  [up("db", "db-metrics", "10.0.0.9:9187")]: answers,
  [up("db", "db-metrics", "10.0.0.9:9187").replace("up", "scrape_duration_seconds")]: seconds,
  [`pg_up${of("db")}`]: "1x17 stale",
});
/** Likewise, and when its container was started, by who shows containers: those of another machine all the time. */
const exporting = (answers: string, seconds: string, there = "7x140"): Record<string, string> => ({
  ...asking(answers, seconds),
  [shown("db-metrics")]: there,
  [shown("api")]: "7x140",
});
const waiting = `db_pool_connections${of("api", 'state="waiting"')}`;
/** Instances of a service without metrics, and whether who shows containers can be asked. */
const works = (instance: number): string =>
  `container_start_time_seconds${of("bot", `workload="bot",id="${instance}",instance="10.0.0.7:9101"`)}`;
const observed = (values: string): Record<string, string> => ({
  [up("containers", "containers", "10.0.0.7:9101", "nodes")]: values,
});
const dbStarted = `container_start_time_seconds${of("db", 'workload="db",id="1",instance="10.0.0.7:9101"')}`;
const transaction = `pg_stat_activity_max_tx_duration${of("db", 'state="active"')}`;

export const cases: readonly AlertCase[] = [
  ...RECORDED.flatMap((of) => health(...of)),
  {
    component: "api",
    alert: "APIDown",
    over: {
      [up("api", "api", "10.0.0.1:8000")]: "1x20 0x120",
      // Gone from discovery: no series at all.
      [up("api", "api", "10.0.0.2:8000")]: "1x20 stale",
    },
    below: [
      {
        [up("api", "api", "10.0.0.1:8000")]: "1x20 0x120",
        [up("api", "api", "10.0.0.2:8000")]: "1x120",
      },
      // Prometheus has just begun, and asks others first.
      { [up("api", "api", "10.0.0.1:8000")]: "_x3 1x140" },
    ],
    from: BREAKS,
    summary: "api: no instance is there",
  },
  {
    component: "api",
    alert: "HighErrorRate",
    over: traffic(141, 9),
    below: [traffic(142.65, 7.35), traffic(0, HARDLY_ANY)],
    from: 15,
    summary: "api: 6% of the requests fail, the limit is 5 %",
  },
  {
    component: "api",
    alert: "ModerateErrorRate",
    over: traffic(148.35, 1.65),
    below: [traffic(148.65, 1.35), traffic(0, HARDLY_ANY)],
    from: 15,
    summary: "api: 1.1% of the requests fail, the limit is 1 %",
  },
  {
    component: "api",
    alert: "HighLatency",
    over: durations({ "0.5": 141, "1": 150 }),
    below: [
      durations({ "0.3": 100, "0.5": 143, "1": 150 }),
      durations({ "0.5": 0, "1": HARDLY_ANY }, HARDLY_ANY),
    ],
    from: 15,
    summary: "api: one request in twenty takes 583.3ms or more, the limit is 500 ms",
  },
  {
    component: "api",
    alert: "SlowAPIResponse",
    over: durations({ "0.2": 141, "0.3": 150 }),
    below: [
      durations({ "0.1": 100, "0.2": 143, "0.3": 150 }),
      durations({ "0.2": 0, "0.3": HARDLY_ANY }, HARDLY_ANY),
    ],
    from: 15,
    summary: "api: one request in twenty takes 216.7ms or more, the limit is 200 ms",
  },
  {
    component: "api",
    alert: "InstancesMissing",
    over: addresses(2, "1x20 0x120"),
    below: addresses(2, "1x20 0x6 1x120"),
    from: BREAKS,
    summary: "api: 1 of 2 instances are there",
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
  {
    component: "bot",
    alert: "APIDown",
    over: { ...observed("1x160"), [works(1)]: "7x20 stale", [works(2)]: "7x20 stale" },
    below: [
      // One of them is left; both are gone for less than a minute; and nobody says what runs.
      { ...observed("1x60 0x40"), [works(1)]: "7x20 _x3 8x36 _x40", [works(2)]: "7x20" },
      // Both were on a node of two of which nobody shows any more what runs there.
      {
        ...onNodes("machine", "1x160"),
        ...onNodes("containers", "1x20 stale"),
        ...{ [works(1)]: "7x20 stale", [works(2)]: "7x20 stale" },
      },
    ],
    // A minute after it was last seen.
    from: 360,
    summary: "bot: no instance is there",
  },
  {
    component: "bot",
    alert: "InstancesMissing",
    over: { ...observed("1x160"), [works(1)]: "7x160", [works(2)]: "7x20 stale" },
    below: { ...observed("1x60 0x60"), [works(1)]: "7x60 _x60", [works(2)]: "7x20 _x10 8x29 _x60" },
    from: 360,
    summary: "bot: 1 of 2 instances are there",
  },
  {
    component: "db",
    alert: "DatabaseDown",
    over: [
      { [`pg_up${of("db")}`]: "1x20 0x120" },
      // A minute of questions that it keeps waiting.
      exporting("1x17 0x120", "0.1x17 10x120"),
      // Nobody shows any containers, or no longer.
      asking("1x17 0x120", "0.1x17 10x120"),
      { ...asking("1x17 0x120", "0.1x17 10x120"), [shown("api")]: "7x10 stale" },
      // For a moment nobody has shown this one.
      exporting("1x17 0x120", "0.1x17 10x120", "7x20 _ 7x120"),
    ],
    below: [
      { [`pg_up${of("db")}`]: "1x20 0 1x120" },
      exporting("1x20 0x3 1x120", "0.1x20 10x3 0.1x120"),
      // Nobody is there to be kept waiting: that is the exporter's.
      exporting("1x20 0x120", "0.1x20 0.01x120"),
      exporting("1x20 stale", "0.1x20 stale"),
      // Its machine is gone, in the same moment or up to 15 s later for who asks: so is what would show it there.
      ...["7x16 stale", "7x17 stale", "7x18 stale"].map((there) =>
        exporting("1x17 0x120", "0.1x17 10x120", there),
      ),
      exporting("1x17 0x120", "0.1x17 3x120", "7x17 stale"),
      // Another one has been made elsewhere, and was not asked yet.
      exporting("1x17 0x6 1x120", "0.1x17 10x6 0.1x120", "7x17 stale _x3 320x120"),
    ],
    from: BREAKS,
    summary: "db: PostgreSQL lets nobody in, or answers nobody",
  },
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
  {
    component: "db",
    alert: "ContainerRestarting",
    over: { [dbStarted]: "1x20 2x4 3x4 4x120" },
    below: { [dbStarted]: "1x20 2x4 3x120" },
    // Looked at every 30 s.
    from: 480,
    summary: "db: 3 starts in 15 minutes",
    labels: { workload: "db" },
  },
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
  ...mongo("documents"),
  ...pool,
  ...backups,
  ...gateway("edge", ["shop.example.org"], { urgent: 7 * DAY, late: 21 * DAY }),
  // Of its own authority: 12 hours are granted, and renewed when four are left.
  ...gateway("counter", ["a.example.org", "b.example.org"], { urgent: HOUR, late: 2 * HOUR }),
  ...clients,
  ...containers,
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
    // As slow that it lasts longer; as fast, with more than two fifths left.
    below: ["39-0.03x120", "47-0.05x120"].map((available) => ({
      [node("node_filesystem_avail_bytes", root)]: available,
      [node("node_filesystem_size_bytes", root)]: "100x120",
    })),
    from: 15,
    // 39 and 0.05 less every 15 s, ten minutes after it began to hold.
    summary: "/ on 10.0.0.7:9100: 36.95% free, and full within four hours as it fills now",
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
  {
    system: "nodes",
    component: "machine",
    alert: "NodeMissing",
    over: {
      [up("machine", "machine", "10.0.0.7:9100", "nodes")]: "1x140",
      [up("machine", "machine", "10.0.0.8:9100", "nodes")]: "1x20 stale _x120",
    },
    below: {
      [up("machine", "machine", "10.0.0.7:9100", "nodes")]: "1x140",
      // Away for less than five minutes.
      [up("machine", "machine", "10.0.0.8:9100", "nodes")]: "1x20 stale _x17 1x120",
    },
    from: BREAKS,
    summary: "missing nodes: 1, compared with the last day",
  },
  exporter("machine", "machine", "nodes"),
  unobserved("machine", "containers"),
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
    summary: "rules of shop/db could not be evaluated 1 times in five minutes",
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
  {
    system: "observability",
    component: "blackbox",
    alert: "ProbesDown",
    over: [
      { [BLACKBOX]: "1x20 0x120" },
      // It is there, and does not know what it is to ask.
      { [BLACKBOX]: "1x140", [`up${of("db-pool", accepts(1))}`]: "1x20 0x120" },
    ],
    below: [
      // Away for 105 s.
      { [BLACKBOX]: "1x20 0x6 1x120" },
      { [BLACKBOX]: "1x140", [`up${of("db-pool", accepts(1))}`]: "1x20 0x6 1x120" },
    ],
    from: BREAKS,
    summary: "blackbox does not ask: nobody would hear of a gateway or a pool that serves nobody",
  },
  {
    system: "observability",
    component: "grafana",
    alert: "GrafanaDown",
    over: { [up("grafana", "grafana", "10.0.0.9:1", "observability")]: "1x20 0x120" },
    // Away for 9 min 45 s.
    below: { [up("grafana", "grafana", "10.0.0.9:1", "observability")]: "1x20 0x38 1x120" },
    from: BREAKS,
    summary: "Grafana does not answer: nobody sees a dashboard",
  },
  ...LOGGED.map(([system, component]) => logErrors(system, component)),
  {
    system: "nodes",
    component: "log-agent",
    alert: "LogAgentDown",
    over: { [up("log-agent", "log-agent", "10.0.0.7:8888", "nodes")]: "1x20 0x120" },
    // Away for 4 min 45 s.
    below: { [up("log-agent", "log-agent", "10.0.0.7:8888", "nodes")]: "1x20 0x18 1x120" },
    from: BREAKS,
    summary: "no agent reads what containers print",
  },
  unobserved("log-agent", "machine"),
  {
    system: "nodes",
    component: "log-agent",
    alert: "LogsWaiting",
    over: { ...queue("10.0.0.7:8888", "0x20 51x120"), ...queue("10.0.0.8:8888", "0x120") },
    below: { ...queue("10.0.0.7:8888", "0x20 50x120"), ...queue("10.0.0.8:8888", "0x120") },
    from: BREAKS,
    summary: "51% of a node's room for lines that wait for Loki is taken",
  },
  {
    system: "logs",
    component: "loki",
    alert: "LogStoreDown",
    over: { [up("loki", "loki", "10.0.0.9:3100", "logs")]: "1x20 0x120" },
    below: { [up("loki", "loki", "10.0.0.9:3100", "logs")]: "1x20 0x18 1x120" },
    from: BREAKS,
    summary: "Loki does not answer: logs wait on the nodes, and nobody can search them",
  },
  {
    system: "logs",
    component: "loki",
    alert: "LogLinesRefused",
    // 0.5 in 15 s are 2 a minute; 0.25 are just 1.
    over: { [refused]: "0+0.5x120" },
    below: { [refused]: "0+0.25x120" },
    from: 155,
    summary: "Loki refuses 2 lines a minute: rate_limited",
    labels: { reason: "rate_limited" },
  },
];
