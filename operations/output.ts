import { createInterface } from "node:readline/promises";

import Table from "cli-table3";
import pc from "picocolors";

/**
 * Whether output is coloured: on a terminal, unless NO_COLOR is set. picocolors alone would also colour
 * the logs of CI machines.
 */
export const coloured =
  !process.env.NO_COLOR && Boolean(process.stdout.isTTY && process.stderr.isTTY);

/** Colours for the terminal; plain text elsewhere. */
export const colour = pc.createColors(coloured);

/** Whether a person is at a terminal who can answer. */
export function interactive(): boolean {
  return Boolean(process.stdin.isTTY && process.stderr.isTTY);
}

/**
 * Says something to the person, on standard error: standard output carries results only, so that
 * `--json` can be piped.
 */
export function say(text = ""): void {
  process.stderr.write(`${text}\n`);
}

/** Prints a result on standard output. */
export function result(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Prints a result for programs on standard output. */
export function resultJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** A table without box drawing, which survives being copied. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const drawn = new Table({
    head: head.map((title) => colour.bold(title)),
    // cli-table3 colours heads red by itself.
    style: { head: [], border: [], "padding-left": 0, "padding-right": 2 },
    chars: Object.fromEntries(
      [
        ["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left"],
        ["bottom-right", "left", "left-mid", "mid", "mid-mid", "right", "right-mid", "middle"],
      ]
        .flat()
        .map((name) => [name, ""]),
    ),
  });
  drawn.push(...rows.map((row) => [...row]));
  return drawn
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** Whether everything may be agreed to without asking: `--yes`, or a CI machine. */
export function agreed(yes: boolean | undefined, env: NodeJS.ProcessEnv = process.env): boolean {
  return yes === true || env.CI === "true" || env.CI === "1";
}

/**
 * Asks a yes-or-no question; no is the default answer. Without a terminal the answer is no.
 * @param yes agree without asking
 * @param options.explicit a CI machine agrees as well, unless this is true: for what removes something
 */
export async function confirm(
  question: string,
  yes: boolean | undefined,
  options: { readonly explicit?: boolean } = {},
): Promise<boolean> {
  if (options.explicit ? yes === true : agreed(yes)) return true;
  if (!interactive()) return false;
  const answer = await ask(`${question} [y/N] `);
  return /^y(es)?$/i.test(answer.trim());
}

/** Asks for a line of text. */
export async function ask(question: string): Promise<string> {
  const line = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await line.question(question);
  } finally {
    line.close();
  }
}

/** A span of time for people: `45 s`, `3 min 05 s`. */
export function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}
