import type { Backup, Restored, RestoredCopy } from "../../model/backup";
import { withStateCopied } from "../backup/copy-state";
import { atOnceOn, insideOf } from "../backup/inside";
import {
  alone,
  planRestore,
  restoredConfig,
  rivals,
  type RestorePlan,
  type RestoreWish,
  serving,
  targetText,
  withAttempt,
  withCopy,
  without,
} from "../backup/restore";
import {
  ARCHIVER_QUERY,
  type DatabaseStatus,
  LIST_HEAD,
  listRows,
  mebibytes,
  STATUS_HEAD,
  statusOf,
  statusRows,
  unlisted,
} from "../backup/status";
import { ExitCode, Interrupted, UserError } from "../errors";
import { colour, confirm, duration, result, resultJson, say, table } from "../output";
import { lastLines, must, type RunResult } from "../process";
import { root } from "../project";
import { describedStack } from "../setup/described";
import { checkStackName, prepare } from "../setup/prepare";
import { setInStackFile } from "../setup/stack-file";
import { mayBeMade, protectedCopies, type ProtectedCopy, refuseForgotten } from "../stack/copies";
import type { Deployment } from "../stack/recovery-plan";
import { deploymentOf, openStack } from "../stack/workspace";
import { bringUp } from "./up";

/** What all of `backup` share. */
export interface BackupOptions {
  readonly stack: string;
  /** Only this system. */
  readonly system?: string;
  /** Only this database. */
  readonly component?: string;
  readonly json?: boolean;
}

/** Options of `backup now`. */
export interface BackupNowOptions extends BackupOptions {
  readonly type: "full" | "diff" | "incr";
}

/** What all of `backup` share that change which volume a database has. */
export interface BackupChangeOptions extends BackupOptions {
  readonly yes?: boolean;
  /** `false`: only write it into the stack's configuration, for a review. @default true */
  readonly up?: boolean;
}

/** Options of `backup restore`. */
export interface BackupRestoreOptions extends BackupChangeOptions, RestoreWish {
  readonly serve?: boolean;
  readonly dryRun?: boolean;
}

/** Options of `backup switch` and `backup discard`. */
export interface BackupCopyOptions extends BackupChangeOptions {
  readonly copy: number;
}

interface Chosen {
  readonly system: string;
  readonly plan: Backup;
}

/** Where every database stands. Fails where one is not as it should be. */
export async function status(options: BackupOptions): Promise<void> {
  const databases = await ask(options);
  if (options.json) resultJson({ ok: databases.every(well), databases });
  else {
    result(table(STATUS_HEAD, statusRows(databases)));
    for (const { system, component, problems } of databases) {
      for (const problem of problems) say(colour.red(`${system}/${component}: ${problem}`));
    }
  }
  if (!databases.every(well)) process.exitCode = ExitCode.failed;
}

/** Every backup that there is. Fails where somebody could not be asked. */
export async function list(options: BackupOptions): Promise<void> {
  const databases = await ask(options);
  if (options.json) resultJson(databases);
  else result(table(LIST_HEAD, listRows(databases)));
  const missing = unlisted(databases);
  for (const problem of missing) say(colour.red(problem));
  if (missing.length > 0) process.exitCode = ExitCode.failed;
}

/** Backs up at once. */
export async function now(options: BackupNowOptions): Promise<void> {
  const failed = await onEach(options, (of, name) => {
    say(`${name}: a backup to ${placesOf(of.plan)}`);
    return backUp(options, of, options.type);
  });
  if (failed.length > 0) {
    throw new UserError(
      `No backup of ${failed.join(", ")}.`,
      "The lines above say why; docs/operations.md, Backups, has the usual reasons.",
    );
  }
  if (options.json) await list(options);
}

/** Makes what a repository lacks to take backups, as one in the place of another that was lost for good. */
export async function prepareRepositories(options: BackupOptions): Promise<void> {
  const failed = await onEach(options, (of, name) => {
    say(`${name}: ${placesOf(of.plan)}`);
    return within(options, of, ["prepare"]);
  });
  if (failed.length > 0) {
    throw new UserError(
      `Not every repository of ${failed.join(", ")} is ready.`,
      "The lines above say why; docs/operations.md, Backups, has the usual reasons.",
    );
  }
  if (options.json) await list(options);
  else say("Ready. `npx atalaya backup now` makes the first backup where there is none.");
}

const placesOf = ({ repositories }: Backup): string =>
  repositories.map(({ name }) => name).join(" and ");

