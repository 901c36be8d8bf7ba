import type { RuleGroup } from "../../model/observability";
import type { SystemModel } from "../../model/system";
import { type Duration, seconds } from "../../model/units";
import type { Component, Description } from "../system";
import { ruleFile } from "./rules";
import type { WatchedSystems } from "./targets";

/** What whoever collects goes by: a Prometheus of the stack's own, or one that is there already. */
export interface GatheringArgs extends WatchedSystems {
  /** Between two questions for metrics. @default "15 s" */
  readonly interval?: Duration;
  /** Address of the page of alerts, for links in messages. */
  readonly runbook: string;
}

/** What a Prometheus is told of a stack. */
export interface Gathered {
  /** Those that were described before, and the one that is being described. */
  readonly systems: readonly SystemModel[];
  /** Seconds between two questions for metrics. */
  readonly interval: number;
  /** Of each system that has some. */
  readonly rules: readonly { readonly system: string; readonly groups: readonly RuleGroup[] }[];
}

/**
 * Gathers what all systems say of how they are watched, and opens the ways into them of those that run in this one.
 * Of its own system it sees what was described before.
 */
export function gather(
  to: Description,
  component: Component,
  { systems: others, interval = "15 s", runbook }: GatheringArgs,
): Gathered {
  for (const way of others.flatMap(({ ways }) => ways)) {
    // A Prometheus that is not ours, and whatever else does not run here, is somebody else's to open.
    if (way.from.system === to.system.name && to.system.has(way.from.workload)) to.way(way);
  }
  const systems = [...others, to.model()];
  const every = to.check(component, "interval", () => seconds(interval), 15);
  return {
    systems,
    interval: every,
    rules: systems
      .map((system) => ({ system: system.name, ...ruleFile(system, runbook, every) }))
      .filter(({ groups }) => groups.length > 0),
  };
}
