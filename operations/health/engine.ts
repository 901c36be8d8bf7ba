import type { Environment, RunResult } from "../process";

/** The answer to a check is not known, and why: never with anything that a container printed. */
export class CannotAsk extends Error {}

/** An instance that runs and is well, as its engine calls it. */
export interface Instance {
  readonly id: string;
  /** Of its system on Kubernetes. */
  readonly namespace?: string;
  /** In which commands run, where there are several. @default the first */
  readonly container?: string;
  /** Whether a command can be run in it from here. */
  readonly reachable: boolean;
}

/** What an engine says of a workload. */
export interface WorkloadState {
  readonly instances: readonly Instance[];
  /** Of one that runs on every node: nodes on which none runs and is well. */
  readonly absent: number;
  /** Instances that ended unasked in the last {@link RECENT_MS}. */
  readonly ended: number;
  /** Its last update hangs, was paused or rolled back. */
  readonly hanging: boolean;
}

/** What an engine says of a stack at one moment. */
export interface EngineState {
  /** Those that are not ready; undefined where one may not ask. */
  readonly nodesNotReady: number | undefined;
  /** By system and workload, as `grupo-gad/api`. */
  readonly workloads: ReadonlyMap<string, WorkloadState>;
}

/** A command of this machine. */
export interface Invocation {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Environment;
}

/** What is asked of the engine behind a stack. It changes nothing there. */
export interface HealthEngine {
  /** @throws CannotAsk */
  readonly state: (timeoutMs: number) => Promise<EngineState>;
  /**
   * Runs a command in an instance, and ends it when its time is over (exit code 124).
   * @throws CannotAsk where the engine did not run it
   */
  readonly exec: (
    instance: Instance,
    command: readonly string[],
    timeoutMs: number,
  ) => Promise<RunResult>;
  /** How a command is run in an instance with a standard input of its own, by whoever wants to stay with it. */
  readonly invocation: (instance: Instance, command: readonly string[]) => Invocation;
  /**
   * An instance of a Prometheus that is not the stack's own, where that is who collects.
   * @throws CannotAsk
   */
  readonly prometheus?: (timeoutMs: number) => Promise<Instance>;
  /** Where a gateway is found whose name only this machine knows (`*.localhost`). */
  readonly entrance: (system: string, workload: string, timeoutMs: number) => Promise<string>;
}

/** How far back an instance that ended counts: as the alert ContainerRestarting has it. */
export const RECENT_MS = 15 * 60_000;

/** Whether something happened lately. @param at as ISO 8601 */
export const isRecent = (at: string | undefined, now: number): boolean =>
  at !== undefined && now - Date.parse(at) < RECENT_MS;

/** What an engine's command answered, or why it did not. @throws CannotAsk */
export function answered(
  { code, stdout, stderr }: RunResult,
  command: string,
  timeoutMs: number,
): string {
  if (code === 0) return stdout;
  if (code === 127) throw new CannotAsk(`there is no ${command} command here`);
  if (code === 124) throw new CannotAsk(`${command} gave no answer within ${timeoutMs / 1_000} s`);
  throw new CannotAsk(lastLine(stderr) ?? `${command} failed (exit code ${code})`);
}

/** The last line of what an engine's own command said. */
export const lastLine = (text: string): string | undefined =>
  text.trim().split("\n").at(-1)?.trim() || undefined;
