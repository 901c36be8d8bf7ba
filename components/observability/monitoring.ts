import { stringify } from "yaml";
import { OBSERVER } from "../../model/observability";
import type { SecretSource, SystemModel } from "../../model/system";
import { bytes, type Duration, seconds, type Size } from "../../model/units";
import { alertOn } from "../alerts";
import { type ExternalArgs, hostOf, sendsTo } from "../external";
import { checkOn } from "../health";
import type { ResourceArgs } from "../service";
import { Component, type Description, type Placement } from "../system";
import { monitoringAlerts } from "./alerts";
import { alertmanagerChecks, prometheusChecks } from "./health-checks";
import { runs } from "./program";
import { alertmanagerConfig, type Receivers } from "./routes";
import { ruleFile } from "./rules";
import { blackboxConfig, prometheusConfig } from "./targets";

export const PORTS = { prometheus: 9090, alertmanager: 9093, blackbox: 9115 } as const;

const text = (config: unknown): string => stringify(config, { lineWidth: 0 });

/** Asks every gateway and every store without an exporter of its own, as a client would. */
export class Blackbox extends Component {
  constructor(placement: Placement) {
    super("Blackbox", OBSERVER.probes, placement);
  }

  override describe(to: Description): void {
    to.component(this);
    const { name } = this;
    to.files.push({ name: `${name}-config`, component: name, content: text(blackboxConfig()) });
    to.workloads.push(
      runs(to, this, {
        name: "blackbox-exporter",
        args: ["--config.file=/etc/atalaya/blackbox.yml"],
        port: PORTS.blackbox,
        live: "/-/healthy",
        files: [{ file: `${name}-config`, path: "/etc/atalaya/blackbox.yml" }],
        resources: {
          cpu: { reserve: 0.01, limit: 0.25 },
          memory: { reserve: "16 MiB", limit: "64 MiB" },
        },
      }),
    );
    to.scrape({ component: name, workload: name, port: PORTS.blackbox, path: "/metrics" });
  }
}

export interface AlertmanagerArgs {
  readonly systems: readonly SystemModel[];
  readonly mail?: Omit<NonNullable<Receivers["mail"]>, "passwordFile">;
  readonly mailPassword?: SecretSource;
  /** With the address of an incoming webhook. */
  readonly slack?: { readonly channel: string; readonly url?: SecretSource };
  readonly heartbeat?: string;
}

/** Tells people: by mail, in Slack, and a dead man's switch. Credentials are files (GG-06). */
export class Alertmanager extends Component {
  constructor(
    readonly args: AlertmanagerArgs,
    placement: Placement,
  ) {
    super("Alertmanager", "alertmanager", placement);
    const { mail, slack, heartbeat } = args;
    const out: readonly ExternalArgs[] = [
      ...(mail === undefined ? [] : [mail]),
      ...(slack === undefined ? [] : [{ host: "hooks.slack.com", port: 443 }]),
      ...(heartbeat === undefined ? [] : [hostOf(heartbeat)]),
    ];
    out.forEach(({ host, port }, i) => sendsTo(this, `notify-${i + 1}`, { host, port }));
  }

  override describe(to: Description): void {
    to.component(this);
    const { name, args } = this;
    if (args.slack !== undefined && args.slack.url === undefined) {
      to.problem(
        this,
        "slack",
        "has a channel and no address of a webhook",
        "pulumi config set --secret --path observability.secrets.slackUrl <address>",
      );
    }
    const secrets = Object.entries({
      "mail-password": args.mailPassword,
      "slack-url": args.slack?.url,
    }).flatMap(([file, source]) =>
      source === undefined ? [] : [{ secret: `${name}-${file}`, file, source }],
    );
    for (const { secret, source } of secrets) {
      to.secrets.push({ name: secret, component: name, source });
    }
    const config = alertmanagerConfig(args.systems, {
      ...(args.mail === undefined
        ? {}
        : {
            mail: {
              ...args.mail,
              ...(args.mailPassword === undefined
                ? {}
                : { passwordFile: "/run/secrets/mail-password" }),
            },
          }),
      ...(args.slack === undefined
        ? {}
        : { slack: { channel: args.slack.channel, urlFile: "/run/secrets/slack-url" } }),
      ...(args.heartbeat === undefined ? {} : { heartbeat: args.heartbeat }),
    });
    to.files.push({ name: `${name}-config`, component: name, content: text(config) });
    // Silences, and what was told already: without them a restart tells everything again.
    to.volumes.push({
      name: `${name}-data`,
      component: name,
      size: bytes("256 MiB"),
      access: "exclusive",
      protect: false,
    });
    const { startAfter } = to.consume(name);
    to.workloads.push(
      runs(to, this, {
        name: "alertmanager",
        args: [
          "--config.file=/etc/atalaya/alertmanager.yml",
          "--storage.path=/data",
          `--web.listen-address=:${PORTS.alertmanager}`,
          // One instance: nobody to talk to.
          "--cluster.listen-address=",
        ],
        port: PORTS.alertmanager,
        live: "/-/healthy",
        ready: "/-/ready",
        secrets: secrets.map(({ secret, file }) => ({ secret, file })),
        files: [{ file: `${name}-config`, path: "/etc/atalaya/alertmanager.yml" }],
        volumes: [{ volume: `${name}-data`, path: "/data" }],
        resources: {
          cpu: { reserve: 0.01, limit: 0.5 },
          memory: { reserve: "32 MiB", limit: "128 MiB" },
        },
        startAfter,
      }),
    );
    to.scrape({ component: name, workload: name, port: PORTS.alertmanager, path: "/metrics" });
    checkOn(to, this, alertmanagerChecks, { workload: name, instances: 1 });
  }
}

