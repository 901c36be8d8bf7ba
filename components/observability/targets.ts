import {
  type EndpointProbe,
  OBSERVER,
  OPENS,
  type Relabeling,
  type Target,
  USABLE,
} from "../../model/observability";
import type { SystemModel } from "../../model/system";

/** Whom Prometheus watches, and how the platform calls them. */
export interface WatchedSystems {
  /** As they have described themselves. */
  readonly systems: readonly SystemModel[];
  /** A name whose addresses are all instances of a workload. */
  readonly address: (system: string, workload: string) => string;
  /** How a workload's containers are called on their node. */
  readonly containers: (system: string, workload: string) => string;
}

/** Whom Prometheus asks. */
export interface TargetArgs extends WatchedSystems {
  /** Port of who asks as a client would. */
  readonly blackbox: number;
}

/** And how often, and whom it tells. */
export interface PrometheusConfigArgs extends TargetArgs {
  /** Seconds. */
  readonly interval: number;
  readonly ruleFiles: readonly string[];
  /** Port of Alertmanager. */
  readonly alertmanager: number;
}

/** Seconds between two looks at which instances there are, and between two evaluations of the rules. */
export const LOOK = 5;

/** Seconds that an answer may take. */
export const timeoutOf = (interval: number): number => Math.min(10, interval);

type Json = Record<string, unknown>;

/** prometheus.yml. */
export function prometheusConfig(args: PrometheusConfigArgs): Json {
  const { interval } = args;
  const found = (system: string, workload: string, port: number): Json => ({
    names: [args.address(system, workload)],
    type: "A",
    port,
    refresh_interval: `${LOOK}s`,
  });
  return {
    global: {
      scrape_interval: `${interval}s`,
      scrape_timeout: `${timeoutOf(interval)}s`,
      evaluation_interval: `${LOOK}s`,
    },
    rule_files: args.ruleFiles,
    alerting: {
      alertmanagers: [
        { dns_sd_configs: [found(OBSERVER.system, "alertmanager", args.alertmanager)] },
      ],
    },
    scrape_configs: targetsOf(args).map((target) => ({
      job_name: target.name,
      metrics_path: target.path,
      // Of a service that does not say what it answers with; else Prometheus would take it for one that is down.
      fallback_scrape_protocol: "PrometheusText0.0.4",
      ...(target.params === undefined ? {} : { params: target.params }),
      dns_sd_configs: [found(target.system, target.workload, target.port)],
      relabel_configs: target.relabel,
      ...(target.relabelMetrics === undefined
        ? {}
        : { metric_relabel_configs: target.relabelMetrics }),
    })),
  };
}

/** Everybody who shows metrics, and everybody who is asked as a client would. */
export function targetsOf(args: TargetArgs): Target[] {
  const label = (name: string, value: string): Relabeling => ({
    target_label: name,
    replacement: value,
  });
  const about = (system: string, of: { component: string; workload: string }): Relabeling[] => [
    label("system", system),
    label("component", of.component),
    label("workload", of.workload),
  ];
  return args.systems.flatMap(({ name: system, scrapes, probes }) => [
    ...scrapes.map((scrape, i) => ({
      // A name is a target's alone; a workload may show metrics at two ports.
      name: scrapes.slice(0, i).some(({ workload }) => workload === scrape.workload)
        ? `${system}/${scrape.workload}/${scrape.port}`
        : `${system}/${scrape.workload}`,
      ...{ system, workload: scrape.workload, port: scrape.port, path: scrape.path },
      relabel: about(system, scrape),
      ...(scrape.names === true ? { relabelMetrics: named(args) } : {}),
    })),
    ...probes.map((probe) => ({
      name: `${system}/${probe.workload}/${wordsOf(probe)}`,
      ...{ system, workload: probe.workload, port: probe.port, path: "/probe" },
      params: {
        module: [moduleOf(probe)],
        ...(probe.ask.kind === "https" ? { hostname: [probe.ask.host] } : {}),
      },
      relabel: [
        ...about(system, probe),
        label("probe", probe.ask.kind),
        { source_labels: ["__address__"], target_label: "instance" },
        ...(probe.ask.kind === "tcp" ? [] : [label("host", probe.ask.host)]),
        ...(probe.ask.kind === "websocket" ? [label("path", probe.ask.path)] : []),
        {
          source_labels: ["__address__"],
          target_label: "__param_target",
          replacement: probe.ask.kind === "https" ? `https://$1${probe.ask.path}` : "$1",
        },
        label("__address__", `${args.address(OBSERVER.system, OBSERVER.probes)}:${args.blackbox}`),
      ],
    })),
  ]);
}

