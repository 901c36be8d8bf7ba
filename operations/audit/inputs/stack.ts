import { projectName, root } from "../../project";
import { prepareBackend } from "../../setup/backend";
import { checkStackName, prepare } from "../../setup/prepare";
import { readStackFile } from "../../setup/stack-file";
import { deploymentOf, openStack } from "../../stack/workspace";
import type { Gathered } from "../gathered";
import { gatherConfig } from "./stack-config";
import { gatherState } from "./state";

/** Judges a stack's recorded state, as `pulumi stack export` gives it, and its configuration: what is encrypted stays so. */
export async function gatherStack(stack: string, into: Gathered): Promise<void> {
  checkStackName(stack);
  prepareBackend(stack, projectName());
  await prepare({ stack, engine: false, images: false, yes: undefined });
  const deployment = await deploymentOf(await openStack(stack, false));
  gatherState({ deployment }, into);
  const { config } = readStackFile(root, stack);
  if (config !== undefined) gatherConfig({ config }, into, { file: `Pulumi.${stack}.yaml` });
}
