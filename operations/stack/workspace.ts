import { LocalWorkspace, type Stack } from "@pulumi/pulumi/automation";

import { ExitCode, messageOf, UserError } from "../errors";
import { say } from "../output";
import { root } from "../project";
import { isShared } from "../setup/backend";
import { forgetSalt, readStackFile } from "../setup/stack-file";
import type { Deployment } from "./recovery-plan";

/**
 * Opens a stack through Pulumi's Automation API. A laptop's stack is created when it does not exist; a
 * shared one never is, because it needs a secrets provider that somebody has to choose.
 *
 * @throws UserError when a shared stack does not exist, or `create` is false and the stack does not.
 */
export async function openStack(stackName: string, create = true): Promise<Stack> {
  const args = { stackName, workDir: root };
  try {
    if (create && !isShared(stackName, readStackFile(root, stackName))) {
      return await LocalWorkspace.createOrSelectStack(args);
    }
    return await LocalWorkspace.selectStack(args);
  } catch (error) {
    const message = messageOf(error);
    if (/no stack named|not found/i.test(message)) {
      throw new UserError(
        `There is no stack named ${stackName}.`,
        create
          ? `pulumi stack init ${stackName} --secrets-provider=<provider>`
          : `\`atalaya up -s ${stackName}\` makes it.`,
        ExitCode.usage,
        { cause: error },
      );
    }
    if (/passphrase/i.test(message)) {
      if (forgetSalt(root, stackName)) {
        say(
          `Pulumi.${stackName}.yaml was marked for another passphrase and holds no secret: marked anew.`,
        );
        return openStack(stackName, create);
      }
      throw new UserError(
        `Stack ${stackName} or the secrets in Pulumi.${stackName}.yaml cannot be read with this passphrase.`,
        "Give the right one in PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE. If it is lost, take the\n" +
          `\`encryptionsalt\` line and every \`secure:\` value out of Pulumi.${stackName}.yaml and set those secrets anew.`,
        ExitCode.usage,
        { cause: error },
      );
    }
    throw error;
  }
}

/** The stack's recorded state, with secrets in plain text: that is how the Automation API exports it. */
export async function deploymentOf(stack: Stack): Promise<Deployment> {
  const exported = await stack.exportStack();
  return (exported.deployment ?? {}) as Deployment;
}
