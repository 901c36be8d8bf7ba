import { stringify } from "yaml";
import { OBSERVER } from "../../model/observability";
import type { SecretSource, SystemModel } from "../../model/system";
import { bytes, type Duration, seconds, type Size } from "../../model/units";
import { alertOn } from "../alerts";
import { type ExternalArgs, sendsTo } from "../external";
import { checkOn } from "../health";
import type { ResourceArgs } from "../service";
import { Component, type Description, type Placement } from "../system";
import { monitoringAlerts, probesAlerts } from "./alerts";
import { gather, type GatheringArgs } from "./gathering";
import { recentOutages } from "./rules";
import { alertmanagerChecks, prometheusChecks } from "./health-checks";
import { runs } from "./program";
import { alertmanagerConfig, type Receivers } from "./routes";
import { blackboxConfig, prometheusConfig } from "./targets";

export const PORTS = { prometheus: 9090, alertmanager: 9093, blackbox: 9115 } as const;

const text = (config: unknown): string => stringify(config, { lineWidth: 0 });

/** Asks every gateway and every store without an exporter of its own, as a client would. */
export class Blackbox extends Component {
  /** @param args.systems those that were described before: whom it asks */
  constructor(
    readonly args: { readonly systems: readonly SystemModel[] },
    placement: Placement,
  ) {
    super("Blackbox", OBSERVER.probes, placement);
  }

  override describe(to: Description): void {
    to.component(this);
    const { name } = this;
    const content = text(blackboxConfig(this.args.systems));
    to.files.push({ name: `${name}-config`, component: name, content });
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
    alertOn(to, this, probesAlerts, { workload: name });
  }
}

export interface AlertmanagerArgs {
  /** Systems whose alerts it gets, beside its own: who is told of which, and what silences what, follows from them. */
  readonly systems: readonly SystemModel[];
  /** Between two questions for metrics. @default "15 s" */
  readonly interval?: Duration;
  /** Who is told by mail. @default nobody */
  readonly mail?: Omit<NonNullable<Receivers["mail"]>, "passwordFile">;
  /** Of the account that mail is sent from. @default it needs none */
  readonly mailPassword?: SecretSource;
  /** A channel, and the address of an incoming webhook: neither does without the other. @default nobody is told there */
  readonly slack?: {
    readonly channel?: string | undefined;
    readonly url?: SecretSource | undefined;
  };
  /** Told once a minute that alerts get through: where it is, and the whole address. @default nobody */
  readonly heartbeat?: {
    readonly to?: ExternalArgs | undefined;
    readonly url?: SecretSource | undefined;
  };
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
      ...(slack?.channel === undefined ? [] : [{ host: "hooks.slack.com", port: 443 }]),
      ...(heartbeat?.to === undefined ? [] : [heartbeat.to]),
    ];
    out.forEach(({ host, port }, i) => sendsTo(this, `notify-${i + 1}`, { host, port }));
  }

  override describe(to: Description): void {
    to.component(this);
    const { name, args } = this;
    this.checkHalves(to);
    this.checkPeople(to);
    const secrets = Object.entries({
      "mail-password": args.mailPassword,
      "slack-url": args.slack?.url,
      "heartbeat-url": args.heartbeat?.url,
    }).flatMap(([file, source]) =>
      source === undefined ? [] : [{ secret: `${name}-${file}`, file, source }],
    );
    for (const { secret, source } of secrets) {
      to.secrets.push({ name: secret, component: name, source });
    }
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

  /** Who watches comes after it, and is in trouble like anybody else. */
  override conclude(to: Description): void {
    const { name, args } = this;
    const interval = to.check(this, "interval", () => seconds(args.interval ?? "15 s"), 15);
    const receivers: Receivers = {
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
      ...(args.slack?.channel === undefined
        ? {}
        : { slack: { channel: args.slack.channel, urlFile: "/run/secrets/slack-url" } }),
      ...(args.heartbeat?.to === undefined
        ? {}
        : { heartbeat: { urlFile: "/run/secrets/heartbeat-url" } }),
    };
    const config = alertmanagerConfig([...args.systems, to.model()], receivers, interval);
    to.files.push({ name: `${name}-config`, component: name, content: text(config) });
  }

  /** What is nothing without its other half: each message would fail, or nobody would use what somebody has set. */
  private checkHalves(to: Description): void {
    const { mail, mailPassword, slack, heartbeat } = this.args;
    /** A half, and what to say where it is alone. */
    type Half = readonly [value: unknown, message: string, fix: string];
    const check = (property: string, ...[one, other]: readonly [Half, Half]): void => {
      if ((one[0] === undefined) === (other[0] === undefined)) return;
      const [, message, fix] = one[0] === undefined ? other : one;
      to.problem(this, property, message, fix);
    };
    const set = "pulumi config set --path observability";
    const seal = "pulumi config set --secret --path observability.secrets";
    const rm = "or pulumi config rm --path observability.secrets";
    check(
      "mail",
      [mail?.user, "has a user and no password", `${seal}.mailPassword <password>`],
      [
        mailPassword,
        "has a password and no user: nobody uses it",
        `${set}.mail.user <account>, ${rm}.mailPassword`,
      ],
    );
    check(
      "slack",
      [slack?.channel, "has a channel and no address of a webhook", `${seal}.slackUrl <address>`],
      [
        slack?.url,
        "has the address of a webhook and no channel: nobody is told there",
        `${set}.slackChannel '#alerts', ${rm}.slackUrl`,
      ],
    );
    check(
      "heartbeat",
      [heartbeat?.to, "has a host and no address", `${seal}.heartbeatUrl <address>`],
      [
        heartbeat?.url,
        "has an address and no host: nobody is told",
        `${set}.heartbeat <its host>, ${rm}.heartbeatUrl`,
      ],
    );
  }

  /** People of a system that is not there would never be told of theirs. */
  private checkPeople(to: Description): void {
    const systems = [...this.args.systems.map(({ name }) => name), to.system.name];
    const told = Object.keys(this.args.mail?.bySystem ?? {});
    for (const system of told.filter((one) => !systems.includes(one))) {
      to.problem(
        this,
        `mail.bySystem.${system}`,
        "is no system of this stack",
        `there are ${systems.join(", ")}`,
      );
    }
  }
}