const backUp = (
  options: BackupOptions,
  of: Chosen,
  type: BackupNowOptions["type"],
): Promise<RunResult> => within(options, of, ["now", ...(of.plan.continuous ? [type] : [])]);

/** Where the schedule does it: it alone has all that is needed, keys and a way to the store. */
const within = (
  { stack }: BackupOptions,
  { system, plan: { schedule } }: Chosen,
  args: readonly string[],
): Promise<RunResult> => atOnceOn(stack)(system, schedule, ["atalaya-backup", ...args], told);

/** The images' programs say what they are at; the tools beside them say much more. */
const told = (line: string): void => {
  if (/^atalaya-(?:backup|restore):/.test(line)) say(line);
};

/**
 * One database after the other: one that fails does not keep the others from theirs, and its last lines are shown.
 * @param work undefined where it was said already why it failed
 * @returns the names of those that failed
 */
async function onEach(
  options: BackupOptions,
  work: (of: Chosen, name: string) => Promise<RunResult> | undefined,
): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const of of chosen(options)) {
    const name = `${of.system}/${of.plan.component}`;
    const ran = await work(of, name);
    if (ran?.code === 0) continue;
    failed.push(name);
    if (ran !== undefined) say(lastLines(ran.stderr.trim() || ran.stdout.trim(), 8));
  }
  return failed;
}

/** A new database beside the old one, from a backup; never over it. */
export async function restore(options: BackupRestoreOptions): Promise<void> {
  const { system, plan } = only(options);
  const name = `${system}/${plan.component}`;
  const started = Date.now();
  const [[status]] = await Promise.all([
    ask({ ...options, system, component: plan.component }),
    refuseStale(options),
  ]);
  const planned = planRestore(plan, status!, options, started);
  if (!("copy" in planned)) {
    throw new UserError(
      `${name} cannot be restored like that. Nothing was changed.`,
      planned.map(({ problem, fix }) => `- ${problem}\n    ${fix}`).join("\n"),
    );
  }
  const { copy } = planned;
  const copyName = `${plan.component}-copy-${copy.number}`;
  const serve = options.serve === true;
  describe(name, copyName, planned, serve);
  const done = (made: boolean): void => {
    if (!options.json) return;
    const { begins } = planned;
    const seconds = Math.round((Date.now() - started) / 1_000);
    resultJson({ system, component: plan.component, copy, begins, serves: serve, made, seconds });
  };
  if (serve) noRivals(plan, copy.number, flags(options, system, plan));
  if (options.dryRun) {
    say("Nothing was changed (--dry-run).");
    return done(false);
  }
  if (serve) {
    await agree(
      options,
      `${name} will stop, and go on with what was restored. What it has now stays on its volume. Go on?`,
    );
  }
  const of = flags(options, system, plan);
  const attempt = [
    "What the database had is on its volume as before. Take the attempt away before another one:",
    `  npx atalaya backup discard ${of} --copy ${copy.number}`,
  ];
  const perhaps = [
    `${name} may run on ${copyName} by now: what it writes there is in no other place.`,
    ...onward(options, system, plan),
  ];
  await changing(options, async () => {
    await change(
      options,
      system,
      plan,
      [withCopy(plan.restored, copy, serve)],
      serve ? perhaps : [upAgain(options)],
      async () => (!serve || (await takenBack(options, system, plan, copy)) ? attempt : perhaps),
    );
    if (serve) await begin(options, { system, plan });
    if (options.up !== false) {
      say(
        serve
          ? `${name} runs on ${copyName} (${duration(Date.now() - started)}).`
          : `${copyName} runs beside ${name} (${duration(Date.now() - started)}): nobody is linked to it. docs/operations.md, Backups, has how to look\n` +
              `and how to bring rows back. To have it take the database's place:\n` +
              `  npx atalaya backup switch ${of} --copy ${copy.number}`,
      );
    }
    done(options.up !== false);
  });
}

/** The database goes on with another volume; the one that it had stays as it is. */
export async function switchTo(options: BackupCopyOptions): Promise<void> {
  const { system, plan } = only(options);
  const { restored } = plan;
  existing(plan, options.copy);
  const name = `${system}/${plan.component}`;
  const volume = options.copy === 0 ? "its first volume" : `copy ${options.copy}`;
  if (restored.serves === options.copy) {
    throw new UserError(
      `${name} runs on ${volume} already.`,
      "Nothing was changed.",
      ExitCode.usage,
    );
  }
  noRivals(plan, options.copy, flags(options, system, plan));
  await refuseStale(options);
  await agree(
    options,
    `${name} will stop, and go on with ${volume}. What it has now stays on its own volume, and is not in the other one. Go on?`,
  );
  const last = serving(alone(restored), options.copy);
  // Two servers cannot share a volume: the one beside goes first.
  const steps = restored.beside === options.copy ? [alone(restored), last] : [last];
  await changing(options, async () => {
    await change(options, system, plan, steps, onward(options, system, plan));
    await begin(options, { system, plan });
    if (options.json) resultJson({ system, component: plan.component, serves: options.copy });
    else say(`${name} runs on ${volume}.`);
  });
}

