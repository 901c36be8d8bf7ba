import type { Stack } from "@pulumi/pulumi/automation";

import { UserError } from "../errors";
import { say } from "../output";
import { engineOf } from "./engine";
import type { Lock } from "./locks";
import { type Deployment, planRecovery } from "./recovery-plan";
import { operate } from "./update";
import { deploymentOf } from "./workspace";

/**
 * Brings a stack whose last run did not end well to where the next one succeeds: waits until the engine
 * has finished what it was told, removes what was created and not recorded (never a volume), clears
 * Pulumi's pending creations and refreshes its picture. Does nothing after a run that ended by itself: what
 * an update left that the engine rolled back, Pulumi marks and tries again without help.
 *
 * @param cleared the locks that were found abandoned
 * @returns the state as it was before that
 */
export async function recover(
  stack: Stack,
  cleared: readonly Lock[],
  quietStdout: boolean,
): Promise<Deployment> {
  const deployment = await deploymentOf(stack);
  const plan = planRecovery(deployment, cleared.length > 0);
  if (!plan.refresh) return deployment;
  say(
    `The last run of stack ${stack.name} was interrupted${cleared.length > 0 ? "; its lock is cleared" : ""}. Putting things right first.`,
  );
  const engine = engineOf(stack.name);
  await engine.settle();
  await engine.removeLeftovers(plan);
  await refresh(stack.name, quietStdout);
  return deployment;
}

/** Makes Pulumi's picture that of the engine, and forgets creations that were begun. */
export async function refresh(stack: string, quietStdout: boolean): Promise<void> {
  const outcome = await operate("refresh", stack, ["--clear-pending-creates"], { quietStdout });
  if (outcome.ok) return;
  throw new UserError(
    `Pulumi could not compare stack ${stack} with the engine.`,
    outcome.errors.map(({ message }) => message).join("\n") || "Its messages stand above.",
  );
}
