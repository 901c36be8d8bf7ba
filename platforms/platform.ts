import type { Problem } from "../model/problems";
import type { LogFiles } from "../model/observability";
import type { Surroundings, SystemModel } from "../model/system";

/** What a platform can do; what it cannot is reported, never swallowed. */
export interface Capabilities {
  /** Adds and removes instances by load. */
  readonly autoscaling: boolean;
  /** Closes single ports between two workloads that may reach each other. */
  readonly portIsolation: boolean;
  /** Limits egress to named hosts. */
  readonly egressByHost: boolean;
  /** Enforces the size of a volume. */
  readonly volumeSize: boolean;
  /** Keeps a number of instances during a node's maintenance. */
  readonly disruptionBudget: boolean;
  /** Asks readiness and liveness apart. */
  readonly separateProbes: boolean;
}

/** Where a stack runs, as far as every platform has to know. Plain data; each has a site of its own. */
export interface Site {
  /** Part of every name on the engine, so that stacks can share one. */
  readonly stack: string;
}

/** An engine's objects, as plain data with typed holes. */
export interface Lowered<T> {
  readonly objects: readonly T[];
  /** Arguments that this platform cannot honour. */
  readonly notices: readonly Problem[];
}

/**
 * A platform turns a system into an engine's own objects, by a pure function. There is no engine of
 * ours: what an engine does already (roll, restart, resolve, balance), it does.
 */
export interface Platform<T, S extends Site> {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly surroundings: Surroundings;
  /**
   * A name whose addresses are all instances of a workload, ready or not, for whoever has a way to it
   * from any system of the stack. Only workloads that are watched have one.
   */
  readonly instances: (stack: string, system: string, workload: string) => string;
  /** How a workload's containers are called on their node, as container-exporter shows them (images/monitoring). */
  readonly containers: (stack: string, system: string, workload: string) => string;
  /** Where nodes keep what the containers of a stack print. */
  readonly logFiles: (stack: string) => LogFiles;
  /** @throws ProblemsError when the engine cannot run the system at all */
  lower(model: SystemModel, site: S): Lowered<T>;
}