export interface PrometheusArgs {
  /** Systems that are watched, as they have described themselves. */
  readonly systems: readonly SystemModel[];
  /** A name whose addresses are all instances of a workload, as the platform gives it. */
  readonly address: (system: string, workload: string) => string;
  /** How a workload's containers are called on their node, as the platform names them. */
  readonly containers: (system: string, workload: string) => string;
  /** Between two questions for metrics. @default "15 s" */
  readonly interval?: Duration;
  /** How long they are kept. @default "15 d" */
  readonly retention?: Duration;
  /** Size of its volume, of which four fifths are used. @default "10 GiB" */
  readonly storage?: Size;
  /** @default 0.1 to 1 core, 192 MiB to 768 MiB */
  readonly resources?: ResourceArgs;
  /** Address of the page of alerts, for links in messages. */
  readonly runbook: string;
}

/** Collects metrics of all systems and evaluates their alerts (GG-06, GG-07). Described last: it collects. */
export class Prometheus extends Component {
  constructor(
    readonly args: PrometheusArgs,
    placement: Placement,
  ) {
    super("Prometheus", OBSERVER.metrics, placement);
  }

  override describe(to: Description): void {
    to.component(this);
    const { name, args } = this;
    const volume = `${name}-data`;
    to.volumes.push({
      name: volume,
      component: name,
      size: to.check(this, "storage", () => bytes(args.storage ?? "10 GiB"), 0),
      access: "exclusive",
      protect: false,
    });
    alertOn(to, this, monitoringAlerts, {});
    checkOn(to, this, prometheusChecks, { workload: name, instances: 1 });
    to.scrape({ component: name, workload: name, port: PORTS.prometheus, path: "/metrics" });
    for (const way of args.systems.flatMap(({ ways }) => ways)) {
      if (way.from.system === to.system.name) to.way(way);
    }
    // What was described before is its own system.
    const systems = [...args.systems, to.model()];
    const ruled = systems.filter(({ alerts }) => alerts.length > 0);
    for (const system of ruled) {
      to.files.push({
        name: `rules-${system.name}`,
        component: name,
        content: text(ruleFile(system, args.runbook)),
      });
    }
    const rules = ruled.map((system) => ({
      file: `rules-${system.name}`,
      path: `/etc/atalaya/rules-${system.name}.yml`,
    }));
    const config = prometheusConfig({
      systems,
      address: args.address,
      containers: args.containers,
      interval: to.check(this, "interval", () => seconds(args.interval ?? "15 s"), 15),
      ruleFiles: rules.map(({ path }) => path),
      ...{ alertmanager: PORTS.alertmanager, blackbox: PORTS.blackbox },
    });
    to.files.push({ name: `${name}-config`, component: name, content: text(config) });
    const retention = to.check(this, "retention", () => seconds(args.retention ?? "15 d"), 0);
    const size = to.check(this, "storage", () => bytes(args.storage ?? "10 GiB"), 0);
    const { startAfter } = to.consume(name);
    to.workloads.push(
      runs(to, this, {
        name: "prometheus",
        args: [
          "--config.file=/etc/atalaya/prometheus.yml",
          "--storage.tsdb.path=/data",
          `--storage.tsdb.retention.time=${retention}s`,
          `--storage.tsdb.retention.size=${Math.floor((size * 0.8) / 2 ** 20)}MB`,
          `--web.listen-address=:${PORTS.prometheus}`,
        ],
        port: PORTS.prometheus,
        live: "/-/healthy",
        ready: "/-/ready",
        files: [{ file: `${name}-config`, path: "/etc/atalaya/prometheus.yml" }, ...rules],
        volumes: [{ volume, path: "/data" }],
        resources: args.resources ?? {
          cpu: { reserve: 0.1, limit: 1 },
          memory: { reserve: "192 MiB", limit: "768 MiB" },
        },
        startAfter,
      }),
    );
  }
}
