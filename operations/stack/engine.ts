import type { UserError } from "../errors";
import { root } from "../project";
import { configuredPlatform } from "../setup/stack-file";
import { removeVolumes, servicesOf } from "./engine-objects";
import { type FailedJob, watchJobs } from "./failed-jobs";
import { clusterOf } from "./kubernetes";
import { clearTheWay, removeLeftovers } from "./leftovers";
import type { RecoveryPlan } from "./recovery-plan";
import { explainFailure } from "./rollback";
import { watchRoom } from "./room";
import { untilSettled } from "./settle";
import { inMotion } from "./tasks";

/** Looks at the engine while an update runs. */
export interface Watch {
  /** Aborted when the engine itself has given the update up: no need to wait until all of its time is over. */
  readonly hopeless: AbortSignal;
  /** Ends the watch; gives what was seen meanwhile. */
  end(): Promise<Seen>;
}

/** What a watch saw of an update. */
export interface Seen {
  readonly failedJobs: readonly FailedJob[];
  /** The error of an update whose services the engine found no node for; it matters only where the update failed. */
  readonly unplaced?: UserError;
}

/** What the commands ask of the engine behind a stack, beside what Pulumi does with it. */
export interface StackEngine {
  /** Waits until the engine changes nothing of the stack any more. */
  settle(): Promise<void>;
  /** Removes what an interrupted run created and did not record; never data. */
  removeLeftovers(plan: RecoveryPlan): Promise<void>;
  /**
   * Makes room where the engine has objects that the state does not know.
   * @returns whether the next update has a chance now
   */
  clearTheWay(yes: boolean | undefined): Promise<boolean>;
  /** Watches an update. @param since when it began, in milliseconds since 1970 */
  watch(since: number): Watch;
  /** The error of an update whose new version did not become well; undefined where none did that. */
  explainFailure(since: number): Promise<UserError | undefined>;
  /** Removes volumes that Pulumi leaves on purpose. */
  removeVolumes(names: readonly string[]): Promise<void>;
}

/** The engine that a stack's configuration chooses. */
export function engineOf(stack: string): StackEngine {
  return configuredPlatform(root, stack) === "kubernetes" ? clusterOf(stack) : swarmOf(stack);
}

/** Swarm ends an update by itself; only jobs it does not know, and it waits for room for ever. */
function watchSwarm(stack: string, since: number): Watch {
  const [endJobs, endRoom] = [watchJobs(stack, since), watchRoom(stack)];
  return {
    hopeless: new AbortController().signal,
    end: async () => {
      const [failedJobs, unplaced] = await Promise.all([endJobs(), endRoom()]);
      return { failedJobs, ...(unplaced === undefined ? {} : { unplaced }) };
    },
  };
}

const swarmOf = (stack: string): StackEngine => ({
  settle: () => untilSettled(async () => inMotion(await servicesOf(stack))),
  removeLeftovers: (plan) => removeLeftovers(plan, stack),
  clearTheWay: (yes) => clearTheWay(stack, { yes }),
  watch: (since) => watchSwarm(stack, since),
  explainFailure: (since) => explainFailure(stack, since),
  removeVolumes,
});
