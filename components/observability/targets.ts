import type { EndpointProbe } from "../../model/observability";
import { OBSERVER } from "../../model/observability";
import type { SystemModel } from "../../model/system";

/** Whom Prometheus asks, how often, and whom it tells. */
export interface TargetArgs {
  readonly systems: readonly SystemModel[];
  /** A name whose addresses are all instances of a workload. */
  readonly address: (system: string, workload: string) => string;
  /** Seconds. */
  readonly interval: number;
  readonly ruleFiles: readonly string[];
  readonly ports: { readonly alertmanager: number; readonly blackbox: number };
}

/** Seconds between two looks at which instances there are, and between two evaluations of the rules. */
const LOOK = 5;

type Json = Record<string, unknown>;

/** prometheus.yml. */
export function prometheusConfig(args: TargetArgs): Json {
  const { address, interval, ports } = args;
  const found = (system: string, workload: string, port: number): Json => ({
    names: [address(system, workload)],
    type: "A",
    port,
    refresh_interval: `${LOOK}s`,
  });
  const label = (name: string, value: string): Json => ({ target_label: name, replacement: value });
  const about = (system: string, of: { component: string; workload: string }): Json[] => [
    label("system", system),
    label("component", of.component),
    label("workload", of.workload),
  ];
  return {
    global: {
      scrape_interval: `${interval}s`,
      scrape_timeout: `${Math.min(10, interval)}s`,
      evaluation_interval: `${LOOK}s`,
    },
    rule_files: args.ruleFiles,
    alerting: {
      alertmanagers: [
        { dns_sd_configs: [found(OBSERVER.system, "alertmanager", ports.alertmanager)] },
      ],
    },
    scrape_configs: args.systems.flatMap(({ name: system, scrapes, probes }) => [
      ...scrapes.map((scrape) => ({
        job_name: `${system}/${scrape.workload}`,
        metrics_path: scrape.path,
        dns_sd_configs: [found(system, scrape.workload, scrape.port)],
        relabel_configs: about(system, scrape),
      })),
      ...probes.map((probe) => ({
        job_name: `${system}/${probe.workload}/${probe.ask.kind === "tcp" ? "tcp" : probe.ask.host}`,
        metrics_path: "/probe",
        params: {
          module: [moduleOf(probe)],
          ...(probe.ask.kind === "https" ? { hostname: [probe.ask.host] } : {}),
        },
        dns_sd_configs: [found(system, probe.workload, probe.port)],
        relabel_configs: [
          ...about(system, probe),
          { source_labels: ["__address__"], target_label: "instance" },
          ...(probe.ask.kind === "https" ? [label("host", probe.ask.host)] : []),
          {
            source_labels: ["__address__"],
            target_label: "__param_target",
            replacement: probe.ask.kind === "https" ? `https://$1${probe.ask.path}` : "$1",
          },
          label("__address__", `${address(OBSERVER.system, OBSERVER.probes)}:${ports.blackbox}`),
        ],
      })),
    ]),
  };
}

const moduleOf = ({ ask }: EndpointProbe): string => {
  if (ask.kind === "tcp") return "tcp";
  return ask.verify ? "https" : "https-own-authority";
};

/**
 * What a gateway may say: anything but that it, or what is behind it, fails. A client that asks once in a
 * while learns no more from a 401 than from a 200.
 */
const USABLE = [200, 204, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 429];

/** Blackbox exporter's configuration. */
export function blackboxConfig(): Json {
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
  return {
    modules: {
      tcp: { prober: "tcp", timeout: "5s", tcp: { preferred_ip_protocol: "ip4" } },
      https: https(true),
      "https-own-authority": https(false),
    },
  };
}
