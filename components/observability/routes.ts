import { runnables, type SystemModel } from "../../model/system";
import type { Alert } from "../../model/observability";
import { seconds } from "../../model/units";
import { HEALTH_INTERVAL } from "../health";
import { RECENT_OUTAGE, SILENCE, silenceAfter } from "./rules";

/** Who is told, and how. */
export interface Receivers {
  readonly mail?: {
    readonly host: string;
    readonly port: number;
    readonly from: string;
    readonly to: string;
    /** Others for single systems, by the system's name. */
    readonly bySystem: Readonly<Record<string, string>>;
    /** Whether the mail host has to speak TLS; at port 465 it always does. */
    readonly tls: boolean;
    readonly user?: string | undefined;
    /** Path in the container. */
    readonly passwordFile?: string;
  };
  readonly slack?: { readonly channel: string; readonly urlFile: string };
  /** Told once a minute that alerts get through. */
  readonly heartbeat?: { readonly urlFile: string };
}

type Json = Record<string, unknown>;

/** Here TLS comes first, and Alertmanager knows it by the number: STARTTLS is not offered inside of it. */
export const SMTPS = 465;

/** How long until the first message of a group, and until the next one where something was added. */
const WAITS = {
  critical: { group_wait: "5s", group_interval: "30s" },
  warning: { group_wait: "1m", group_interval: "5m" },
} as const;

const SUBJECT =
  '[{{ .Status }}{{ if eq .Status "firing" }}, {{ .CommonLabels.severity }}{{ end }}] {{ .GroupLabels.system }} {{ .GroupLabels.component }}: {{ range $i, $a := .Alerts }}{{ if $i }}, {{ end }}{{ $a.Labels.alertname }}{{ end }}';

const BODY = `{{ range .Alerts }}{{ .Labels.alertname }} ({{ .Status }}, {{ .Labels.severity }})
{{ .Annotations.summary }}
{{ .Annotations.description }}
What to do: {{ .Annotations.runbook_url }}
Since: {{ .StartsAt.UTC.Format "2006-01-02 15:04:05 UTC" }}{{ if eq .Status "resolved" }}, until {{ .EndsAt.UTC.Format "15:04:05" }}{{ end }}

{{ end }}`;

/**
 * alertmanager.yml: by severity and system, one message for what belongs together.
 * @param interval seconds between two questions for metrics
 */
export function alertmanagerConfig(
  systems: readonly SystemModel[],
  to: Receivers,
  interval?: number,
): Json {
  const { mail, slack, heartbeat } = to;
  const receiver = (name: string, address?: string): Json => ({
    name,
    ...(mail === undefined
      ? {}
      : {
          email_configs: [
            {
              to: address ?? mail.to,
              send_resolved: true,
              headers: { Subject: SUBJECT },
              text: BODY,
              html: "",
            },
          ],
        }),
    ...(slack === undefined
      ? {}
      : {
          slack_configs: [
            {
              channel: slack.channel,
              api_url_file: slack.urlFile,
              send_resolved: true,
              title: SUBJECT,
              text: BODY,
            },
          ],
        }),
  });
  const own = Object.entries(mail?.bySystem ?? {});
  return {
    ...(mail === undefined
      ? {}
      : {
          global: {
            smtp_smarthost: `${mail.host}:${mail.port}`,
            smtp_from: mail.from,
            smtp_hello: "atalaya",
            smtp_require_tls: mail.tls && mail.port !== SMTPS,
            ...(mail.user === undefined ? {} : { smtp_auth_username: mail.user }),
            ...(mail.passwordFile === undefined
              ? {}
              : { smtp_auth_password_file: mail.passwordFile }),
          },
        }),
    route: {
      receiver: "everybody",
      group_by: ["system", "component", "severity"],
      repeat_interval: "4h",
      ...WAITS.warning,
      routes: [
        { matchers: [`alertname="${RECENT_OUTAGE}"`], receiver: "nobody" },
        {
          matchers: ['severity="none"'],
          receiver: heartbeat === undefined ? "nobody" : "heartbeat",
          group_wait: "0s",
          // Once a minute: with a minute for both, each second time comes a moment too early to count.
          group_interval: "30s",
          repeat_interval: "50s",
        },
        ...(["critical", "warning"] as const).map((severity) => ({
          matchers: [`severity="${severity}"`],
          receiver: "everybody",
          ...WAITS[severity],
          ...(own.length === 0
            ? {}
            : {
                routes: own.map(([system]) => ({
                  matchers: [`system="${system}"`],
                  receiver: `people of ${system}`,
                })),
              }),
        })),
      ],
    },
    inhibit_rules: [...within(systems), ...outages(systems, interval)],
    receivers: [
      receiver("everybody"),
      { name: "nobody" },
      ...own.map(([system, address]) => receiver(`people of ${system}`, address)),
      ...(heartbeat === undefined
        ? []
        : [
            {
              name: "heartbeat",
              webhook_configs: [{ url_file: heartbeat.urlFile, send_resolved: false }],
            },
          ]),
    ],
  };
}

