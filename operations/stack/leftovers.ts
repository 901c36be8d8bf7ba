import { confirm, say } from "../output";
import { run } from "../process";
import { root } from "../project";
import { existing, removeLeftover } from "./engine-objects";
import { leftoversOfPreview } from "./preview";
import type { Leftover, RecoveryPlan } from "./recovery-plan";

/** Removes what an interrupted run created on a Swarm and did not record; never a volume. */
export async function removeLeftovers(plan: RecoveryPlan, stack: string): Promise<void> {
  for (const leftover of plan.remove) {
    if (await removeLeftover(leftover, stack)) {
      say(`  removed the ${leftover.kind} ${leftover.name}: created, but not recorded`);
    }
  }
  for (const { name } of await existing(plan.keep)) {
    say(`  the volume ${name} exists and is taken over as it is`);
  }
}

/**
 * For a stack whose state does not know what the engine has (a lost state): finds the objects that the
 * next update would create and that exist already, and removes those after asking. Volumes stay and are
 * taken over.
 *
 * @param yes do so without asking
 * @returns whether the next update has a chance now.
 */
export async function clearTheWay(
  stack: string,
  host: { readonly yes: boolean | undefined },
): Promise<boolean> {
  const preview = await run("pulumi", ["preview", "--json", "--stack", stack], { cwd: root });
  const found: readonly Leftover[] = await existing(leftoversOfPreview(preview.stdout));
  const remove = found.filter(({ kind }) => kind !== "volume");
  if (remove.length === 0) return false;
  say(`The engine has objects of stack ${stack} that Pulumi's state does not know:`);
  for (const { kind, name } of found) {
    say(`  ${kind} ${name}${kind === "volume" ? " (stays, with its data)" : ""}`);
  }
  const question = "Remove them (except volumes) and create them anew?";
  if (!(await confirm(question, host.yes, { explicit: true }))) {
    say("Run this with --yes to remove them (except volumes) and create them anew.");
    return false;
  }
  for (const leftover of remove) await removeLeftover(leftover, stack);
  return true;
}