/** Takes a copy away on which the database never ran. */
export async function discard(options: BackupCopyOptions): Promise<void> {
  const { system, plan } = only(options);
  existing(plan, options.copy);
  const name = `${system}/${plan.component}`;
  const copy = plan.restored.copies.find(({ number }) => number === options.copy);
  const serves = plan.restored.serves === options.copy;
  // One that was to serve counts as one that did; that it never came to that only the state says.
  const state = copy?.served ? await stateOf(options) : undefined;
  const { component } = plan;
  const ran = state === undefined || mayBeMade(state, system, `${component}-copy-${options.copy}`);
  if (serves && !ran) {
    throw new UserError(
      `${name} was to go on with copy ${options.copy}, and never did.`,
      `Name what it runs on first, such as \`npx atalaya backup switch ${flags(options, system, plan)} --copy 0 --no-up\`. Then this again.`,
      ExitCode.usage,
    );
  }
  if (copy === undefined || serves || (copy.served && ran)) {
    throw new UserError(
      `${name} ran on ${copy === undefined ? "its first volume" : `copy ${copy.number}`}: what is in it is in no other place.`,
      "It is protected. docs/operations.md, Backups, says how to take it away for good.",
      ExitCode.usage,
    );
  }
  await agree(options, `Copy ${options.copy} of ${name} will be gone. Go on?`);
  await changing(options, async () => {
    if (state !== undefined && options.up !== false) {
      await unprotect(options.stack, state, { system, component, number: options.copy });
    }
    await change(options, system, plan, [without(plan.restored, options.copy)], [upAgain(options)]);
    if (options.json) resultJson({ system, component: plan.component, discarded: options.copy });
    else say(`Copy ${options.copy} of ${name} is gone.`);
  });
}

/** Tries a restore now, in a container of its own. */
export async function drill(options: BackupOptions): Promise<void> {
  const atOnce = atOnceOn(options.stack);
  const failed = await onEach(options, ({ system, plan }, name) => {
    if (plan.drill === undefined) {
      say(`${name}: the stack has no drills (\`backups.drill\` is off)`);
      return undefined;
    }
    say(`${name}: a drill of ${placesOf(plan)}`);
    return atOnce(system, plan.drill.schedule, ["atalaya-restore", "drill"], told);
  });
  if (failed.length > 0) {
    throw new UserError(
      `The drill failed for ${failed.join(", ")}.`,
      "The lines above say why; docs/alerts.md#drillfailed has the usual reasons.",
    );
  }
  if (options.json) await status(options);
}

function describe(
  name: string,
  copyName: string,
  { copy, begins, notes }: RestorePlan,
  serve: boolean,
): void {
  const rows: [string, string][] = [
    ["database", name],
    ["up to", targetText(copy)],
    ["from", `repository ${copy.from}, backup ${begins.label} (${begins.ended.slice(0, 19)}Z)`],
    ["size", `${mebibytes(begins.size)}, to be read: ${mebibytes(begins.stored)}`],
    [
      "into",
      `a new volume ${copyName}-data${serve ? "; the database goes on with it" : ", beside the database"}`,
    ],
    ...notes.map((note): [string, string] => ["note", note]),
  ];
  const width = Math.max(...rows.map(([key]) => key.length));
  for (const [key, text] of rows) say(`${key.padEnd(width)}  ${text}`);
}

/** What is only written down is copied with the `up` that does it. */
const changing = (options: BackupChangeOptions, work: () => Promise<void>): Promise<void> =>
  options.up === false ? work() : withStateCopied(options.stack, work);

const upAgain = ({ stack }: BackupOptions): string =>
  `\`npx atalaya up -s ${stack}\` goes on where it stopped.`;

/** What is left to do where the database was to go on with another volume. */
const onward = (options: BackupOptions, system: string, plan: Backup): readonly string[] => [
  upAgain(options),
  `Then \`npx atalaya backup now ${flags(options, system, plan)}\`: by that backup a restore knows what to follow.`,
];

