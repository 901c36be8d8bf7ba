import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { copyState } from "../backup/copy-state";
import { resultJson, say } from "../output";
import { projectName } from "../project";
import { prepareBackend } from "../setup/backend";
import { checkStackName, prepare } from "../setup/prepare";
import { openStack } from "../stack/workspace";

/** Options of `backup state`. */
export interface BackupStateOptions {
  readonly stack: string;
  /** A folder: each copy is one in it. */
  readonly to: string;
  readonly json?: boolean;
}

/** Copies what Pulumi knows of a stack, and its configuration, to a folder. */
export async function state({ stack, to, json }: BackupStateOptions): Promise<void> {
  checkStackName(stack);
  prepareBackend(stack, projectName());
  await prepare({ stack, engine: false, images: false, yes: undefined });
  await openStack(stack, false);
  const parent = resolve(to);
  mkdirSync(parent, { recursive: true });
  const made = await copyState(stack, parent);
  if (json) {
    resultJson(made);
    return;
  }
  const { folder, secretsProvider } = made;
  say(
    `${folder} has the state and the configuration of ${stack}, secrets encrypted. Its README.md says how it comes back.`,
  );
  say(
    secretsProvider === undefined || secretsProvider === "passphrase"
      ? "The passphrase is not in it: keep that in another place."
      : `Whoever brings it back needs ${secretsProvider}.`,
  );
}
