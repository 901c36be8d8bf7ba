import { randomBytes } from "node:crypto";
import { mismatched } from "../../support/certificates";
import { expectCode } from "../../support/commands";
import type { LoadReport } from "../../support/load";
import { until } from "../../support/poll";
import { noSecondTry } from "../../support/second-try";
import type { Live } from "./context";
import type { Kind } from "./gateway";
import { expectNoneLost, LOAD } from "./none-lost";

/**
 * What clients notice of a gateway's updates: nothing (PR-10, issue 5).
 * @param options.change settings of `programs/gateway.ts` that come with another rate limit as a new configuration
 * @param options.image another image of the gateway
 */
export function gatewayUpdates(
  live: Live,
  kind: Kind,
  options: { change?: object; image: string },
): void {
  /** Runs something under load, which begins before it and ends after it. */
  async function underLoad(name: string, work: () => Promise<void>): Promise<void> {
    let served = 0;
    await until("20 requests in a row are served", { within: 60_000, every: 40 }, async () => {
      served = (await live.ask("/api/v1/items?limit=1")).status === 200 ? served + 1 : 0;
      return served >= 20;
    });
    const running = await live.clients.load(live.target, LOAD, randomBytes(4).toString("hex"));
    const begun = Date.now();
    let milliseconds: number;
    let load: LoadReport;
    try {
      await work();
    } finally {
      milliseconds = Date.now() - begun;
      load = await running.stop();
    }
    expectNoneLost(`${name} of the gateway (${kind}, ${live.engine.name})`, load, milliseconds);
  }

  /** An update that replaces every instance of the gateway. */
  async function update(name: string, config: object): Promise<void> {
    const before = await live.engine.ids("edge");
    await underLoad(name, async () => {
      live.stack.configure({ gateway: { ...config, requestsPerSecond: 300 } });
      expectCode(await live.stack.operate("up"), 0);
      await live.engine.settled("edge", 2);
    });
    const after = await live.engine.ids("edge");
    expect(after.filter((id) => before.includes(id))).toEqual([]);
  }

  describe(`updates under load (${kind})`, () => {
    // A loss now and then is a loss; and a second try would find done what the first one has made.
    noSecondTry();

    test("a new configuration loses no request", async () => {
      await update("new configuration", options.change ?? {});
    });

    test("a new image of the gateway loses no request", async () => {
      await update("new image", { image: options.image });
    });

    test("a bad configuration never replaces a good one: the check says why, no instance changes", async () => {
      const { certificate, key } = await mismatched(live.host);
      await live.stack.setSecret("gateway.secrets.certificate", certificate);
      await live.stack.setSecret("gateway.secrets.key", key);
      const before = await live.engine.ids("edge");
      try {
        await underLoad("bad configuration", async () => {
          live.stack.configure({ gateway: { wrongKey: true } });
          const failed = await live.stack.atalaya("up");
          expect(failed.code).not.toBe(0);
          expect(failed.stdout + failed.stderr).toMatch(
            /key values mismatch|private key does not match public key/,
          );
        });
        expect(await live.engine.ids("edge")).toEqual(before);
      } finally {
        // What follows is about a gateway with a good one.
        live.stack.configure({ gateway: { wrongKey: false } });
      }
      expectCode(await live.stack.operate("up"), 0);
      expect(await live.engine.ids("edge")).toEqual(before);
    });
  });
}