/**
 * What a node shows of containers, by the name that the platform gave them: of the stack's own, each with its system
 * and workload. Containers of others are nobody's here.
 */
function named({ systems, containers }: TargetArgs): Relabeling[] {
  const of = systems.map((system) => ({
    system: system.name,
    begin: quoted(containers(system.name, "")),
    // Who collects all this has said what it shows, and not yet that it runs.
    workloads: [
      ...new Set([
        ...system.workloads.map(({ name }) => name),
        ...system.scrapes.map(({ workload }) => workload),
        // A front is the platform's, which makes it later.
        ...system.probes.map(({ workload }) => workload),
      ]),
    ].join("|"),
  }));
  const every = of.map(({ begin, workloads }) => `${begin}(?:${workloads})`);
  return [
    { source_labels: ["name"], regex: ["", ...every].join("|"), action: "keep" as const },
    ...of.flatMap(({ system, begin, workloads }) =>
      (
        [
          ["system", system],
          ["component", "$1"],
          ["workload", "$1"],
        ] as const
      ).map(([target_label, replacement]) => ({
        ...{ source_labels: ["name"], regex: `${begin}(${workloads})` },
        ...{ target_label, replacement },
      })),
    ),
    { regex: "name", action: "labeldrop" as const },
  ];
}

/** As a regular expression that means itself. */
const quoted = (text: string): string => text.replace(/[.\\+*?^$()[\]{}|]/g, "\\$&");

/** What is asked for. */
const wordsOf = ({ ask }: EndpointProbe): string => {
  switch (ask.kind) {
    case "tcp":
      return ask.kind;
    case "websocket":
      return `${ask.host}${ask.path}`;
    case "certificate":
      return `${ask.kind} of ${ask.host}`;
    default:
      return ask.host;
  }
};

const moduleOf = (probe: EndpointProbe): string => {
  const { ask } = probe;
  switch (ask.kind) {
    case "tcp":
      return ask.kind;
    // What is sent is part of a module, and so is the name that is asked for: not every version takes it from a target.
    case "tls":
    case "websocket":
      return `${ask.kind} ${wordsOf(probe)}`;
    // A handshake has it.
    case "certificate":
      return `tls ${ask.host}`;
    case "https":
      return ask.verify ? "https" : "https-own-authority";
  }
};

/** Any sixteen bytes: nobody looks at what becomes of them. These look like no secret, which has no place in a file. */
const WEBSOCKET_KEY = Buffer.alloc(16).toString("base64");

/** Asks for a WebSocket and leaves: the HTTP prober would wait for the end of what it has opened. */
const opening = (host: string, path: string): Json[] => [
  {
    send: [
      `GET ${path} HTTP/1.1`,
      `Host: ${host}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      `Sec-WebSocket-Key: ${WEBSOCKET_KEY}`,
      // The line that ends it; the prober adds the other half of its end.
      "\r",
    ].join("\r\n"),
  },
  { expect: `^HTTP/1\\.1 (?:${OPENS.join("|")}) ` },
];

/**
 * Blackbox exporter's configuration.
 * @param systems whom it asks
 */
export function blackboxConfig(systems: readonly Pick<SystemModel, "probes">[]): Json {
  const https = (verify: boolean): Json => ({
    prober: "http",
    timeout: "5s",
    http: {
      valid_status_codes: USABLE,
      follow_redirects: false,
      fail_if_not_ssl: true,
      preferred_ip_protocol: "ip4",
      tls_config: { insecure_skip_verify: !verify },
    },
  });
  const tcp = (more: Json = {}): Json => ({
    prober: "tcp",
    timeout: "5s",
    tcp: { preferred_ip_protocol: "ip4", ...more },
  });
  const tls = (host: string, more: Json = {}): Json =>
    tcp({ tls: true, tls_config: { server_name: host, insecure_skip_verify: true }, ...more });
  return {
    modules: {
      tcp: tcp(),
      ...Object.fromEntries(
        systems
          .flatMap(({ probes }) => probes)
          .flatMap((probe) => {
            const { ask } = probe;
            if (ask.kind === "tls" || ask.kind === "certificate") {
              return [[moduleOf(probe), tls(ask.host)]];
            }
            if (ask.kind !== "websocket") return [];
            const query_response = opening(ask.host, ask.path);
            return [[moduleOf(probe), tls(ask.host, { query_response })]];
          }),
      ),
      https: https(true),
      "https-own-authority": https(false),
    },
  };
}
