import { ExitCode, UserError } from "../errors";
import { agreed } from "../output";
import type { Environment } from "../process";
import { projectName, root } from "../project";
import { runSteps, type Step } from "../steps";
import { type Backend, prepareBackend } from "./backend";
import { type Engine, ensureEngine, ensureSwarm } from "./engine";
import { buildImages } from "./images";
import { configuredEngine } from "./stack-file";
import { findToolchain, type Toolchain } from "./toolchain";

/** What a command needs before it can do its work. */
export interface Needs {
  /** The stack whose backend is to be settled; without one no backend is. */
  readonly stack?: string;
  /** A Docker engine in Swarm mode. */
  readonly engine: boolean;
  /** The images that we own, in the engine or in the registry of the stack. */
  readonly images: boolean;
  /** Agree to everything without asking. */
  readonly yes: boolean | undefined;
}

/** What was found or made. */
export interface Prepared {
  readonly toolchain: Toolchain;
  readonly engine?: Engine;
  readonly backend?: Backend;
}

/**
 * The set-up that every command shares; each step finds out whether there is anything to do, so that it
 * costs little when all is there, and can be interrupted. What it finds goes into this process's
 * environment, from where every Pulumi and docker command has it.
 *
 * @throws UserError with exit code 3 for what is missing and cannot be had.
 */
export async function prepare(needs: Needs): Promise<Prepared> {
  // Questions come before the list of steps, which would paint over them.
  const configured = needs.stack === undefined ? undefined : configuredEngine(root, needs.stack);
  const engine = needs.engine ? await ensureEngine(needs.yes, configured) : undefined;
  if (engine) adopt(engine.env);
  let toolchain: Toolchain | undefined;
  let backend: Backend | undefined;
  const steps: Step[] = [
    {
      title: "Pulumi CLI and plugins",
      run: async (control) => {
        toolchain = await findToolchain(control);
        adopt(toolchain.env);
      },
    },
  ];
  if (engine) {
    steps.push({ title: "Docker engine", run: (control) => ensureSwarm(engine, control) });
  }
  const { stack } = needs;
  if (stack !== undefined) {
    steps.push({
      title: "Pulumi state",
      run: async (control) => {
        await Promise.resolve();
        backend = prepareBackend(stack, projectName());
        adopt(backend.env);
        control.done(backend.summary);
      },
    });
  }
  if (needs.images) {
    steps.push({
      title: "Images",
      run: async (control) => {
        await buildImages(control, { stack, yes: agreed(needs.yes) });
      },
    });
  }
  await runSteps(steps);
  if (!toolchain) throw new Error("the toolchain step did not run");
  return { toolchain, ...(engine ? { engine } : {}), ...(backend ? { backend } : {}) };
}

/**
 * The environment in which plain Pulumi commands work on a stack, for programs beside the command line
 * (measurements). Fetches the toolchain where it is missing; asks nothing of the engine.
 */
export async function ready(stack: string): Promise<Environment> {
  await prepare({ stack, engine: false, images: false, yes: true });
  return { ...process.env };
}

/** Puts variables into this process's environment. */
function adopt(env: Environment): void {
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

/** Refuses a stack name that Pulumi would refuse later, with less said. */
export function checkStackName(name: string): void {
  if (/^[A-Za-z0-9_.-]{1,100}$/.test(name)) return;
  throw new UserError(
    `“${name}” is no name for a stack.`,
    "Letters, digits, hyphens, underscores and periods, 100 at most.",
    ExitCode.usage,
  );
}
