import { ExitCode, UserError } from "../errors";
import { ask, duration, interactive, result, resultJson, say } from "../output";
import { must } from "../process";
import { root } from "../project";
import { checkStackName } from "../setup/prepare";
import { engineOf } from "../stack/engine";
import { isStale } from "../stack/events";
import { recover, refresh } from "../stack/recover";
import {
  type Deployment,
  protectedResources,
  retainedVolumes,
  standingResources,
} from "../stack/recovery-plan";
import { operate, type Outcome } from "../stack/update";
import { deploymentOf } from "../stack/workspace";
import { ready, type StackOptions } from "./up";

/** Options of `down`. */
export interface DownOptions extends StackOptions {
  /** Protected data goes as well. */
  readonly all?: boolean;
}

/** Removes a stack's services; protected data stays unless `--all` is given and confirmed. */
export async function down(options: DownOptions): Promise<void> {
  checkStackName(options.stack);
  if (options.all) await confirmAll(options);
  const started = Date.now();
  const { stack, locks } = await ready(options, { images: false, create: false });
  await recover(stack, locks, options.json === true);
  const before = await deploymentOf(stack);
  if (options.all) {
    if (protectedResources(before).length > 0) {
      await must("pulumi", ["state", "unprotect", "--all", "--yes", "--stack", stack.name], {
        cwd: root,
      });
    }
  }
  await destroy(options);
  const left: Deployment = options.all ? {} : await deploymentOf(stack);
  if (options.all) {
    await engineOf(stack.name).removeVolumes(retainedVolumes(before));
    // The stack's own settings are the person's: they stay.
    await must("pulumi", ["stack", "rm", "--yes", "--preserve-config", "--stack", stack.name], {
      cwd: root,
    });
  }
  report(options, left, Date.now() - started);
}

/** Data that is gone is gone: the stack's name has to be typed. */
async function confirmAll(options: DownOptions): Promise<void> {
  if (options.yes) return;
  if (!interactive()) {
    throw new UserError(
      "--all removes data for good and has to be confirmed.",
      "Run it on a terminal, or give --yes with it.",
      ExitCode.usage,
    );
  }
  say(`This removes stack ${options.stack} with all its databases and passwords, for good.`);
  const typed = await ask(`Type the stack's name to go on: `);
  if (typed.trim() === options.stack) return;
  throw new UserError("That is not the stack's name.", "Nothing was changed.", ExitCode.usage);
}

async function destroy(options: DownOptions): Promise<void> {
  const quiet = { quietStdout: options.json === true };
  const args = options.all ? [] : ["--exclude-protected"];
  let outcome: Outcome = await operate("destroy", options.stack, args, quiet);
  if (!outcome.ok && isStale(outcome)) {
    say(
      "The engine no longer has something that the state lists. Refreshing, then trying once more.",
    );
    await refresh(options.stack, options.json === true);
    outcome = await operate("destroy", options.stack, args, quiet);
  }
  if (outcome.ok) return;
  throw new UserError(
    `\`pulumi destroy\` of stack ${options.stack} failed.`,
    "The reason stands above. Run this again: what is gone stays gone, and nothing protected was touched.",
  );
}

/** @param left what the state has after it */
function report(options: DownOptions, left: Deployment, milliseconds: number): void {
  const [kept, standing] = [protectedResources(left), standingResources(left)];
  if (options.json) {
    resultJson({
      stack: options.stack,
      result: "succeeded",
      kept,
      standing,
      seconds: Math.round(milliseconds / 1000),
    });
    return;
  }
  const lines = [`Stack ${options.stack} is down (${duration(milliseconds)}).`];
  if (options.all) lines.push("Nothing was kept.");
  else if (kept.length === 0) lines.push("There was no protected data to keep.");
  else {
    lines.push("Kept, because it is protected data:", ...kept.map((name) => `  ${name}`));
    if (standing.length > 0) lines.push(`What they stand on stays as well: ${standing.join(", ")}`);
    lines.push(
      `The next \`npm run up\` finds it again. To remove it too: npm run down -- --all${options.stack === "dev" ? "" : ` -s ${options.stack}`}`,
    );
  }
  result(lines.join("\n"));
}
