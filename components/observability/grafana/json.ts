import {
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  LogsDedupStrategy,
  LogsSortOrder,
  ReduceDataOptionsBuilder,
  SortOrder,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  MappingType,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type Threshold,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { PanelBuilder as LogsBuilder } from "@grafana/grafana-foundation-sdk/logs";
import { DataqueryBuilder as LogQl } from "@grafana/grafana-foundation-sdk/loki";
import { DataqueryBuilder as PromQl } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TimeseriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import type { Panel, PanelQuery, PanelSource, PanelUnit } from "../../../model/dashboard";
import type { HealthLimits } from "../../../model/health";
import { runbookUrl } from "../../../model/observability";
import type { Dashboard } from "./dashboards";
import { LOKI, PROMETHEUS } from "./provisioning";

/** All of ours, so that each page links to the others. */
const TAG = "atalaya";

/** Three panels in a line; one of text takes what is left of it. */
const COLUMNS = 24;
const PANEL = { width: 8, height: 8 } as const;

const UNITS: Readonly<Record<Extract<PanelUnit, string>, string>> = {
  count: "short",
  ratio: "percentunit",
  seconds: "s",
  bytes: "bytes",
  "bytes/s": "binBps",
  "requests/s": "reqps",
  "per second": "ops",
  "per minute": "opm",
  yes: "none",
};

const unitOf = (unit: PanelUnit): string =>
  typeof unit === "string" ? UNITS[unit] : `currency:${unit.currency} `;

/** A dashboard as Grafana reads it from a file; the same data gives the same text. */
export function dashboardJson(dashboard: Dashboard, runbook: string): string {
  const { uid, title, folder, rows } = dashboard;
  const page = new DashboardBuilder(title)
    .uid(uid)
    .tags([TAG, folder.toLowerCase()])
    .readonly()
    .timezone("browser")
    .time({ from: "now-3h", to: "now" })
    .refresh("30s")
    .tooltip(DashboardCursorSync.Crosshair)
    .link(
      new DashboardLinkBuilder("Dashboards")
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(true)
        .includeVars(false)
        .keepTime(true),
    );
  let id = 0;
  for (const row of rows) {
    page.withRow(new RowBuilder(row.title).id(++id));
    let column = 0;
    for (const panel of row.panels) {
      const width = panel.shape === "text" ? COLUMNS - column : PANEL.width;
      page.withPanel(panelOf(panel, runbook).span(width).id(++id));
      column = (column + width) % COLUMNS;
    }
  }
  return `${JSON.stringify(page.build(), null, 1)}\n`;
}

type PanelBuilder = StatBuilder | TimeseriesBuilder | LogsBuilder;

function panelOf(panel: Panel, runbook: string): PanelBuilder {
  switch (panel.shape ?? "lines") {
    case "lines":
      return lines(panel, runbook);
    case "number":
      return numbers(panel, runbook);
    case "text":
      return text(panel, runbook);
  }
}

function lines(panel: Panel, runbook: string): TimeseriesBuilder {
  const built = common(new TimeseriesBuilder(), panel, runbook)
    .axisSoftMin(0)
    .fillOpacity(8)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .calcs(["lastNotNull", "max"]),
    )
    .tooltip(
      new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending),
    );
  return panel.limits === undefined
    ? built
    : built.thresholdsStyle(
        new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed),
      );
}

const numbers = (panel: Panel, runbook: string): StatBuilder =>
  common(new StatBuilder(), panel, runbook).reduceOptions(
    new ReduceDataOptionsBuilder().calcs(["lastNotNull"]).values(false),
  );

const text = (panel: Panel, runbook: string): LogsBuilder =>
  common(new LogsBuilder(), panel, runbook)
    .showTime(true)
    .showLabels(true)
    .wrapLogMessage(true)
    .enableLogDetails(true)
    .sortOrder(LogsSortOrder.Descending)
    .dedupStrategy(LogsDedupStrategy.None);

const SOURCES = { metrics: PROMETHEUS, logs: LOKI } as const;

function questionOf({ expr, legend }: PanelQuery, source: PanelSource, i: number): PromQl | LogQl {
  const refId = String.fromCharCode("A".charCodeAt(0) + i);
  return source === "metrics"
    ? new PromQl().refId(refId).datasource(PROMETHEUS).expr(expr).legendFormat(legend).range()
    : new LogQl().refId(refId).datasource(LOKI).expr(expr).legendFormat(legend).queryType("range");
}

/** What all have; the SDK has no type for that. */
function common<Builder extends PanelBuilder>(
  builder: Builder,
  { title, about, unit, queries, limits, alert, source = "metrics" }: Panel,
  runbook: string,
): Builder {
  builder
    .title(title)
    .datasource(SOURCES[source])
    .height(PANEL.height)
    .unit(unitOf(unit))
    .thresholds(
      new ThresholdsConfigBuilder()
        .mode(ThresholdsMode.Absolute)
        .steps(limits === undefined ? [{ value: null, color: "green" }] : steps(limits)),
    );
  queries.forEach((query, i) => builder.withTarget(questionOf(query, source, i)));
  if (unit === "yes") {
    builder.mappings([
      {
        type: MappingType.ValueToText,
        options: { "0": { text: "no" }, "1": { text: "yes" } },
      },
    ]);
  }
  if (queries.every(({ mayBeEmpty }) => mayBeEmpty)) builder.noValue("none");
  // A page of the repository has no address that a browser could open from here.
  const page = alert === undefined ? undefined : runbookUrl(runbook, alert);
  const address = page?.startsWith("http") ? page : undefined;
  if (address !== undefined) {
    builder.links([
      new DashboardLinkBuilder(alert!).type(DashboardLinkType.Link).url(address).targetBlank(true),
    ]);
  }
  const texts = [about, page === undefined ? undefined : `What to do: ${alert}, ${page}`];
  const text = texts.filter((part) => part !== undefined).join("\n\n");
  if (text !== "") builder.description(text);
  return builder;
}

/** Colours by limits: what is beyond one has its colour up to the next. */
function steps({ beyond, warning, critical }: HealthLimits): Threshold[] {
  const step = (value: number | null | undefined, color: string): Threshold[] =>
    value === undefined ? [] : [{ value, color }];
  if (beyond === "above") {
    return [{ value: null, color: "green" }, ...step(warning, "orange"), ...step(critical, "red")];
  }
  // From below: what is under the lowest limit is the worst.
  return critical === undefined
    ? [{ value: null, color: "orange" }, ...step(warning, "green")]
    : [
        { value: null, color: "red" },
        ...step(critical, warning === undefined ? "green" : "orange"),
        ...step(warning, "green"),
      ];
}
