import { z } from "zod";
import { Grafana } from "../components/observability/grafana/grafana";
import { HandedOver } from "../components/observability/collection";
import { Alertmanager, Blackbox, PORTS, Prometheus } from "../components/observability/monitoring";
import { SMTPS } from "../components/observability/routes";
import { in_, System } from "../components/system";
import { hostOf, isHostName, isPort } from "../model/names";
import { LOGS, OBSERVER } from "../model/observability";
import type { Problem } from "../model/problems";
import { isDuration, seconds } from "../model/units";
import type { SystemDefinition } from "./definition";
import { duration, hostName, port, size } from "./fields";

/** Seconds between two questions, at most: rates over two minutes want two answers, whichever is lost. */
const LONGEST = 30;

const schema = z.strictObject({
  /** Between two questions for metrics; the mode's when absent. */
  interval: duration()
    .refine(
      (text) => !isDuration(text) || seconds(text) <= LONGEST,
      `is more than ${LONGEST} s: rules look at two minutes, and one answer may be lost`,
    )
    .optional(),
  /** How long metrics are kept; the mode's when absent. */
  retention: duration().optional(),
  /** Size of their volume; the mode's when absent. */
  storage: size().optional(),
  /** Limit of Prometheus; the mode's when absent. */
  memory: size().optional(),
  /** Grafana with a dashboard a system, a service and a kind of component; the mode's when absent. */
  dashboards: z.boolean().optional(),
  /** Grafana's official image elsewhere: a mirror, a registry of one's own. */
  grafanaImage: z.string().min(1).optional(),
  /** Where the page of alerts is found, for the links in messages. */
  runbook: z.string().min(1).default("docs/alerts.md"),
  /** Who is told by mail. The password is the secret `mailPassword`. */
  mail: z
    .strictObject({
      host: hostName(),
      port: port().default(587),
      from: z.email(),
      to: z.email(),
      /** Others for single systems. */
      bySystem: z.record(z.string(), z.email()).default({}),
      user: z.string().min(1).optional(),
      /** `false` only where the mail host is next door. */
      tls: z.boolean().default(true),
    })
    .optional(),
  /** Channel in Slack; its webhook is the secret `slackUrl`. */
  slackChannel: z
    .string()
    .regex(/^#[\w-]+$/, 'is no channel: expected for example "#alerts"')
    .optional(),
  /**
   * Host that is told once a minute that alerts get through, with a port where that is not 443; it tells somebody when
   * that stays away. The whole address is the secret `heartbeatUrl`. `off`: nobody is told.
   */
  heartbeat: z
    .string()
    .refine((text) => {
      const [, host = "", at] = /^(.*?)(?::(\d{1,5}))?$/.exec(text)!;
      return isHostName(host) && (at === undefined || isPort(Number(at)));
    }, 'is neither a host nor off: expected for example "hc.example.org"; the whole address, which whoever knows it can call as well, is the secret heartbeatUrl')
    .optional(),
});

/** Where somebody is told, `host` or `host:port`. */
const heartbeatHost = ({ heartbeat }: z.infer<typeof schema>): string | undefined =>
  heartbeat === "off" ? undefined : heartbeat;

/** What a mode means here. About 7000 series of three systems take 150 MiB with two hours in memory. */
const MODES = {
  lean: {
    interval: "30 s",
    retention: "3 d",
    storage: "2 GiB",
    memory: "384 MiB",
    dashboards: false,
  },
  full: {
    interval: "15 s",
    retention: "15 d",
    storage: "10 GiB",
    memory: "768 MiB",
    dashboards: true,
  },
} as const;

/** Of our own Prometheus, Alertmanager and Grafana: of no use where the cluster's own have their place. */
const OURS = [
  ...["retention", "storage", "memory", "dashboards", "grafanaImage"],
  ...["mail", "slackChannel", "heartbeat"],
] as const satisfies readonly (keyof z.infer<typeof schema>)[];

/** Prometheus, Alertmanager, Grafana and probes for all systems of a stack (FV-07, GG-06, GG-07). */
export const observability: SystemDefinition<z.infer<typeof schema>> = {
  name: OBSERVER.system,
  watches: true,
  schema,
  secrets: {
    mailPassword: { about: "the mail account that alerts are sent from", generate: "never" },
    slackUrl: {
      about: "an incoming webhook of Slack (FV-07)",
      ...{ minLength: 20, address: {}, generate: "never" },
    },
    heartbeatUrl: {
      about: "an address that tells you when it is not called for some minutes",
      address: { at: heartbeatHost },
      generate: "never",
    },
  },

  check(config, profile, handedOver) {
    if (handedOver) {
      const off = [undefined, false, "off"] as const;
      return OURS.filter((key) => !off.some((word) => config[key] === word)).map((path) => ({
        path,
        message:
          "is of the stack's own Prometheus, Alertmanager and Grafana, which do not run where the cluster's operator collects (kubernetes.prometheusOperator)",
        fix: `pulumi config rm --path observability.${path}, and set it there`,
      }));
    }
    if (config.mail?.tls === false && config.mail.port === SMTPS) {
      return [
        {
          path: "mail.tls",
          message: `is false, and at port ${SMTPS} everything is TLS`,
          fix: "pulumi config rm --path observability.mail.tls, or the port at which the mail host goes without: pulumi config set --path observability.mail.port 25",
        },
      ];
    }
    if (profile === "dev" || config.mail !== undefined || config.slackChannel !== undefined) {
      return [];
    }
    return [
      {
        path: "mail",
        message: "is missing: nobody would hear of an alert",
        fix: "pulumi config set --path observability.mail.host smtp.example.org, likewise mail.from and mail.to; or pulumi config set monitoring off",
      },
    ];
  },

  advise(config, profile, handedOver) {
    if (profile === "dev") return [];
    const notices: Problem[] = [];
    if (!/^https?:\/\//.test(config.runbook)) {
      notices.push({
        path: "runbook",
        message: `is ${config.runbook}, no address: no message can lead whoever it wakes to what to do`,
        fix: "pulumi config set --path observability.runbook https://<where your copy of docs/alerts.md is read>",
      });
    }
    if (!handedOver && config.heartbeat === undefined) {
      notices.push({
        path: "heartbeat",
        message:
          "is not set: when all that watches is gone, with its machine or its network, nobody hears of it",
        fix: "of an address that tells you when it is not called for some minutes, pulumi config set --path observability.heartbeat <its host>, and pulumi config set --secret --path observability.secrets.heartbeatUrl <all of it>; or the word off for the host, to go without",
      });
    }
    return notices;
  },

  build(config, context) {
    const { secret, watched } = context;
    if (watched === undefined) throw new Error("there is nothing to watch");
    const { systems, address, containers } = watched;
    const mode = MODES[watched.mode];
    const system = new System(OBSERVER.system, { ...context, observed: true });
    const mailPassword = secret("mailPassword");
    const { mail, slackChannel, runbook, grafanaImage } = config;
    const heartbeat = heartbeatHost(config);
    const interval = config.interval ?? mode.interval;
    new Blackbox({ systems }, in_(system));
    if (context.handedOver) {
      new HandedOver({ systems, address, containers, interval, runbook }, in_(system));
      return system;
    }
    new Alertmanager(
      {
        ...{ systems, interval },
        ...(mail === undefined ? {} : { mail }),
        ...(mailPassword === undefined ? {} : { mailPassword }),
        slack: { channel: slackChannel, url: secret("slackUrl") },
        // Whoever says off may keep the address for later.
        ...(config.heartbeat === "off"
          ? {}
          : {
              heartbeat: {
                to: heartbeat === undefined ? undefined : hostOf(`https://${heartbeat}`),
                url: secret("heartbeatUrl"),
              },
            }),
      },
      in_(system),
    );
    if (config.dashboards ?? mode.dashboards) {
      new Grafana(
        {
          ...{ systems, interval, runbook, prometheus: PORTS.prometheus },
          ...(context.logged ? { logs: address(LOGS.system, LOGS.store) } : {}),
          ...(grafanaImage === undefined ? {} : { image: grafanaImage }),
        },
        in_(system),
      );
    }
    // Last: it collects what the others have said of themselves.
    new Prometheus(
      {
        systems,
        address,
        containers,
        interval,
        retention: config.retention ?? mode.retention,
        storage: config.storage ?? mode.storage,
        resources: {
          cpu: { reserve: 0.1, limit: 1 },
          memory: { reserve: "128 MiB", limit: config.memory ?? mode.memory },
        },
        runbook,
      },
      in_(system),
    );
    return system;
  },
};