export interface PrometheusArgs extends GatheringArgs {
  /** How long metrics are kept. @default "15 d" */
  readonly retention?: Duration;
  /** Size of its volume, of which four fifths are used. @default "10 GiB" */
  readonly storage?: Size;
  /** @default 0.1 to 1 core, 192 MiB to 768 MiB */
  readonly resources?: ResourceArgs;
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
    const size = to.check(this, "storage", () => bytes(args.storage ?? "10 GiB"), 0);
    to.volumes.push({
      name: volume,
      component: name,
      size,
      access: "exclusive",
      protect: false,
    });
    alertOn(to, this, monitoringAlerts, {});
    checkOn(to, this, prometheusChecks, { workload: name, instances: 1 });
    to.scrape({ component: name, workload: name, port: PORTS.prometheus, path: "/metrics" });
    const { systems, interval, rules } = gather(to, this, args);
    for (const { system, groups: own } of rules) {
      const model = systems.find(({ name: of }) => of === system)!;
      const groups = [...own, ...recentOutages(model, interval)];
      to.files.push({ name: `rules-${system}`, component: name, content: text({ groups }) });
    }
    const ruleFiles = rules.map(({ system }) => ({
      file: `rules-${system}`,
      path: `/etc/atalaya/rules-${system}.yml`,
    }));
    const config = prometheusConfig({
      systems,
      address: args.address,
      containers: args.containers,
      interval,
      ruleFiles: ruleFiles.map(({ path }) => path),
      alertmanager: PORTS.alertmanager,
      blackbox: PORTS.blackbox,
    });
    to.files.push({ name: `${name}-config`, component: name, content: text(config) });
    const retention = to.check(this, "retention", () => seconds(args.retention ?? "15 d"), 0);
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
        files: [{ file: `${name}-config`, path: "/etc/atalaya/prometheus.yml" }, ...ruleFiles],
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
