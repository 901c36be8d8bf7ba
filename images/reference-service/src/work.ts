import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import { isUnavailable } from "./errors";
import type { Logger } from "./log";
import { backoffMs } from "./timing";

/** Work beside the requests, again and again. */
export interface Work {
  /** Begins a round now rather than after the pause. */
  poke(): void;
}

/**
 * Runs rounds of work from when the server listens until it closes, a round at a time. A round that fails is
 * logged and tried again after a growing pause: a dependency may be away.
 * @param pauseMs between two rounds; a round that asks for another at once is given it
 * @param round gives `"more"` where there is more to do
 */
export function repeat(
  app: FastifyInstance,
  name: string,
  pauseMs: number,
  round: (signal: AbortSignal) => Promise<"more" | void>,
): Work {
  const log: Logger = app.log as unknown as Logger;
  const stop = new AbortController();
  let wake: AbortController | undefined;
  let poked = false;
  let running: Promise<void> | undefined;

  const wait = async (ms: number): Promise<void> => {
    if (poked) return;
    wake = new AbortController();
    const signal = AbortSignal.any([stop.signal, wake.signal]);
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  };

  async function run(): Promise<void> {
    let failures = 0;
    while (!stop.signal.aborted) {
      poked = false;
      try {
        const more = (await round(stop.signal)) === "more";
        failures = 0;
        if (!more) await wait(pauseMs);
      } catch (err) {
        if (stop.signal.aborted) return;
        const pause = Math.max(pauseMs, backoffMs(failures++));
        const level = isUnavailable(err) ? "warn" : "error";
        log[level]({ err, work: name, pauseMs: pause }, "a round of work failed");
        poked = false;
        await wait(pause);
      }
    }
  }

  app.addHook("onListen", async () => {
    running = run();
  });
  app.addHook("preClose", async () => {
    stop.abort();
    await running;
  });
  return {
    poke() {
      poked = true;
      wake?.abort();
    },
  };
}
