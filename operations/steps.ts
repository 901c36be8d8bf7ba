import { Listr, ListrLogger, ProcessOutput } from "listr2";

import { duration } from "./output";

/** What a step may do while it runs. */
export interface StepControl {
  /** A line about what is going on right now. */
  progress(line: string): void;
  /** Ends the step's title: what was found or done. */
  done(summary: string): void;
}

/** One step of a command, shown with its state. */
export interface Step {
  readonly title: string;
  run(control: StepControl): Promise<void>;
}

/** How often a step that says nothing shows that it is alive, in milliseconds. */
const HEARTBEAT_MS = 30_000;

/**
 * Runs steps one after another: a live list on a terminal, plain lines elsewhere, both on standard
 * error (standard output carries results). A step that takes longer says so every half a minute.
 */
export async function runSteps(steps: readonly Step[]): Promise<void> {
  const tasks = new Listr<unknown, "default", "simple">(
    steps.map((step) => ({
      title: step.title,
      task: async (_context: unknown, task) => {
        const started = Date.now();
        let last = "";
        let lastShown = started;
        const show = (line: string): void => {
          lastShown = Date.now();
          task.output = line;
        };
        const beat = setInterval(() => {
          if (Date.now() - lastShown < HEARTBEAT_MS) return;
          show(`${last || step.title}, ${duration(Date.now() - started)} so far`);
        }, 5_000);
        try {
          await step.run({
            progress: (line) => {
              last = line;
              show(line);
            },
            done: (summary) => {
              task.title = `${step.title}: ${summary}`;
            },
          });
        } finally {
          clearInterval(beat);
        }
      },
    })),
    {
      concurrent: false,
      // Our own error output follows; listr's copy of it would say everything twice.
      collectErrors: false,
      renderer: "default",
      fallbackRenderer: "simple",
      fallbackRendererCondition: () => !process.stderr.isTTY,
      rendererOptions: { collapseErrors: false, showErrorMessage: false, logger: onStderr() },
      fallbackRendererOptions: { logger: onStderr() },
    },
  );
  await tasks.run();
}

function onStderr(): ListrLogger {
  return new ListrLogger({ processOutput: new ProcessOutput(process.stderr, process.stderr) });
}
