import { createHash } from "node:crypto";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ExitCode, Interrupted, messageOf, UserError } from "../errors";
import { say } from "../output";
import { must, run } from "../process";
import { root } from "../project";
import { configuredStateFolder, readStackFile } from "../setup/stack-file";
import { copiesOf, copyName, plainSecrets, restoreGuide, sameState, type StateCopy } from "./state";

const STATE = "state.json";
/** Copies of a stack that stay where `atalaya up` makes one after each change: a month of a change a day. */
const KEPT = 30;

/** Texts by the name of their file. */
type Files = Readonly<Record<string, string>>;

/** A copy that was made. */
export interface MadeCopy extends StateCopy {
  readonly folder: string;
  /** Number of resources that the state has. */
  readonly resources: number;
}

/**
 * Copies what Pulumi knows of a stack, and its configuration, into a folder that is there: complete or not at all. Secrets stay
 * encrypted, as they are in both; a state that has one in plain text is refused.
 */
export const copyState = async (stack: string, parent: string): Promise<MadeCopy> =>
  writeCopy(stack, parent, await gathered(stack));

async function writeCopy(stack: string, parent: string, files: Files): Promise<MadeCopy> {
  const { secretsprovider } = readStackFile(root, stack);
  const revision = await revisionOf();
  const of: StateCopy = {
    stack,
    at: new Date().toISOString(),
    ...(revision === undefined ? {} : { revision }),
    ...(secretsprovider === undefined ? {} : { secretsProvider: secretsprovider }),
  };
  const folder = join(parent, copyName(of));
  writeWhole(parent, folder, { ...files, "README.md": restoreGuide(of) });
  const { deployment } = JSON.parse(files[STATE]!) as { deployment?: { resources?: unknown[] } };
  return { ...of, folder, resources: deployment?.resources?.length ?? 0 };
}

/**
 * Does what changes a stack, and copies its state afterwards where its file names a folder for that (`backups.state`): also
 * where it failed, since that has changed what it came to. What was interrupted is copied by the next one.
 *
 * @throws UserError before anything is done, where the folder is not there: nothing is made in the place of a disk that is
 *   not mounted; and after all is done, where there is no copy of it
 */
export async function withStateCopied(stack: string, work: () => Promise<void>): Promise<void> {
  const folder = configuredStateFolder(root, stack);
  if (folder === undefined) return work();
  if (!existsSync(folder)) {
    throw new UserError(
      `There is no folder ${folder}, where the state of ${stack} is to be copied (backups.state). Nothing was changed.`,
      "Mount or make it; or `pulumi config rm --path backups.state`.",
      ExitCode.missing,
    );
  }
  try {
    await work();
  } catch (error) {
    // The first error is the one to be told.
    if (!(error instanceof Interrupted)) {
      await copyAfter(stack, folder).catch((uncopied: unknown) => say(messageOf(uncopied)));
    }
    throw error;
  }
  await copyAfter(stack, folder);
}

/** @throws UserError where there is no copy, with the reason */
async function copyAfter(stack: string, folder: string): Promise<void> {
  try {
    const made = await copyChangedState(stack, folder);
    if (made !== undefined) say(`State and configuration of ${stack} are copied: ${made.folder}`);
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    const fix = error instanceof UserError ? `\n${error.fix}` : "";
    throw new UserError(
      `The state of ${stack} was not copied to ${folder}: ${messageOf(error)}${fix}`,
      "The stack itself is as said above. `atalaya up` copies what is not copied yet.",
      ExitCode.failed,
      { cause: error },
    );
  }
}

/**
 * Copies the state where the newest copy there is of another one, or of another configuration; the newest {@link KEPT} stay.
 * @returns undefined where nothing has changed since
 */
export async function copyChangedState(
  stack: string,
  parent: string,
): Promise<MadeCopy | undefined> {
  const files = await gathered(stack);
  const newest = copiesOf(stack, readdirSync(parent)).at(-1);
  if (newest !== undefined && isCopied(files, join(parent, newest))) return undefined;
  const made = await writeCopy(stack, parent, files);
  for (const name of copiesOf(stack, readdirSync(parent)).slice(0, -KEPT)) {
    try {
      rmSync(join(parent, name), { recursive: true, force: true });
    } catch (error) {
      // Somebody else's: the new copy is there all the same.
      say(
        `${join(parent, name)} is one copy too many and could not be removed: ${messageOf(error)}`,
      );
    }
  }
  return made;
}

function isCopied(files: Files, copy: string): boolean {
  return Object.entries(files).every(([name, text]) => {
    const file = join(copy, name);
    if (!existsSync(file)) return false;
    const there = readFileSync(file, "utf8");
    return name === STATE ? sameState(there, text) : there === text;
  });
}

/** What a copy is of: the state, and the configuration where there is some. */
const gathered = async (stack: string): Promise<Files> => ({
  [STATE]: await exported(stack),
  ...configurationOf(stack),
});

/** Not by the Automation API, whose export has every secret in plain text. */
async function exported(stack: string): Promise<string> {
  const text = await must("pulumi", ["stack", "export", "--stack", stack], { cwd: root });
  const plain = plainSecrets(JSON.parse(text));
  if (plain.length === 0) return text;
  throw new UserError(
    `The state of ${stack} has secrets in plain text: ${plain.slice(0, 3).join(", ")}. Nothing was written.`,
    "`atalaya up` writes the state anew, encrypted.",
    ExitCode.failed,
  );
}

function configurationOf(stack: string): Files {
  const name = `Pulumi.${stack}.yaml`;
  const file = join(root, name);
  return existsSync(file) ? { [name]: readFileSync(file, "utf8") } : {};
}

/** Under another name first: what has its name is complete. For the owner alone. */
function writeWhole(parent: string, folder: string, files: Files): void {
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
