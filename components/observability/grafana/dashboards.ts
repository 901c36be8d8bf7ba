import {
  type Panel,
  type PanelQuery,
  type PanelRow,
  type Showing,
  type Signal,
  SIGNALS,
} from "../../../model/dashboard";
import type { SystemModel } from "../../../model/system";
import { contentDigest } from "../../../model/text";
import { rowOfComponent, rowOfSystem } from "../../log-dashboard";

/** A whole dashboard, as plain data. */
export interface Dashboard {
  /** Its address: stable, so that links to it go on leading there. At most 40 characters. */
  readonly uid: string;
  readonly title: string;
  readonly folder: "Systems" | "Services" | "Components";
  readonly rows: readonly PanelRow[];
}

interface Shown extends Showing {
  readonly system: string;
  /** What it prints is kept. */
  readonly logged: boolean;
}

/** Grafana's own limit for a dashboard's uid. */
const MAX_UID = 40;

/** One a system, one a service, one a kind of component: always in this order. */
export function dashboards(systems: readonly SystemModel[]): Dashboard[] {
  const shown = systems.flatMap(({ name: system, showings, logged = false }) =>
    showings.map((showing): Shown => ({ ...showing, system, logged })),
  );
  const kinds = [...new Set(shown.filter(({ on }) => on === "kind").map(({ kind }) => kind))];
  return [
    ...systems.flatMap(({ name }) => ofSystem(name, shown)),
    ...shown.filter(({ on }) => on === "each").map(ofComponent),
    ...kinds.map((kind) => ofKind(shown.filter((of) => of.on === "kind" && of.kind === kind))),
  ];
}

const ofComponent = ({ system, component, kind, rows, logged }: Shown): Dashboard => ({
  uid: uid(kind, system, component),
  title: `${system} / ${component}`,
  folder: "Services",
  rows: logged ? [...rows, rowOfComponent(system, component)] : rows,
});

/** Each component of a kind has its own rows, so that what follows from its arguments can differ. */
function ofKind(shown: readonly Shown[]): Dashboard {
  const { kind, title } = shown[0]!;
  return {
    uid: uid("kind", kind),
    title,
    folder: "Components",
    rows: shown.flatMap(({ system, component, rows }) =>
      rows.map((row) => ({ ...row, title: `${system} / ${component}` })),
    ),
  };
}

const HEADINGS: Readonly<Record<Signal, string>> = {
  business: "What it is for",
  traffic: "Traffic",
  errors: "Errors",
  duration: "Duration",
  saturation: "Saturation",
};

/** The golden signals of a system, each of all its components; none where none shows any. */
function ofSystem(system: string, shown: readonly Shown[]): Dashboard[] {
  const ofIt = shown.filter((of) => of.system === system);
  // What people meet comes before what it stands on.
  const own = [
    ...ofIt.filter(({ on }) => on === "each"),
    ...ofIt.filter(({ on }) => on === "kind"),
  ];
  const signals = SIGNALS.flatMap((signal): PanelRow[] => {
    const panels = merged(own, signal);
    return panels.length === 0 ? [] : [{ title: HEADINGS[signal], panels }];
  });
  if (signals.length === 0) return [];
  return [
    {
      uid: uid("system", system),
      title: system,
      folder: "Systems",
      rows: [
        { title: "How it is", panels: state(system) },
        ...signals,
        ...(ofIt.some(({ logged }) => logged) ? [rowOfSystem(system)] : []),
      ],
    },
  ];
}

/** What people are told of already. */
const state = (system: string): Panel[] => [
  {
    title: "Alerts that fire",
    unit: "count",
    queries: [
      {
        expr: `count by (alertname, component) (ALERTS{system="${system}",alertstate="firing",severity!="none"})`,
        legend: "{{alertname}} {{component}}",
        mayBeEmpty: true,
      },
    ],
  },
  {
    title: "Health checks that are not well",
    about: "1 is a warning, 2 is critical; `atalaya health` says what to do.",
    unit: "count",
    limits: { beyond: "above", warning: 0, critical: 1 },
    queries: [
      {
        expr: `max by (check) (atalaya_health{system="${system}"} > 0)`,
        legend: "{{check}}",
        mayBeEmpty: true,
      },
    ],
  },
];

/** Lines of one signal, those under the same title in one panel, named by their components. */
function merged(shown: readonly Shown[], signal: Signal): Panel[] {
  const panels = new Map<string, Panel>();
  for (const { component, rows } of shown) {
    for (const panel of rows.flatMap((row) => row.panels)) {
      const queries = panel.queries.filter((query) => query.signal === signal);
      if (queries.length === 0) continue;
      const key = JSON.stringify([panel.title, panel.unit]);
      const before = panels.get(key);
      const named = queries.map((query): PanelQuery => ({ ...query, legend: component }));
      panels.set(
        key,
        before === undefined
          ? { ...panel, queries: named }
          : { ...withSameLimits(before, panel), queries: [...before.queries, ...named] },
      );
    }
  }
  return [...panels.values()];
}

/** Limits that differ between components would be wrong for some of the lines. */
function withSameLimits(panel: Panel, other: Panel): Panel {
  if (JSON.stringify(panel.limits) === JSON.stringify(other.limits)) return panel;
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- what is left out
  const { limits, ...rest } = panel;
  return rest;
}

/** Names have hyphens of their own: two stand between names. Where they have that, too, or are too long, a digest tells. */
function uid(of: string, ...names: readonly string[]): string {
  const whole = `${of}-${names.join("--")}`;
  if (whole.length <= MAX_UID && !names.some((name) => name.includes("--"))) return whole;
  const digest = contentDigest([of, ...names].join("\0"));
  return `${whole.slice(0, MAX_UID - 1 - digest.length)}-${digest}`;
}
