import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import type { Bus } from "./bus";
import { HttpError } from "./errors";

/** Faults that the tests switch on for a while; they touch data routes alone. */
export class Faults {
  #fail = { rate: 0, until: 0 };
  #slow = { ms: 0, until: 0 };

  constructor(
    private readonly now: () => number = Date.now,
    private readonly random: () => number = Math.random,
  ) {}

  /** Follows what any process of the container was told. */
  listen(bus: Bus): void {
    bus.onBroadcast((message) => {
      if (message.kind === "fail") this.failFor(message.rate, message.seconds);
      if (message.kind === "slow") this.slowFor(message.ms, message.seconds);
    });
  }

  failFor(rate: number, seconds: number): void {
    this.#fail = { rate, until: this.now() + seconds * 1000 };
  }

  slowFor(ms: number, seconds: number): void {
    this.#slow = { ms, until: this.now() + seconds * 1000 };
  }

  /** Milliseconds to wait before the next request is served. */
  delay(): number {
    return this.now() < this.#slow.until ? this.#slow.ms : 0;
  }

  /** Whether the next request fails. */
  fails(): boolean {
    return this.now() < this.#fail.until && this.random() < this.#fail.rate;
  }

  /** Puts the faults in front of all routes of `scope`. */
  apply(scope: FastifyInstance): void {
    scope.addHook("onRequest", async () => {
      const ms = this.delay();
      if (ms > 0) await sleep(ms);
      if (this.fails()) throw new HttpError(500, "a test asked for this failure");
    });
  }
}
