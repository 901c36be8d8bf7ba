import { hostname } from "node:os";

import type { OutputMap, Stack } from "@pulumi/pulumi/automation";
import { withStateCopied } from "../backup/copy-state";
import { UserError } from "../errors";
import { colour, duration, result, resultJson, say } from "../output";
import { projectName, root } from "../project";
import { locksFolder, prepareBackend } from "../setup/backend";
import { checkStackName, prepare } from "../setup/prepare";
import { configuredPlatform, configuredRegistry } from "../setup/stack-file";
import { refuseForgotten } from "../stack/copies";
import { alreadyExisting, isStale } from "../stack/events";
import { clearAbandonedLocks, type Lock } from "../stack/locks";
import { engineOf, type Seen, type StackEngine } from "../stack/engine";
import type { FailedJob } from "../stack/failed-jobs";
import { recover, refresh } from "../stack/recover";
import { operate, type Outcome, policyArgs, type PolicyOptions } from "../stack/update";
import { openStack } from "../stack/workspace";

/** Options that the stack commands share. */
export interface StackOptions {
  readonly stack: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** Options of `up`. */
export interface UpOptions extends StackOptions, PolicyOptions {}

/** Sets up what is missing, brings the stack to what its program declares, and says where it answers. */
export async function up(options: UpOptions): Promise<void> {
  const started = Date.now();
  checkStackName(options.stack);
  await withStateCopied(options.stack, async () => {
    const { stack, outcome } = await bringUp(options);
    report(await stack.outputs(), outcome, options, Date.now() - started);
  });
}

/**
 * All of `up` but what it says in the end: for commands that change what is declared.
 * @param options.stack a name that was checked
 */
export async function bringUp(options: UpOptions): Promise<{ stack: Stack; outcome: Outcome }> {
  const { stack, locks } = await ready(options, { images: true });
  refuseForgotten(stack.name, await recover(stack, locks, options.json === true));
  const outcome = await update(stack, options);
  if (!outcome.ok) throw await failure(stack.name, outcome);
  const engine = engineOf(stack.name);
  await engine.settle();
  const rolledBack = await engine.explainFailure(outcome.startedAt);
  if (rolledBack) throw rolledBack;
  return { stack, outcome };
}

/**
 * The set-up for a command that works on a stack, up to the opened stack without abandoned locks.
 *
 * @param needs.create make the stack when it does not exist; default true
 */
export async function ready(
  options: StackOptions,
  needs: { readonly images: boolean; readonly create?: boolean },
): Promise<{ readonly stack: Stack; readonly locks: readonly Lock[] }> {
  // A stack that must not be touched is refused before anything is installed for it.
  prepareBackend(options.stack, projectName());
  const { backend } = await prepare({
    stack: options.stack,
    ...engineNeeds(options.stack, needs.images),
    yes: options.yes,
  });
  const folder = locksFolder(backend?.url ?? "", projectName(), options.stack);
  const locks = clearAbandonedLocks(folder, options.stack, hostname());
  return { stack: await openStack(options.stack, needs.create ?? true), locks };
}

/**
 * Docker is needed where it runs the stack, and to build images for a registry; a cluster takes its images
 * from there, and Docker here has nothing to do with it else.
 */
function engineNeeds(stack: string, images: boolean): { engine: boolean; images: boolean } {
  if (configuredPlatform(root, stack) === "swarm") return { engine: true, images };
  const build = images && configuredRegistry(root, stack) !== undefined;
  return { engine: build, images: build };
}

/** How an update ended, and what the engine found no node for meanwhile. */
interface Attempt extends Outcome, Pick<Seen, "unplaced"> {}

/** One update, and a second one where the first failed for a reason that can be put right. */
async function update(stack: Stack, options: UpOptions): Promise<Attempt> {
  const policies = policyArgs(options);
  const engine = engineOf(stack.name);
  const attempt = (...args: readonly string[]): Promise<Attempt> =>
    watched(engine, stack.name, [...args, ...policies], options.json === true);
  const first = await attempt();
  if (first.ok) return first;
  if (isStale(first)) {
    say(
      "The engine no longer has something that the state lists. Refreshing, then trying once more.",
    );
    await refresh(stack.name, options.json === true);
    return attempt();
  }
  if (alreadyExisting(first).length > 0 && (await engine.clearTheWay(options.yes))) {
    return attempt("--refresh");
  }
  return first;
}

/** @throws UserError where a job of the update failed */
async function watched(
  engine: StackEngine,
  stack: string,
  args: readonly string[],
  quietStdout: boolean,
): Promise<Attempt> {
  const watch = engine.watch(Date.now());
  const outcome = await operate("up", stack, args, { quietStdout, end: watch.hopeless }).catch(
    async (error: unknown) => {
      await watch.end();
      throw error;
    },
  );
  const { failedJobs, ...seen } = await watch.end();
  if (!outcome.ok && failedJobs.length > 0) throw jobsFailed(failedJobs);
  return { ...outcome, ...seen };
}

function jobsFailed(jobs: readonly FailedJob[]): UserError {
  return new UserError(
    jobs.map(({ name, purpose }) => `The job ${name}, which ${purpose}, failed.`).join("\n"),
    "Its last lines stand above. What waits for it was not changed: correct the cause and run this again.",
  );
}

async function failure(stack: string, outcome: Attempt): Promise<UserError> {
  const rolledBack = await engineOf(stack).explainFailure(outcome.startedAt);
  if (rolledBack) return rolledBack;
  if (outcome.unplaced) return outcome.unplaced;
  return new UserError(
    `\`pulumi up\` of stack ${stack} failed after ${duration(outcome.milliseconds)}.`,
    outcome.errors.length > 0
      ? "The reason stands above. Correct it and run this again: it goes on where it stopped."
      : "Pulumi's messages stand above.",
  );
}

/** The parts of the stack's outputs that are for people. */
export interface Access {
  /** Addresses by name. */
  readonly urls: Readonly<Record<string, string>>;
  /** Where the credentials are; hints, never the credentials. */
  readonly credentials: readonly string[];
}

/** Picks the addresses and hints out of a stack's outputs; anything of another shape is left out. */
export function accessOf(outputs: OutputMap): Access {
  const urls: unknown = outputs.urls?.secret ? undefined : outputs.urls?.value;
  const credentials: unknown = outputs.credentials?.secret ? undefined : outputs.credentials?.value;
  const text = (value: unknown): value is string => typeof value === "string";
  return {
    urls: Object.fromEntries(
      Object.entries(typeof urls === "object" && urls !== null ? urls : {}).filter(
        (entry): entry is [string, string] => text(entry[1]),
      ),
    ),
    credentials: (Array.isArray(credentials) ? credentials : [credentials]).filter(text),
  };
}

function report(
  outputs: OutputMap,
  outcome: Outcome,
  options: StackOptions,
  milliseconds: number,
): void {
  const access = accessOf(outputs);
  if (options.json) {
    resultJson({
      stack: options.stack,
      result: "succeeded",
      changes: outcome.changes,
      seconds: Math.round(milliseconds / 1000),
      ...access,
    });
    return;
  }
  const suffix = options.stack === "dev" ? "" : ` -s ${options.stack}`;
  const separator = suffix === "" ? "" : " --";
  const section = (title: string, lines: readonly string[]): readonly string[] =>
    lines.length === 0 ? [] : ["", colour.bold(title), ...lines.map((line) => `  ${line}`)];
  const width = Math.max(0, ...Object.keys(access.urls).map((name) => name.length));
  result(
    [
      "",
      `Stack ${options.stack} is up (${duration(milliseconds)}).`,
      ...section(
        "Addresses",
        Object.entries(access.urls).map(([name, url]) => `${name.padEnd(width)}  ${url}`),
      ),
      ...section("Credentials", access.credentials),
      ...section("Next", [
        `npm run doctor                    what this machine has and lacks`,
        `npx atalaya preview${suffix.padEnd(15)}what a change of yours would do`,
        `npm run down${separator}${suffix.padEnd(22 - separator.length)}stop everything, keep the data`,
      ]),
    ].join("\n"),
  );
}
