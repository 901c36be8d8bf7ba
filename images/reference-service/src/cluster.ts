import cluster, { type Worker } from "node:cluster";
import { setTimeout as sleep } from "node:timers/promises";
import { serveBus } from "./bus";
import type { Config } from "./config";
import type { Logger } from "./log";
import { clusterRegistry } from "./metrics";

const MOST_CRASHES = 5;
const CRASH_WINDOW_MS = 30_000;
const RESTART_PAUSE_MS = 200;

/** Counts crashes within a sliding window. */
export class CrashWindow {
  #times: number[] = [];

  constructor(
    private readonly most = MOST_CRASHES,
    private readonly windowMs = CRASH_WINDOW_MS,
  ) {}

  /** Notes a crash; true when there were more than allowed. */
  add(now = Date.now()): boolean {
    this.#times = [...this.#times, now].filter((time) => now - time < this.windowMs);
    return this.#times.length > this.most;
  }
}

/**
 * Keeps `config.workers` processes of this program running; a crashed one is replaced.
 * @returns the exit code, once all workers are gone: 0 after SIGTERM or SIGINT, 1 when they
 * crash again and again, or what a test hook asked for
 */
export function runPrimary(config: Config, log: Logger): Promise<number> {
  const registry = clusterRegistry();
  const crashes = new CrashWindow();
  let exitCode: number | undefined;

  return new Promise((resolve) => {
    const workers = (): Worker[] =>
      Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);

    function stop(code: number, signal: NodeJS.Signals): void {
      exitCode ??= code;
      const running = workers();
      if (running.length === 0) resolve(exitCode);
      for (const worker of running) worker.process.kill(signal);
    }

    function start(): void {
      const worker = cluster.fork();
      serveBus(
        worker,
        workers,
        () => registry.clusterMetrics(),
        (code) => stop(code, "SIGKILL"),
      );
    }

    cluster.on("exit", (worker, code, signal) => {
      if (exitCode !== undefined) {
        if (workers().length === 0) resolve(exitCode);
        return;
      }
      log.error({ worker: worker.id, code, signal }, "worker crashed");
      if (crashes.add()) {
        log.fatal("workers crash again and again");
        stop(1, "SIGTERM");
        return;
      }
      // Unless the container was told to stop meanwhile.
      void sleep(RESTART_PAUSE_MS).then(() => {
        if (exitCode === undefined) start();
      });
    });
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => {
        log.info({ signal }, "stopping workers");
        stop(0, "SIGTERM");
      });
    }
    for (let i = 0; i < config.workers; i++) start();
  });
}
