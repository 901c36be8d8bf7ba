import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { constants } from "node:os";
import { dirname } from "node:path";

import { Interrupted, UserError } from "./errors";

/** Environment variables for a child process; `undefined` removes one. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** How a command is run. */
export interface RunOptions {
  readonly cwd?: string;
  /** Added to this process's environment. */
  readonly env?: Environment;
  /** After so many milliseconds the command and its children are killed. Default: never. */
  readonly timeoutMs?: number;
  /** Given to the command's standard input, which is closed otherwise. */
  readonly input?: string;
  /** Everything that the command prints is appended here as well. */
  readonly logFile?: string;
  /** Called with each complete line of either stream. */
  readonly onLine?: (line: string) => void;
}

/** What came of a command. */
export interface RunResult {
  /** The exit code; 127 when there is no such command, 124 after a timeout, 128 + n after signal n. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Running {
  readonly child: ChildProcess;
  /** Leads a process group of its own, so the whole group can be signalled. */
  readonly group: boolean;
}

const running = new Set<Running>();
let interruptedBy: NodeJS.Signals | undefined;

function signalAll(signal: NodeJS.Signals): void {
  for (const { child, group } of running) {
    if (child.pid === undefined) continue;
    // A terminal has sent Ctrl-C to an attached child already; a second one would make Pulumi give
    // up without tidying.
    if (!group && signal === "SIGINT" && process.stdin.isTTY) continue;
    try {
      // Pulumi stops in good order on SIGINT alone.
      process.kill(group ? -child.pid : child.pid, group ? signal : "SIGINT");
    } catch {
      // It ended in the meantime.
    }
  }
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Makes Ctrl-C and SIGTERM reach the commands that are running, and lets them finish first: what
 * Pulumi was doing is recorded in its state before this process ends.
 */
export function installSignalHandlers(): void {
  for (const signal of SIGNALS) process.on(signal, onSignal);
}

/**
 * Lets signals end this process at once from here on, for long work that waits for nothing: a handler would
 * be called only after it. Nothing may be left to tidy, and no command may be running.
 */
export function endOnSignals(): void {
  for (const signal of SIGNALS) process.off(signal, onSignal);
}

function onSignal(signal: NodeJS.Signals): void {
  interruptedBy = signal;
  if (running.size === 0) process.exit(128 + constants.signals[signal]);
  signalAll(signal);
}

function throwIfInterrupted(): void {
  if (interruptedBy) throw new Interrupted(interruptedBy, constants.signals[interruptedBy]);
}

function exitCodeOf(code: number | null, signal: NodeJS.Signals | null): number {
  if (code !== null) return code;
  return signal ? 128 + (constants.signals[signal] ?? 0) : 1;
}

/**
 * Runs a command to its end and returns what it printed. A non-zero exit is a result, not an error;
 * see {@link must}.
 *
 * @throws Interrupted when this process was told to end meanwhile.
 */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  throwIfInterrupted();
  const log = options.logFile === undefined ? undefined : openLog(options.logFile);
  if (log !== undefined) writeSync(log, `$ ${[command, ...args].join(" ")}\n`);
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    detached: true,
  });
  const entry: Running = { child, group: true };
  running.add(entry);
  let timedOut = false;
  const timer =
    options.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
        }, options.timeoutMs);
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    const emit = lineSplitter((line) => options.onLine?.(line));
    child[name]!.setEncoding("utf8").on("data", (text: string) => {
      texts[name] += text;
      if (log !== undefined) writeSync(log, text);
      emit(text);
    });
  }
  if (options.input !== undefined) {
    // A command that ends without reading its input is judged by its exit code alone.
    child.stdin!.on("error", () => undefined);
    child.stdin!.end(options.input);
  }
  const code = await new Promise<number>((resolve) => {
    child.on("error", (error: NodeJS.ErrnoException) => {
      texts.stderr += error.message;
      resolve(error.code === "ENOENT" ? 127 : 126);
    });
    child.on("close", (status, signal) => resolve(timedOut ? 124 : exitCodeOf(status, signal)));
  });
  clearTimeout(timer);
  running.delete(entry);
  if (log !== undefined) closeSync(log);
  throwIfInterrupted();
  return { code, ...texts };
}

/**
 * Like {@link run}, for a command that has to succeed.
 *
 * @returns its standard output, without the last line break.
 * @throws UserError with the command's last lines.
 */
export async function must(
  command: string,
  args: readonly string[],
  options: RunOptions & { readonly fix?: string } = {},
): Promise<string> {
  const result = await run(command, args, options);
  if (result.code === 0) return result.stdout.trimEnd();
  const said = lastLines(result.stderr.trim() || result.stdout.trim(), 20);
  const log = options.logFile === undefined ? "" : `\nAll of its output: ${options.logFile}`;
  throw new UserError(
    `\`${[command, ...args.slice(0, 3)].join(" ")}\` failed (exit code ${result.code}).`,
    `${said}${log}${options.fix === undefined ? "" : `\n${options.fix}`}`,
  );
}

/**
 * Runs a command on this process's own terminal, for programs with a display of their own.
 *
 * @param options.quietStdout sends its standard output to standard error, which keeps this process's
 * standard output for a result in JSON.
 * @param options.end tells it to end, once aborted, as Ctrl-C would.
 * @param options.stdin gives it this process's standard input even where that is no terminal.
 * @returns the exit code.
 * @throws Interrupted when this process was told to end meanwhile; the command has ended by then.
 */
export async function attach(
  command: string,
  args: readonly string[],
  options: {
    readonly cwd?: string;
    readonly env?: Environment;
    readonly quietStdout?: boolean;
    readonly stdin?: boolean;
    readonly end?: AbortSignal;
  } = {},
): Promise<number> {
  throwIfInterrupted();
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: [
      options.stdin || process.stdin.isTTY ? "inherit" : "ignore",
      options.quietStdout ? 2 : "inherit",
      2,
    ],
  });
  const entry: Running = { child, group: false };
  running.add(entry);
  const end = (): void => void child.kill("SIGINT");
  options.end?.addEventListener("abort", end, { once: true });
  const code = await new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) => resolve(exitCodeOf(status, signal)));
  });
  running.delete(entry);
  options.end?.removeEventListener("abort", end);
  throwIfInterrupted();
  return code;
}

/** Whether a command of that name can be found on the PATH. */
export async function onPath(command: string, env: Environment = {}): Promise<string | undefined> {
  const found = await run("sh", ["-c", 'command -v "$1"', "sh", command], { env });
  return found.code === 0 ? found.stdout.trim() : undefined;
}

/** The last `count` lines of a text. */
export function lastLines(text: string, count: number): string {
  return text.split("\n").slice(-count).join("\n");
}

/** Calls `emit` with each complete line of a text that arrives in pieces. */
export function lineSplitter(emit: (line: string) => void): (piece: string) => void {
  let rest = "";
  return (piece) => {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) emit(line);
  };
}

function openLog(file: string): number {
  mkdirSync(dirname(file), { recursive: true });
  return openSync(file, "a", 0o600);
}
