import type { Panel, PanelQuery, PanelUnit, Showing } from "../model/dashboard";
import type { HealthLimits } from "../model/health";
import { ownLabels, type Watched } from "./alerts";
import type { Component, Description } from "./system";

/** A panel of a kind of component; each component of the kind has it with its own labels. */
export interface PanelRule<Of = unknown> extends Pick<
  Panel,
  "title" | "about" | "shape" | "alert"
> {
  /** Where it applies. @default everywhere */
  readonly when?: (of: Of & Watched) => boolean;
  readonly unit: PanelUnit;
  readonly queries: (of: Of & Watched) => readonly PanelQuery[];
  /** The constants that its alert goes by. */
  readonly limits?: HealthLimits | ((of: Of & Watched) => HealthLimits);
}

/** What components of one kind show. */
export interface DashboardChapter<Of = unknown> extends Pick<Showing, "kind" | "title" | "on"> {
  readonly rows: readonly {
    readonly title: string;
    readonly panels: readonly PanelRule<Of>[];
  }[];
}

/** Adds what a component shows to its description. */
export function showOn<Of extends object>(
  to: Description,
  component: Pick<Component, "name">,
  { kind, title, on, rows }: DashboardChapter<Of>,
  of: Of,
): void {
  const own = ownLabels({ system: to.system.name, component: component.name });
  const watched = { ...of, name: component.name, own };
  to.showings.push({
    ...{ component: component.name, kind, title, on },
    rows: rows
      .map((row) => ({ title: row.title, panels: panelsOf(row.panels, watched) }))
      .filter(({ panels }) => panels.length > 0),
  });
}

const panelsOf = <Of>(rules: readonly PanelRule<Of>[], of: Of & Watched): Panel[] =>
  rules
    .filter(({ when }) => when?.(of) !== false)
    // eslint-disable-next-line @typescript-eslint/no-unused-vars -- what is a rule's alone
    .map(({ when, queries, limits, ...rest }) => ({
      ...rest,
      queries: queries(of),
      ...(limits === undefined
        ? {}
        : { limits: typeof limits === "function" ? limits(of) : limits }),
    }));

/** Panels that several kinds of component share. */

/** What a process may take, of its container's limits. */
export interface ProcessFacts {
  /** Cores. */
  readonly cpu: number;
  /** Bytes. */
  readonly memory: number;
}

/**
 * How near a process that shows Prometheus' own metrics of processes is to its container's limits. The
 * container of a service runs nothing else, so this is its saturation as well.
 */
export const processPanels = <Of extends ProcessFacts>(
  where: (of: Of & Watched) => string = ({ own }) => own,
  when?: PanelRule<Of>["when"],
): PanelRule<Of>[] => [
  {
    title: "Processor time, of the limit",
    about: "At 1 the container is slowed down.",
    ...(when === undefined ? {} : { when }),
    unit: "ratio",
    queries: (of) => [
      {
        expr: `max(rate(process_cpu_seconds_total{${where(of)}}[5m])) / ${of.cpu}`,
        legend: "fullest instance",
        signal: "saturation",
      },
      {
        expr: `rate(process_cpu_seconds_total{${where(of)}}[5m]) / ${of.cpu}`,
        legend: "{{instance}}",
      },
    ],
  },
  {
    title: "Memory, of the limit",
    about: "At 1 the process is killed.",
    ...(when === undefined ? {} : { when }),
    unit: "ratio",
    queries: (of) => [
      {
        expr: `max(process_resident_memory_bytes{${where(of)}}) / ${of.memory}`,
        legend: "fullest instance",
        signal: "saturation",
      },
      {
        expr: `process_resident_memory_bytes{${where(of)}} / ${of.memory}`,
        legend: "{{instance}}",
      },
    ],
  },
];

/** One of several percentiles of a histogram. @param by further labels to keep */
export const percentile = (of: number, histogram: string, by = ""): string =>
  `histogram_quantile(${of}, sum by (le${by === "" ? "" : `, ${by}`}) (rate(${histogram}[5m])))`;