/**
 * After an update failed that was to have the database run on a new copy: where it is known that nothing was restored, the
 * copy is written down as one that can be taken away. In doubt it stays one that the database ran on.
 * @returns whether that is known
 */
async function takenBack(
  options: BackupOptions,
  system: string,
  plan: Backup,
  copy: RestoredCopy,
): Promise<boolean> {
  const { stack } = options;
  const { component, restored } = plan;
  try {
    const state = await deploymentOf(await openStack(stack, false));
    if (mayBeMade(state, system, `${component}-copy-${copy.number}`)) return false;
    await unprotect(stack, state, { system, component, number: copy.number });
  } catch (error) {
    if (error instanceof Interrupted) {
      throw error.advising(onward(options, system, plan).join("\n"));
    }
    return false;
  }
  write(options, system, plan, withAttempt(restored, copy));
  return true;
}

/** Of a copy on which no database ran: nothing in it is in no other place. */
async function unprotect(
  stack: string,
  state: Deployment,
  copy: Omit<ProtectedCopy, "urn">,
): Promise<void> {
  const { system, component, number } = copy;
  for (const { urn, ...of } of protectedCopies(state)) {
    if (of.system !== system || of.component !== component || of.number !== number) continue;
    await must("pulumi", ["state", "unprotect", urn, "--yes", "--stack", stack], { cwd: root });
  }
}

/** What Pulumi knows of a stack, in the environment that its commands want. */
async function stateOf({ stack, yes }: BackupChangeOptions): Promise<Deployment> {
  await prepare({ stack, engine: false, images: false, yes });
  return deploymentOf(await openStack(stack, false));
}

/** Before a file is changed that does not know of an earlier restore: what is written now would hide that. */
async function refuseStale(options: BackupChangeOptions): Promise<void> {
  if (options.up !== false) refuseForgotten(options.stack, await stateOf(options));
}

/**
 * Writes what changes into the stack's configuration, which is where it stays, and has the engine do it.
 * @param interrupted what to do where the last step did not come to its end
 * @param failed what to do where it failed
 */
async function change(
  options: BackupChangeOptions,
  system: string,
  plan: Backup,
  steps: readonly Restored[],
  interrupted: readonly string[],
  failed: () => Promise<readonly string[]> = () => Promise.resolve(interrupted),
): Promise<void> {
  const { stack } = options;
  for (const [i, step] of (options.up === false ? steps.slice(-1) : steps).entries()) {
    const undo = write(options, system, plan, step);
    try {
      describedStack(stack);
    } catch (error) {
      undo();
      throw error;
    }
    if (options.up === false) {
      say(
        `Written to Pulumi.${stack}.yaml. Nothing was changed yet: \`npx atalaya up -s ${stack}\`.`,
      );
      if (steps.length > 1) {
        say("Two servers cannot share a volume: take `beside` out, and `up`, before that.");
      }
      return;
    }
    if (steps.length > 1) say(`Step ${i + 1} of ${steps.length}`);
    try {
      await bringUp({
        stack,
        ...(options.yes === undefined ? {} : { yes: options.yes }),
        ...(options.json === undefined ? {} : { json: options.json }),
      });
    } catch (error) {
      const last = i === steps.length - 1;
      if (error instanceof Interrupted && last) {
        throw error.advising(interrupted.join("\n"));
      }
      if (error instanceof UserError) {
        const fix = last ? await failed() : ["Run this again: it goes on where it stopped."];
        throw new UserError(error.problem, [error.fix, ...fix].join("\n"), error.exitCode);
      }
      throw error;
    }
  }
  say(`Pulumi.${stack}.yaml says so now: keep it with the rest of your configuration.`);
}

const write = (
  { stack }: BackupOptions,
  system: string,
  { component }: Backup,
  restored: Restored,
): (() => void) =>
  setInStackFile(
    root,
    stack,
    ["atalaya:backups", "restored", system, component],
    restoredConfig(restored),
  );

