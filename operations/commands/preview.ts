import { UserError } from "../errors";
import { projectName } from "../project";
import { prepareBackend } from "../setup/backend";
import { checkStackName, prepare } from "../setup/prepare";
import { operate } from "../stack/update";
import { openStack } from "../stack/workspace";
import type { StackOptions } from "./up";

/** Options of `preview`. */
export interface PreviewOptions extends StackOptions {
  /** Show each property that would change. */
  readonly diff?: boolean;
}

/** Shows what `up` would change, and changes nothing. */
export async function preview(options: PreviewOptions): Promise<void> {
  checkStackName(options.stack);
  prepareBackend(options.stack, projectName());
  await prepare({ stack: options.stack, engine: false, images: false, yes: options.yes });
  const stack = await openStack(options.stack);
  const outcome = await operate("preview", stack.name, options.diff ? ["--diff"] : []);
  if (!outcome.ok) {
    throw new UserError(
      `\`pulumi preview\` of stack ${stack.name} failed.`,
      "The reason stands above.",
    );
  }
}
