import type { SystemModel } from "../../model/system";
import { type Duration, seconds } from "../../model/units";
import { Component, type Description, type Placement } from "../system";
import { PORTS } from "./monitoring";
import { ruleFile } from "./rules";
import { LOOK, targetsOf, timeoutOf } from "./targets";

export interface CollectionArgs {
  /** Systems that are watched, as they have described themselves. */
  readonly systems: readonly SystemModel[];
  /** A name whose addresses are all instances of a workload, as the platform gives it. */
  readonly address: (system: string, workload: string) => string;
  /** How a workload's containers are called on their node, as the platform names them. */
  readonly containers: (system: string, workload: string) => string;
  /** Between two questions for metrics. */
  readonly interval: Duration;
  /** Address of the page of alerts, for links in messages. */
  readonly runbook: string;
}

/**
 * The targets and rules of all systems for a Prometheus that is there already: in the place of one of the stack's own,
 * and made of the same data (FV-07). Described last: it collects.
 */
export class HandedOver extends Component {
  constructor(
    readonly args: CollectionArgs,
    placement: Placement,
  ) {
    super("HandedOver", "collection", placement);
  }

  override describe(to: Description): void {
    to.component(this);
    const { systems: others, runbook, ...args } = this.args;
    for (const way of others.flatMap(({ ways }) => ways)) {
      // Those of our own: the Prometheus that is not ours is somebody else's to open.
      if (way.from.system === to.system.name && to.system.has(way.from.workload)) to.way(way);
    }
    const systems = [...others, to.model()];
    const interval = to.check(this, "interval", () => seconds(args.interval), 15);
    to.collection = {
      interval,
      timeout: timeoutOf(interval),
      evaluation: LOOK,
      targets: targetsOf({ ...args, systems, blackbox: PORTS.blackbox }).map((target) => ({
        ...target,
        portName: systems
          .find(({ name }) => name === target.system)!
          .workloads.find(({ name }) => name === target.workload)!
          .ports.find(({ port }) => port === target.port)!.name,
      })),
      rules: systems
        .map((system) => ({ system: system.name, ...ruleFile(system, runbook) }))
        .filter(({ groups }) => groups.length > 0),
    };
  }
}
