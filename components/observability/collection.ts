import { Component, type Description, type Placement } from "../system";
import { gather, type GatheringArgs } from "./gathering";
import { PORTS } from "./monitoring";
import { LOOK, targetsOf, timeoutOf } from "./targets";

/**
 * The targets and rules of all systems for a Prometheus that is there already: in the place of one of the stack's own,
 * and made of the same data (FV-07). Described last: it collects.
 */
export class HandedOver extends Component {
  constructor(
    readonly args: GatheringArgs,
    placement: Placement,
  ) {
    super("HandedOver", "collection", placement);
  }

  override describe(to: Description): void {
    to.component(this);
    const { systems, interval, rules } = gather(to, this, this.args);
    to.collection = {
      interval,
      timeout: timeoutOf(interval),
      evaluation: LOOK,
      targets: targetsOf({ ...this.args, systems, blackbox: PORTS.blackbox }).map((target) => ({
        ...target,
        portName: systems
          .find(({ name }) => name === target.system)!
          .workloads.find(({ name }) => name === target.workload)!
          .ports.find(({ port }) => port === target.port)!.name,
      })),
      rules,
    };
  }
}
