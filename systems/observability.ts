import { z } from "zod";
import { Alertmanager, Blackbox, Prometheus } from "../components/observability/monitoring";
import { in_, System } from "../components/system";
import { OBSERVER } from "../model/observability";
import type { SystemDefinition } from "./definition";
import { duration, hostName, port, size } from "./fields";

const schema = z.strictObject({
  /** Between two questions for metrics; the mode's when absent. */
  interval: duration().optional(),
  /** How long metrics are kept; the mode's when absent. */
  retention: duration().optional(),
  /** Size of their volume; the mode's when absent. */
  storage: size().optional(),
  /** Limit of Prometheus; the mode's when absent. */
  memory: size().optional(),
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
  /** Told once a minute that alerts get through; it tells somebody when that stays away. */
  heartbeat: z.url({ protocol: /^https?$/ }).optional(),
});

/** What a mode means here. About 7000 series of three systems take 150 MiB with two hours in memory. */
const MODES = {
  lean: { interval: "30 s", retention: "3 d", storage: "2 GiB", memory: "384 MiB" },
  full: { interval: "15 s", retention: "15 d", storage: "10 GiB", memory: "768 MiB" },
} as const;

/** Prometheus, Alertmanager and probes for all systems of a stack (FV-07, GG-06, GG-07). */
export const observability: SystemDefinition<z.infer<typeof schema>> = {
  name: OBSERVER.system,
  watches: true,
  schema,
  secrets: {
    mailPassword: { about: "the mail account that alerts are sent from", generate: "never" },
    slackUrl: { about: "an incoming webhook of Slack (FV-07)", minLength: 20, generate: "never" },
  },

  check(config, profile) {
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

  build(config, context) {
    const { secret, watched } = context;
    if (watched === undefined) throw new Error("there is nothing to watch");
    const { systems, address } = watched;
    const mode = MODES[watched.mode];
    const system = new System(OBSERVER.system, { ...context, observed: true });
    const mailPassword = secret("mailPassword");
    const slackUrl = secret("slackUrl");
    const { mail, slackChannel, heartbeat } = config;
    new Blackbox(in_(system));
    new Alertmanager(
      {
        systems,
        ...(mail === undefined ? {} : { mail }),
        ...(mail === undefined || mailPassword === undefined ? {} : { mailPassword }),
        ...(slackChannel === undefined
          ? {}
          : {
              slack: {
                channel: slackChannel,
                ...(slackUrl === undefined ? {} : { url: slackUrl }),
              },
            }),
        ...(heartbeat === undefined ? {} : { heartbeat }),
      },
      in_(system),
    );
    // Last: it collects what the others have said of themselves.
    new Prometheus(
      {
        systems,
        address,
        interval: config.interval ?? mode.interval,
        retention: config.retention ?? mode.retention,
        storage: config.storage ?? mode.storage,
        resources: {
          cpu: { reserve: 0.1, limit: 1 },
          memory: { reserve: "128 MiB", limit: config.memory ?? mode.memory },
        },
        runbook: config.runbook,
      },
      in_(system),
    );
    return system;
  },
};
