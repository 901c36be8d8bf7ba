import { type ChildProcess, spawn } from "node:child_process";

/** How a command ended. */
export interface Ran {
  /** Exit code; 128 + n after signal n. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly milliseconds: number;
}

export interface CommandOptions {
  readonly cwd?: string;
  /** The whole environment. @default this process's */
  readonly env?: NodeJS.ProcessEnv;
  /** Given to standard input. */
  readonly input?: string;
  /** Milliseconds until the command and its children are killed. @default 10 minutes */
  readonly timeoutMs?: number;
}

/** A command that runs, with its whole process group. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ran>;
  /** Sends a signal to the command and everything that it started. */
  readonly signal: (signal: NodeJS.Signals) => void;
}

const TEN_MINUTES = 600_000;

/** Starts a command in a process group of its own. */
export function start(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Running {
  const begun = Date.now();
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  const signal = (name: NodeJS.Signals): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, name);
    } catch {
      // The group is gone already.
    }
  };
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => (texts[name] += text));
  }
  // A command that ends without reading its input is judged by its exit code.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  const timer = setTimeout(() => signal("SIGKILL"), options.timeoutMs ?? TEN_MINUTES);
  const ended = new Promise<Ran>((resolve) => {
    const settle = (code: number): void => {
      clearTimeout(timer);
      resolve({ code, ...texts, milliseconds: Date.now() - begun });
    };
    child.on("error", (error) => {
      texts.stderr += error.message;
      settle(127);
    });
    child.on("close", (code, by) => settle(code ?? (by === "SIGKILL" ? 137 : 143)));
  });
  return { child, ended, signal };
}

/** Runs a command to its end; a non-zero exit is a result. */
export function run(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Ran> {
  return start(command, args, options).ended;
}

/**
 * Runs a command that has to succeed.
 * @returns its standard output without surrounding space
 * @throws Error with what it said
 */
export async function must(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const ran = await run(command, args, options);
  if (ran.code === 0) return ran.stdout.trim();
  const line = [command, ...args].join(" ").slice(0, 200);
  throw new Error(`${line}: exit code ${ran.code}\n${ran.stdout}\n${ran.stderr}`);
}

/**
 * Checks how a command ended, and shows all that it said where that was another way.
 * @param code the exit code that it should have
 */
export function expectCode(ran: Ran, code: number): void {
  const said = ran.code === code ? "" : `${ran.stdout}\n${ran.stderr}`;
  expect({ code: ran.code, said }).toEqual({ code, said: "" });
}
