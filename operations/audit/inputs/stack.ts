import { projectName } from "../../project";
import { prepareBackend } from "../../setup/backend";
import { checkStackName, prepare } from "../../setup/prepare";
import { deploymentOf, openStack } from "../../stack/workspace";
import type { Gathered } from "../gathered";
import { gatherState } from "./state";

/** Judges a stack's recorded state, as `pulumi stack export` gives it: what is encrypted stays so. */
export async function gatherStack(stack: string, into: Gathered): Promise<void> {
  checkStackName(stack);
  prepareBackend(stack, projectName());
  await prepare({ stack, engine: false, images: false, yes: undefined });
  const deployment = await deploymentOf(await openStack(stack, false));
  gatherState({ deployment }, into);
}
