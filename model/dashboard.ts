import type { HealthLimits } from "./health";

/**
 * What components show of themselves on dashboards, as plain data. Whoever has a page for it collects it;
 * nobody draws a dashboard by hand (PR-03, GG-06).
 */

/** What people look at first, in this order: what the system is for, then the four golden signals. */
export const SIGNALS = ["business", "traffic", "errors", "duration", "saturation"] as const;

export type Signal = (typeof SIGNALS)[number];

/** How a value is written. */
export type PanelUnit =
  | "count"
  | "ratio"
  | "seconds"
  | "bytes"
  | "bytes/s"
  | "requests/s"
  | "per second"
  | "per minute"
  /** 1 or 0. */
  | "yes"
  /** An amount of money, in whole units of a currency by its ISO 4217 code. */
  | { readonly currency: string };

/** Who answers: Prometheus in PromQL, Loki in LogQL. */
export type PanelSource = "metrics" | "logs";

/** One question, which gives one line or several. */
export interface PanelQuery {
  /** PromQL with its own labels, or LogQL. */
  readonly expr: string;
  /** Name of its lines; labels as `{{route}}`. */
  readonly legend: string;
  /** Its system's dashboard shows it, too, in one panel with those of the same title. One line only. */
  readonly signal?: Signal;
  /** It has no lines while nothing is wrong, or while nobody has asked for anything yet. @default false */
  readonly mayBeEmpty?: boolean;
}

export interface Panel {
  readonly title: string;
  /** What it shows, where the title does not say it. */
  readonly about?: string;
  readonly unit: PanelUnit;
  readonly queries: readonly PanelQuery[];
  /** Whom they are for. @default "metrics" */
  readonly source?: PanelSource;
  /** `number`: what counts is the value now. `text`: what was printed, of logs alone. @default "lines" */
  readonly shape?: "lines" | "number" | "text";
  /** From where on it is no longer well: those of the alert. */
  readonly limits?: HealthLimits;
  /** Alert about it, whose section of the page of alerts has what to do. */
  readonly alert?: string;
}

/** Panels under one heading. */
export interface PanelRow {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** What one component shows. */
export interface Showing {
  readonly component: string;
  /** What it is, as a word of a page's address. @example "postgresql" */
  readonly kind: string;
  /** Title of the dashboard of the kind. @example "PostgreSQL" */
  readonly title: string;
  /** `each`: a dashboard of its own. `kind`: one with all others of its kind. */
  readonly on: "each" | "kind";
  readonly rows: readonly PanelRow[];
}
