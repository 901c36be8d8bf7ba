import { UserError } from "../errors";
import { result } from "../output";
import { projectName } from "../project";
import { prepareBackend } from "../setup/backend";
import { checkStackName, prepare } from "../setup/prepare";
import { refuseForgotten } from "../stack/copies";
import { previewMarkdown, previewSummary } from "../stack/preview-summary";
import { operate, policyArgs, type PolicyOptions } from "../stack/update";
import { deploymentOf, openStack } from "../stack/workspace";
import type { StackOptions } from "./up";

/** Options of `preview`. */
export interface PreviewOptions extends StackOptions, PolicyOptions {
  /** Show each property that would change. */
  readonly diff?: boolean;
  /** Summarise it as Markdown on standard output; Pulumi's own display goes to standard error. */
  readonly markdown?: boolean;
}

/** Shows what `up` would change, and changes nothing. */
export async function preview(options: PreviewOptions): Promise<void> {
  checkStackName(options.stack);
  prepareBackend(options.stack, projectName());
  await prepare({ stack: options.stack, engine: false, images: false, yes: options.yes });
  const stack = await openStack(options.stack);
  refuseForgotten(stack.name, await deploymentOf(stack));
  const args = [...(options.diff ? ["--diff"] : []), ...policyArgs(options)];
  const outcome = await operate("preview", stack.name, args, {
    quietStdout: options.markdown === true,
  });
  // Of a failed one as well: a reviewer reads why.
  if (options.markdown) {
    const title = `Preview of stack \`${stack.name}\``;
    result(previewMarkdown(title, previewSummary(outcome.log), outcome.ok));
  }
  if (!outcome.ok) {
    throw new UserError(
      `\`pulumi preview\` of stack ${stack.name} failed.`,
      "The reason stands above.",
    );
  }
}
