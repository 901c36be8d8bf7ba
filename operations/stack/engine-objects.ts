import { setTimeout as sleep } from "node:timers/promises";

import { UserError } from "../errors";
import { must, run } from "../process";
import { type Leftover, type ObjectKind, STACK_LABEL } from "./recovery-plan";
import type { ServiceInspection } from "./tasks";

/** How long the engine may take to let go of something, in milliseconds. */
const RELEASE_MS = 120_000;

/** An object of the engine with its labels; undefined when there is none of that name. */
async function labelsOf(
  kind: ObjectKind,
  name: string,
): Promise<Readonly<Record<string, string>> | undefined> {
  const found = await run("docker", [kind, "inspect", name]);
  if (found.code !== 0) return undefined;
  const [object] = JSON.parse(found.stdout) as readonly {
    readonly Labels?: Record<string, string> | null;
    readonly Spec?: { readonly Labels?: Record<string, string> | null };
  }[];
  return object?.Spec?.Labels ?? object?.Labels ?? {};
}

/** Those of the objects that the engine has. */
export async function existing(leftovers: readonly Leftover[]): Promise<readonly Leftover[]> {
  const there: Leftover[] = [];
  for (const leftover of leftovers) {
    if ((await labelsOf(leftover.kind, leftover.name)) !== undefined) there.push(leftover);
  }
  return there;
}

/**
 * Removes an object that an interrupted run left, if the engine has it. Never a volume.
 *
 * @returns whether there was something to remove.
 * @throws UserError when the object carries no label of this stack: it is somebody else's.
 */
export async function removeLeftover(leftover: Leftover, stack: string): Promise<boolean> {
  const { kind, name } = leftover;
  if (kind === "volume") throw new Error(`a volume is never removed here: ${name}`);
  const labels = await labelsOf(kind, name);
  if (labels === undefined) return false;
  if (labels[STACK_LABEL] !== stack) {
    throw new UserError(
      `The engine has a ${kind} named ${name} that is not marked as this stack's (label ${STACK_LABEL}=${stack}).`,
      `If nobody needs it: docker ${kind} rm ${name}. Then run this again.`,
    );
  }
  if (kind === "service") await stopService(name);
  await removeWhenReleased(kind, name);
  return true;
}

/**
 * Stops a service's containers before the service goes: once it is gone the engine tells nothing about
 * them any more, and a successor on the same volume must not start beside them.
 */
async function stopService(name: string): Promise<void> {
  const scaled = await run("docker", ["service", "scale", "--detach", `${name}=0`]);
  if (scaled.code !== 0) return; // one task a node: it cannot be scaled
  await until(async () => {
    const tasks = await run("docker", ["service", "ps", name, "--format", "{{.CurrentState}}"]);
    return !/^(Running|Starting|Preparing|Ready|Assigned|Accepted)/m.test(tasks.stdout);
  });
}

async function removeWhenReleased(kind: ObjectKind, name: string): Promise<void> {
  let said = "";
  const removed = await until(async () => {
    const result = await run("docker", [kind, "rm", name]);
    said = result.stderr.trim();
    return result.code === 0 || /no such|not found/i.test(said);
  });
  if (removed) return;
  throw new UserError(
    `The ${kind} ${name} is left over from an interrupted run and cannot be removed: ${said}`,
    `docker ${kind} inspect ${name} tells more. Run this again when it is free.`,
  );
}

/** Waits until a check holds, for two minutes at most. */
async function until(check: () => Promise<boolean>): Promise<boolean> {
  const end = Date.now() + RELEASE_MS;
  for (;;) {
    if (await check()) return true;
    if (Date.now() > end) return false;
    await sleep(1_000);
  }
}

/** The stack's services, as the engine has them. */
export async function servicesOf(stack: string): Promise<readonly ServiceInspection[]> {
  const ids = await must("docker", [
    ...["service", "ls", "--quiet"],
    ...["--filter", `label=${STACK_LABEL}=${stack}`],
  ]);
  if (ids === "") return [];
  return JSON.parse(
    await must("docker", ["service", "inspect", ...ids.split("\n")]),
  ) as readonly ServiceInspection[];
}

/** Removes volumes whose data is not wanted any more; waits until no container has them. */
export async function removeVolumes(names: readonly string[]): Promise<void> {
  for (const name of names) await removeWhenReleased("volume", name);
}
