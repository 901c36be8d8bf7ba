/**
 * What components say of how they are watched, as plain data. Whoever observes collects it; nobody
 * writes a target, a rule or a route by hand.
 */

/** The one who collects: other systems of a stack let it in, at the ports that they name themselves. */
export const OBSERVER = {
  system: "observability",
  /** Reads metrics. */
  metrics: "prometheus",
  /** Asks as a client would. */
  probes: "blackbox",
} as const;

/** Who shows on each node what runs there, as nobody else can be asked for. */
export const CONTAINERS = { system: "nodes", workload: "containers" } as const;

/** Who keeps what containers print, and who brings it there from each node. */
export const LOGS = {
  system: "logs",
  store: "loki",
  port: 3100,
  agent: { system: "nodes", workload: "log-agent" },
} as const;

/** Where an engine keeps what containers print, on each node, and whose it is. */
export type LogFiles =
  | {
      /** Docker's json-file: one JSON object a line, with chosen labels of the container in `attrs`. */
      readonly format: "docker";
      readonly folder: string;
      /** Value of the label `atalaya.stack`: a node may run other stacks. */
      readonly stack: string;
    }
  | {
      /** The kubelet's: a folder a pod, `<namespace>_<pod>_<uid>/<container>/<n>.log`. */
      readonly format: "cri";
      readonly folder: string;
      readonly namespace: (system: string) => string;
    };

/** Metrics that a workload shows in the Prometheus text format. */
export interface Scrape {
  /** Whom they are about: the label `component`. */
  readonly component: string;
  /** Whose instances answer: the component's own, or an exporter. */
  readonly workload: string;
  readonly port: number;
  readonly path: string;
  /** Its series are of containers, by the label `name`: they get the labels of their own system. @default false */
  readonly names?: boolean;
}

/**
 * What a gateway may say to a question from outside: anything but that it, or what is behind it, fails. A
 * client that asks once in a while learns no more from a 401 than from a 200.
 */
export const USABLE: readonly number[] = [
  ...[200, 204, 301, 302, 303, 304, 307, 308],
  ...[400, 401, 403, 404, 405, 429],
];

/** What tells that a WebSocket can be opened: it was, or whoever asks for a login is there. */
export const OPENS: readonly number[] = [101, 401];

/** A question that every instance of a workload is asked from outside of it. */
export interface EndpointProbe {
  readonly component: string;
  readonly workload: string;
  /** The workload is the platform's front before the component. @default false */
  readonly front?: true;
  readonly port: number;
  readonly ask:
    | { readonly kind: "tcp" }
    /** A handshake, for that name, whoever vouches for the certificate. */
    | { readonly kind: "tls"; readonly host: string }
    /** The certificate for that name, whoever vouches for it: one that has ended has to be seen as well. */
    | { readonly kind: "certificate"; readonly host: string }
    /** A WebSocket over TLS, whoever vouches for the certificate. */
    | { readonly kind: "websocket"; readonly host: string; readonly path: string }
    | {
        readonly kind: "https";
        /** Name in the request and in the certificate. */
        readonly host: string;
        readonly path: string;
        /** Whether a public authority has to vouch for the certificate. */
        readonly verify: boolean;
      };
}

export type Severity = "critical" | "warning";

/** Something that a person is told of. */
export interface Alert {
  /** As on the page of alerts: what happened, in camel case. */
  readonly name: string;
  readonly component: string;
  /** PromQL, with its own labels and its threshold. Its value is what the summary shows. */
  readonly expr: string;
  /** Seconds that it has to hold. */
  readonly for: number;
  readonly severity: Severity | "none";
  /** One line, with the current value: `{{ $value }}`. */
  readonly summary: string;
  readonly description: string;
  /** Alerts of the same component that say the same and more: while one of them fires, this one is silent. */
  readonly within: readonly string[];
  /** It is of the component as a whole: one of those may be of one instance, disk or repository of it. */
  readonly whole: boolean;
  /**
   * `outage`: it explains the symptoms of whoever has a link to the component. `symptom`: an outage of a
   * provider explains it. Both hold for a service between two others.
   */
  readonly outage: boolean;
  readonly symptom: boolean;
  /**
   * Of a symptom: components whose outage explains it, and that of whatever these need. @default all that its own
   * component needs
   */
  readonly behind?: readonly string[];
  /** Seconds for which it still sees what is over: the span of a mean, or between two records. */
  readonly looksBack: number;
  /** Its series say whom it is about, by the labels `system` and `component`: not who declared it. @default false */
  readonly each?: boolean;
}

/** Where the page of alerts has the section of one: as GitHub and most others name a heading. */
export const runbookUrl = (page: string, alert: string): string => `${page}#${alert.toLowerCase()}`;

/** A way from a workload of one system of a stack into a component of another: in the models of both. */
export interface Way {
  readonly from: { readonly system: string; readonly workload: string };
  /** A component, or the platform's front before it: never both by one way. */
  readonly to: { readonly system: string; readonly component: string; readonly front?: true };
  readonly ports: readonly number[];
}

/** A step of relabelling, in Prometheus' own words. */
export interface Relabeling {
  readonly source_labels?: readonly string[];
  readonly regex?: string;
  readonly target_label?: string;
  readonly replacement?: string;
  readonly action?: "keep" | "labeldrop";
}

/** Whom a Prometheus asks: all instances of a workload, at one port. */
export interface Target {
  /** Of the job, unique in a stack. */
  readonly name: string;
  readonly system: string;
  readonly workload: string;
  readonly port: number;
  readonly path: string;
  readonly params?: Readonly<Record<string, readonly string[]>>;
  readonly relabel: readonly Relabeling[];
  /** Of what they answer. @default as it is */
  readonly relabelMetrics?: readonly Relabeling[];
}

type Labels = Readonly<Record<string, string>>;

interface AlertingRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  /** So long it goes on after it is over. */
  readonly keep_firing_for?: string;
  readonly labels: Labels;
  readonly annotations: Labels;
}

interface RecordingRule {
  readonly record: "atalaya_health_value" | "atalaya_health";
  readonly expr: string;
  readonly labels: Labels;
}

/** Rules that are evaluated one after another, in Prometheus' own words. */
export interface RuleGroup {
  readonly name: string;
  /** The server's own where absent. */
  readonly interval?: string;
  readonly rules: readonly (AlertingRule | RecordingRule)[];
}

/** What a stack hands to a Prometheus that is not its own: the same targets and rules that its own would have. */
export interface Collection {
  /** Seconds between two questions for metrics, and for an answer. */
  readonly interval: number;
  readonly timeout: number;
  /** Seconds between two evaluations of a group without an interval of its own. */
  readonly evaluation: number;
  readonly targets: readonly (Target & {
    /** Of the port, as its workload calls it. */
    readonly portName: string;
  })[];
  readonly rules: readonly { readonly system: string; readonly groups: readonly RuleGroup[] }[];
}
