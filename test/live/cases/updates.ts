import { randomBytes } from "node:crypto";
import { expectCode } from "../../support/commands";
import type { LoadReport } from "../../support/load";
import { until } from "../../support/poll";
import { noSecondTry } from "../../support/second-try";
import type { Version } from "../../support/versions";
import type { ConfigPatch } from "../../support/workspace";
import type { Live } from "./context";
import { expectNoneLost, LOAD } from "./none-lost";

/**
 * What users notice of an update: nothing (GG-02, PR-10).
 * @param options.patient also what takes minutes and ends by the same rule: a second try at a broken version,
 * one that starts and is never ready
 */
export function updates(live: Live, options: { patient: boolean }): void {
  const testPatiently: (name: string, body: () => Promise<void>) => void = options.patient
    ? test
    : () => undefined;

  /** Runs something under load. The load begins before and ends after it. */
  async function underLoad<T>(work: () => Promise<T>): Promise<{ result: T; load: LoadReport }> {
    const prefix = `load-${randomBytes(4).toString("hex")}`;
    const running = await live.clients.load(live.target, LOAD, prefix);
    let result: T;
    try {
      result = await work();
    } catch (error) {
      await running.stop();
      throw error;
    }
    const load = await running.stop();
    // Whatever the API said it had made is there once, and nothing else of this load.
    const found = await live.engine.sql(
      "db",
      "grupo_gad",
      `SELECT name FROM items WHERE name LIKE '${prefix}-%'`,
    );
    expect(found.map(([name]) => name).sort()).toEqual([...load.posted].sort());
    return { result, load };
  }

  /** The API from another image, migrations with it. */
  const version = (name: Version): ConfigPatch => ({
    "grupo-gad": {
      images: { api: live.versions.image(name) },
      api: { migrate: ["node", "/app/dist/main.js", "migrate"] },
    },
  });

  describe("updates under load", () => {
    // A loss now and then is a loss; and a second try would find done what the first one has made.
    noSecondTry();

    // The cases before have killed things: what is measured here begins with a well system.
    beforeAll(async () => {
      let served = 0;
      await until("40 requests in a row are served", { within: 60_000, every: 25 }, async () => {
        served = (await live.ask("/api/v1/items?limit=1")).status === 200 ? served + 1 : 0;
        return served >= 40;
      });
    });

    test("another image of the API loses no request (GG-02, PR-10)", async () => {
      const before = await live.engine.ids("api");
      live.stack.configure(version("second"));
      const run = await underLoad(() => live.stack.operate("up"));
      expectCode(run.result, 0);
      await live.engine.settled("api", 2);
      const after = await live.engine.ids("api");
      expect(after.filter((id) => before.includes(id))).toEqual([]);
      for (const { target } of await live.engine.instances("api")) {
        const ran = await live.engine.exec(target, ["printenv", "VERSION"]);
        expect(ran.stdout.trim()).toBe("second");
      }
      expectNoneLost("update of the API to another image", run.load, run.result.milliseconds);
    });

    test("a gateway with a new configuration loses no request (GG-02, PR-10)", async () => {
      const before = await live.engine.ids("edge");
      live.stack.configure({ "grupo-gad": { requestsPerSecond: 70 } });
      const run = await underLoad(() => live.stack.operate("up"));
      expectCode(run.result, 0);
      await live.engine.settled("edge", 2);
      expect((await live.engine.ids("edge")).filter((id) => before.includes(id))).toEqual([]);
      expectNoneLost("update of the gateway", run.load, run.result.milliseconds);
    });

    test("an image that exits is rolled back, none lost; `atalaya up` names the cause (GG-02, GG-03)", async () => {
      const before = await live.engine.ids("api");
      live.stack.configure(version("exits"));
      const run = await underLoad(() => live.stack.atalaya("up"));
      // 4: the engine rolled a release back.
      expectCode(run.result, 4);
      const text = run.result.stdout + run.result.stderr;
      expect(text).toMatch(/\bapi\b/);
      expect(text).toMatch(live.engine.crash);
      expect(text).toMatch(/this version is broken on purpose/);
      await live.engine.refused("api", 2);
      // One old container at least was never touched.
      expect((await live.engine.ids("api")).some((id) => before.includes(id))).toBe(true);
      expectNoneLost("update to an image that exits", run.load, run.result.milliseconds);
    });

    testPatiently("the next up, unchanged, tries again (GG-02, FV-04)", async () => {
      const again = await live.stack.operate("up");
      expect(again.code).not.toBe(0);
      expect(again.text).toMatch(live.engine.refusal);
      await live.engine.refused("api", 2);
    });

    testPatiently(
      "an image that never becomes ready is rolled back, none lost (FV-04, GG-03)",
      async () => {
        live.stack.configure(version("unready"));
        const run = await underLoad(() => live.stack.operate("up"));
        expect(run.result.code).not.toBe(0);
        expect(run.result.text).toMatch(live.engine.refusal);
        await live.engine.refused("api", 2);
        expectNoneLost("update to an image that is never ready", run.load, run.result.milliseconds);
      },
    );

    test("a good version after it goes through (GG-03)", async () => {
      live.stack.configure(version("third"));
      const good = await live.stack.operate("up");
      expectCode(good, 0);
      await live.engine.settled("api", 2);
      expectCode(await live.stack.operate("preview", "--expect-no-changes"), 0);
    });
  });
}