/** Seconds between two records of a health check. */
const RECORDED = seconds(HEALTH_INTERVAL);

const oneOf = (names: Iterable<string>): string => [...new Set(names)].sort().join("|");

/** What says less than another alert about the same thing is silent while that one fires. */
function within(systems: readonly SystemModel[]): Json[] {
  const stronger = new Map<string, { names: Set<string>; whole: boolean }>();
  for (const { name, within: names, whole } of systems.flatMap(({ alerts }) => alerts)) {
    if (names.length === 0) continue;
    const known = stronger.get(name) ?? { names: new Set(), whole };
    names.forEach((each) => known.names.add(each));
    stronger.set(name, known);
  }
  return [...stronger].map(([weaker, { names, whole }]) => ({
    source_matchers: [`alertname=~"${oneOf(names)}"`],
    target_matchers: [`alertname="${weaker}"`],
    // A label that neither has is the same in both.
    equal: [
      "system",
      "component",
      ...(whole ? [] : ["instance", "mountpoint", "repository", "host"]),
    ],
  }));
}

/**
 * A component that is out silences the symptoms of whoever reaches it by links, directly or not; where two need each
 * other neither silences the other: both would be silent. So it does for as long after its end as each of them may
 * still see it, and no longer: what is new then is told. So long its own slow warnings and health checks are silent
 * as well, which say the same later; that it is back and answers with errors is told.
 */
function outages(systems: readonly SystemModel[], interval?: number): Json[] {
  return systems.flatMap((model) => {
    const needs = dependencies(model);
    return model.components.flatMap(({ name }) => {
      const outage = model.alerts.filter((a) => a.component === name && a.outage);
      if (outage.length === 0) return [];
      const reaches = (from: string): boolean => needs.get(from)?.has(name) === true;
      const silenced = model.alerts.filter(
        ({ component, symptom, behind }) =>
          symptom &&
          component !== name &&
          (behind?.some((of) => of === name || reaches(of)) ?? reaches(component)) &&
          needs.get(name)?.has(component) !== true,
      );
      const names = new Set(outage.map((a) => a.name));
      const own = model.alerts.filter(
        ({ component, within: stronger, looksBack }) =>
          component === name && looksBack >= RECORDED && stronger.some((each) => names.has(each)),
      );
      const of = (alertname: string, ...more: string[]): string[] => [
        alertname,
        ...more,
        `system="${model.name}"`,
        `component="${name}"`,
      ];
      const rule = (source: readonly string[], targets: readonly Alert[]): Json[] =>
        [...alike(targets)].map(([alertnames, components]) => ({
          source_matchers: [...source],
          target_matchers: [
            `alertname=~"${alertnames}"`,
            `system="${model.name}"`,
            `component=~"${oneOf(components)}"`,
          ],
        }));
      const afterwards = (targets: readonly Alert[]): Json[] =>
        [...new Set(targets.map((alert) => silenceAfter(alert, interval)))].flatMap((silence) =>
          rule(
            of(`alertname="${RECENT_OUTAGE}"`, `${SILENCE}="${silence}s"`),
            targets.filter((alert) => silenceAfter(alert, interval) === silence),
          ),
        );
      return [
        ...rule(of(`alertname=~"${oneOf(names)}"`), silenced),
        ...afterwards(silenced),
        ...afterwards(own),
      ];
    });
  });
}

/** The components that have the same of some alerts, by these: a rule's names hold for each of its components. */
function alike(alerts: readonly Alert[]): ReadonlyMap<string, ReadonlySet<string>> {
  const components = new Map<string, Set<string>>();
  for (const { component } of alerts) {
    const names = oneOf(alerts.filter((a) => a.component === component).map((a) => a.name));
    components.set(names, (components.get(names) ?? new Set()).add(component));
  }
  return components;
}

/** By component: all that it needs, through its links and those of what they lead to. */
function dependencies(model: SystemModel): ReadonlyMap<string, ReadonlySet<string>> {
  const componentOf = new Map(runnables(model).map(({ name, component }) => [name, component]));
  const direct = new Map<string, Set<string>>();
  for (const { consumer, provider } of model.links) {
    const from = componentOf.get(consumer) ?? consumer;
    direct.set(from, (direct.get(from) ?? new Set()).add(provider));
  }
  return new Map(
    [...direct.keys()].map((component) => {
      const all = new Set<string>();
      const visit = (of: string): void => {
        for (const next of direct.get(of) ?? []) {
          if (all.has(next)) continue;
          all.add(next);
          visit(next);
        }
      };
      visit(component);
      return [component, all] as const;
    }),
  );
}