/** A history begins with a backup: by it a restore knows which one to follow. */
async function begin(options: BackupChangeOptions, of: Chosen): Promise<void> {
  if (options.up === false) return;
  const { system, plan } = of;
  // A repository that is away takes minutes to be given up, and nobody has to wait for that.
  say(`${system}/${plan.component} serves. A backup to ${placesOf(plan)} follows:`);
  const now = `npx atalaya backup now ${flags(options, system, plan)}`;
  try {
    const { code, stdout, stderr } = await backUp(options, of, "incr");
    if (code === 0) return;
    say(lastLines(stderr.trim() || stdout.trim(), 8));
  } catch (error) {
    if (error instanceof Interrupted) {
      throw error.advising(`It serves already, without a backup of it: \`${now}\`.`);
    }
    if (!(error instanceof UserError)) throw error;
    say(`${error.problem} ${error.fix}`);
  }
  say(
    `It runs, but not every repository has a backup of it: see above. Without one ${
      plan.continuous
        ? "the next restore may follow another history than the database's"
        : "what it has is in no backup"
    }.\nMake it as soon as you can: \`${now}\`.`,
  );
  process.exitCode = ExitCode.failed;
}

function noRivals({ continuous, restored, component }: Backup, number: number, of: string): void {
  // Histories are PostgreSQL's.
  if (!continuous) return;
  const others = rivals(restored, number);
  if (others.length === 0) return;
  throw new UserError(
    `${component} has other copies that it never ran on: ${others.join(", ")}. The archive can follow one of them.`,
    others.map((other) => `npx atalaya backup discard ${of} --copy ${other}`).join("\n"),
    ExitCode.usage,
  );
}

async function agree(options: BackupChangeOptions, question: string): Promise<void> {
  if (await confirm(question, options.yes, { explicit: true })) return;
  throw new UserError(
    "Nothing was changed.",
    "Agree on a terminal, or with --yes.",
    ExitCode.usage,
  );
}

function existing({ restored, component }: Backup, number: number): void {
  const numbers = [0, ...restored.copies.map((copy) => copy.number)];
  if (numbers.includes(number)) return;
  throw new UserError(
    `${component} has no copy ${number}.`,
    `There are ${numbers.join(", ")}; 0 is its first volume.`,
    ExitCode.usage,
  );
}

const flags = ({ stack }: BackupOptions, system: string, { component }: Backup): string =>
  `-s ${stack} --system ${system} --component ${component}`;

/** @throws UserError where the options leave more than one database */
function only(options: BackupOptions): Chosen {
  const [first, ...others] = chosen(options);
  if (others.length === 0) return first!;
  throw new UserError(
    "Which database?",
    `Name one by --system and --component: ${[first!, ...others].map((of) => `${of.system}/${of.plan.component}`).join(", ")}.`,
    ExitCode.usage,
  );
}

const well = ({ problems }: DatabaseStatus): boolean => problems.length === 0;

/** @throws UserError where there is nothing to ask */
function chosen({ stack, system, component }: BackupOptions): readonly Chosen[] {
  checkStackName(stack);
  const all = describedStack(stack).systems.flatMap(({ name, backups }) =>
    backups.map((plan): Chosen => ({ system: name, plan })),
  );
  const found = all.filter(
    (of) =>
      (system ?? of.system) === of.system && (component ?? of.plan.component) === of.plan.component,
  );
  if (found.length > 0) return found;
  if (all.length === 0) {
    throw new UserError(
      `Stack ${stack} has no backups.`,
      "docs/configuration.md, backups, says how to set them.",
      ExitCode.usage,
    );
  }
  const there = all.map((of) => `${of.system}/${of.plan.component}`).join(", ");
  throw new UserError("There is no such database.", `There are ${there}.`, ExitCode.usage);
}

async function ask(options: BackupOptions): Promise<readonly DatabaseStatus[]> {
  const databases = chosen(options);
  const inside = insideOf(options.stack);
  const answer = async (
    of: Parameters<typeof inside>,
  ): Promise<{ readonly said?: string; readonly why?: string }> => {
    try {
      const { code, stdout, stderr } = await inside(...of);
      return code === 0 ? { said: stdout } : { why: lastLines(stderr.trim(), 1) };
    } catch (error) {
      // One that does not run is a finding of the status, not the end of it.
      if (error instanceof UserError) return { why: `${error.problem} ${error.fix}` };
      throw error;
    }
  };
  const question = ["psql", "-XAt", "-U", "postgres", "-d", "postgres", "-c", ARCHIVER_QUERY];
  return Promise.all(
    databases.map(async ({ system, plan }) => {
      const [info, drills, archiver] = await Promise.all([
        answer([system, plan.workload, ["atalaya-backup", "info"]]),
        plan.drill && answer([system, plan.workload, ["atalaya-restore", "drills"]]),
        plan.continuous ? answer([system, plan.component, question]) : undefined,
      ]);
      const at = Date.now() / 1_000;
      return statusOf(system, plan, info.said, archiver?.said, at, drills?.said, info.why);
    }),
  );
}
