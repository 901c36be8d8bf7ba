import type { Panel, PanelRow } from "../model/dashboard";
import { type LogFilter, logql } from "../model/logs";

/** Lines as they were printed, the newest first. */
const printed = (title: string, filter: LogFilter, about: string): Panel => ({
  ...{ title, about, source: "logs", shape: "text", unit: "count" },
  queries: [{ expr: logql(filter), legend: "", mayBeEmpty: true }],
});

const byLevel = (filter: LogFilter): Panel => ({
  title: "Lines by level",
  source: "logs",
  unit: "per minute",
  queries: [
    {
      expr: `60 * sum by (level) (rate(${logql(filter)}[5m]))`,
      legend: "{{level}}",
      mayBeEmpty: true,
    },
  ],
});

const FIND =
  "A line's details have its session, user and request; `atalaya logs` searches by them.";

/** What the containers of a component print, where it is kept. */
export const rowOfComponent = (system: string, component: string): PanelRow => {
  const own = { system, services: [component] };
  return {
    title: "What it prints",
    panels: [
      byLevel(own),
      printed("Errors", { ...own, level: "error" }, FIND),
      printed("Lines", own, FIND),
    ],
  };
};

/** What all containers of a system print: how much, and the errors of all. */
export const rowOfSystem = (system: string): PanelRow => ({
  title: "What it prints",
  panels: [byLevel({ system }), printed("Errors of all", { system, level: "error" }, FIND)],
});
