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

/** Metrics that a workload shows in the Prometheus text format. */
export interface Scrape {
  /** Whom they are about: the label `component`. */
  readonly component: string;
  /** Whose instances answer: the component's own, or an exporter. */
  readonly workload: string;
  readonly port: number;
  readonly path: string;
}

/** A question that every instance of a workload is asked from outside of it. */
export interface EndpointProbe {
  readonly component: string;
  readonly workload: string;
  readonly port: number;
  readonly ask:
    | { readonly kind: "tcp" }
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
  /**
   * `outage`: it explains the symptoms of whoever has a link to the component. `symptom`: an outage of a
   * provider explains it. Both hold for a service between two others.
   */
  readonly outage: boolean;
  readonly symptom: boolean;
}

/** A way from a workload of one system of a stack into a component of another: in the models of both. */
export interface Way {
  readonly from: { readonly system: string; readonly workload: string };
  readonly to: { readonly system: string; readonly component: string };
  readonly ports: readonly number[];
}
