import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { coloured } from "../output";
import { attach, type Environment } from "../process";
import { root } from "../project";
import { readEvents, type UpdateReport } from "./events";

/** Our own rules, as a program that the engine asks (policies/README.md). */
const POLICIES = join(root, "policies", "run");

/** Which policies judge an operation. */
export interface PolicyOptions {
  /** `false`: none, for an emergency. @default true */
  readonly policies?: boolean;
  /** Another pack than our own: its folder, or its program. */
  readonly policyPack?: string;
}

/** @example policyArgs({}) // ["--policy-pack", "…/policies/run"] */
export const policyArgs = ({ policies = true, policyPack }: PolicyOptions): readonly string[] =>
  policies ? ["--policy-pack", policyPack === undefined ? POLICIES : resolve(policyPack)] : [];

/** Pulumi commands that change a stack, or show what would. */
export type Operation = "up" | "preview" | "destroy" | "refresh";

/** How an operation ended. */
export interface Outcome extends UpdateReport {
  readonly ok: boolean;
  /** When it began, in milliseconds since 1970. */
  readonly startedAt: number;
  readonly milliseconds: number;
  /** Everything that the engine said of it, as its event log has it. */
  readonly log: string;
}

/**
 * Runs a Pulumi operation with Pulumi's own display on this terminal. The Automation API would hand its
 * output on through a pipe, on which Pulumi shows plain lines only; so the command is started directly,
 * and its event log read afterwards, as the Automation API does.
 *
 * @param args more arguments of the Pulumi command
 * @param options.quietStdout keeps standard output free for a result in JSON
 * @param options.end ends it early, in good order
 * @param options.cwd the project's folder, where it is not this checkout
 * @param options.env added to this process's environment
 */
export async function operate(
  operation: Operation,
  stack: string,
  args: readonly string[],
  options: {
    readonly quietStdout?: boolean;
    readonly end?: AbortSignal;
    readonly cwd?: string;
    readonly env?: Environment;
  } = {},
): Promise<Outcome> {
  const { cwd = root } = options;
  const folder = mkdtempSync(join(tmpdir(), "atalaya-"));
  const log = join(folder, "events.jsonl");
  const startedAt = Date.now();
  try {
    const code = await attach(
      "pulumi",
      [
        operation,
        ...["--stack", stack, "--event-log", log],
        ...(operation === "preview" ? [] : ["--yes", "--skip-preview"]),
        // What it leads to is printed by us, in one place.
        "--suppress-outputs",
        ...(operation === "preview" ? [] : ["--suppress-permalink=true"]),
        ...(coloured ? [] : ["--color", "never"]),
        ...args,
      ],
      {
        cwd,
        // Policy packs look from there for the stack's own file.
        env: { PWD: cwd, PULUMI_DEBUG_COMMANDS: "true", ...options.env },
        ...(options.quietStdout ? { quietStdout: true } : {}),
        ...(options.end === undefined ? {} : { end: options.end }),
      },
    );
    const said = readLog(log);
    return {
      ok: code === 0,
      startedAt,
      milliseconds: Date.now() - startedAt,
      log: said,
      ...readEvents(said),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Pulumi that failed before it began has written none. */
function readLog(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
