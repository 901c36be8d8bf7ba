import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { copyName, plainSecrets, restoreGuide, type StateCopy } from "../backup/state";
import { ExitCode, UserError } from "../errors";
import { resultJson, say } from "../output";
import { must, run } from "../process";
import { projectName, root } from "../project";
import { prepareBackend } from "../setup/backend";
import { checkStackName, prepare } from "../setup/prepare";
import { readStackFile } from "../setup/stack-file";
import { openStack } from "../stack/workspace";

/** Options of `backup state`. */
export interface BackupStateOptions {
  readonly stack: string;
  /** A folder: each copy is one in it. */
  readonly to: string;
  readonly json?: boolean;
}

/**
 * Copies what Pulumi knows of a stack, and its configuration, to a folder: complete or not at all. Secrets stay encrypted, as
 * they are in both; a state that has one in plain text is refused.
 */
export async function state({ stack, to, json }: BackupStateOptions): Promise<void> {
  checkStackName(stack);
  prepareBackend(stack, projectName());
  await prepare({ stack, engine: false, images: false, yes: undefined });
  await openStack(stack, false);
  // Not by the Automation API, whose export has every secret in plain text.
  const text = await must("pulumi", ["stack", "export", "--stack", stack], { cwd: root });
  const exported = JSON.parse(text) as { deployment?: { resources?: unknown[] } };
  const plain = plainSecrets(exported);
  if (plain.length > 0) {
    throw new UserError(
      `The state of ${stack} has secrets in plain text: ${plain.slice(0, 3).join(", ")}. Nothing was written.`,
      "`atalaya up` writes the state anew, encrypted.",
      ExitCode.failed,
    );
  }
  const { secretsprovider } = readStackFile(root, stack);
  const revision = await revisionOf();
  const of: StateCopy = {
    stack,
    at: new Date().toISOString(),
    ...(revision === undefined ? {} : { revision }),
    ...(secretsprovider === undefined ? {} : { secretsProvider: secretsprovider }),
  };
  const configuration = `Pulumi.${stack}.yaml`;
  const files: Record<string, string> = {
    "state.json": text,
    ...(existsSync(join(root, configuration))
      ? { [configuration]: readFileSync(join(root, configuration), "utf8") }
      : {}),
    "README.md": restoreGuide(of),
  };
  const parent = resolve(to);
  const folder = join(parent, copyName(of));
  writeWhole(parent, folder, files);
  if (json) {
    resultJson({ ...of, folder, resources: exported.deployment?.resources?.length ?? 0 });
    return;
  }
  say(
    `${folder} has the state and the configuration of ${stack}, secrets encrypted. Its README.md says how it comes back.`,
  );
  say(
    secretsprovider === undefined || secretsprovider === "passphrase"
      ? "The passphrase is not in it: keep that in another place."
      : `Whoever brings it back needs ${secretsprovider}.`,
  );
}

/** Under another name first: what has its name is complete. For the owner alone. */
function writeWhole(parent: string, folder: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(parent, { recursive: true });
  if (existsSync(folder)) {
    throw new UserError(`${folder} is there already.`, "Run it again in a second.");
  }
  const made = mkdtempSync(join(parent, ".atalaya-state-"));
  try {
    const sums = Object.entries(files).map(([name, text]) => {
      writeFileSync(join(made, name), text, { mode: 0o600 });
      return `${createHash("sha256").update(text).digest("hex")}  ${name}\n`;
    });
    writeFileSync(join(made, "SHA256SUMS"), sums.join(""), { mode: 0o600 });
    renameSync(made, folder);
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    throw error;
  }
}

/** Of the project; undefined where it is under no version control. */
async function revisionOf(): Promise<string | undefined> {
  const { code, stdout } = await run("git", ["-C", root, "rev-parse", "HEAD"]);
  return code === 0 ? stdout.trim() : undefined;
}
