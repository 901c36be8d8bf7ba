import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

import { formatProblems, ProblemsError } from "../../model/problems";
import { ExitCode, UserError } from "../errors";
import { result, say } from "../output";
import { root } from "../project";
import { checkStackName, prepare } from "../setup/prepare";
import { stackFiles } from "../setup/stack-file";
import { previewMarkdown, previewSummary } from "../stack/preview-summary";
import { rehearse } from "../stack/rehearsal";
import type { Outcome } from "../stack/update";

/** Options of `policies`. */
export interface PoliciesOptions {
  /** A pack's folder, or its program. @default the program of policies/ */
  readonly policyPack?: string;
  readonly yes?: boolean;
}

/**
 * Has the policy pack judge what stacks declare, as if they were new: a pull request from a fork has neither
 * their state nor a credential (AT-03, AT-04).
 * @param stacks @default all that have a file in this checkout, a laptop's own left out
 */
export async function policies(stacks: readonly string[], options: PoliciesOptions): Promise<void> {
  for (const stack of stacks) checkStackName(stack);
  // The program and not the folder: every language host can start it.
  const pack = resolve(options.policyPack ?? join(root, "policies", "run"));
  if (!existsSync(pack)) {
    throw new UserError(
      `There is no policy pack at ${pack}.`,
      "Name one with --policy-pack: its folder, or its program.",
      ExitCode.usage,
    );
  }
  await prepare({ engine: false, images: false, yes: options.yes });
  const stopped: string[] = [];
  for (const stack of stacks.length === 0 ? stackFiles(root) : stacks) {
    say(`previewing stack ${stack} as if it were new`);
    const outcome = await judged(stack, pack);
    const title = `Stack \`${stack}\` as if it were new`;
    result(`${previewMarkdown(title, previewSummary(outcome.log), outcome.ok)}\n`);
    if (!outcome.ok) stopped.push(stack);
  }
  if (stopped.length > 0) {
    throw new UserError(
      `${stopped.join(", ")}: stopped by the policies, or by the preview itself.`,
      "The reason stands above, with the fix. An exemption names a reason, an owner and an end (docs/policies.md).",
    );
  }
}

async function judged(stack: string, pack: string): Promise<Outcome> {
  try {
    return await rehearse(stack, ["--policy-pack", pack]);
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error;
    throw new UserError(
      formatProblems(error.subject, error.problems),
      `Mend Pulumi.${stack}.yaml and run it again.`,
      ExitCode.usage,
    );
  }
}
