import { randomBytes } from "node:crypto";
import type { Live } from "../live/cases/context";
import { expectCode } from "../support/commands";
import { measured } from "../support/measurements";
import type { Kubernetes, Reserved } from "../support/kubernetes";
import { until } from "../support/poll";
import { noSecondTry } from "../support/second-try";
import type { Stage } from "./stage";

/** Requests a second while pods are replaced. */
const LOAD = 40;

/** The VerticalPodAutoscaler at work: recommends, evicts, and fits the next pod (FV-05). */
export function vertical(live: Live, stage: Stage): void {
  describe("vertical autoscaling", () => {
    // A loss now and then is a loss; and the pods of a second try are fitted already.
    noSecondTry();

    let stop: () => Promise<void>;

    beforeAll(async () => {
      stop = await stage.startVerticalAutoscaler();
    });

    afterAll(async () => {
      await live.stack.up({ kubernetes: { verticalAutoscaler: undefined } });
      await stop?.();
    });

    test("what the API reserves follows what it uses, one pod at a time; the database stays (FV-05)", async () => {
      const engine = live.engine as Kubernetes;
      const before = await engine.reserved("api");
      const database = await engine.ids("db");
      const prefix = `vertical-${randomBytes(4).toString("hex")}`;
      const load = await live.clients.load(live.target, LOAD, prefix);
      let after: readonly Reserved[] = [];
      const begun = Date.now();
      try {
        await live.stack.up({ kubernetes: { verticalAutoscaler: true } });
        await until("both instances are fitted", { within: 240_000, every: 2_000 }, async () => {
          after = await engine.reserved("api");
          return after.length === before.length && after.every((one) => one.fitted);
        });
        await engine.settled("api", before.length);
      } finally {
        const { sent, lost } = await load.stop();
        measured("vertical autoscaling under load", {
          before: before.map(({ cpu, memory }) => `${cpu} ${memory}`),
          after: after.map(({ cpu, memory }) => `${cpu} ${memory}`),
          seconds: Math.round((Date.now() - begun) / 1_000),
          sent,
          lost: lost.length,
        });
        expect(lost).toEqual([]);
      }
      const [was] = before;
      expect(after.filter((one) => one.cpu === was!.cpu && one.memory === was!.memory)).toEqual([]);
      // A workload of one instance is told what it should reserve, and gets it when it starts the next time.
      expect(await engine.ids("db")).toEqual(database);
      const recommended = await engine.kubectl(
        ...["get", "verticalpodautoscaler", "db", "--output"],
        "jsonpath={.status.recommendation.containerRecommendations[0].target.memory}",
      );
      expect(Number.parseInt(recommended, 10)).toBeGreaterThan(0);
      // The stack says what a pod starts from; what it was fitted to is no difference. A pod that is being moved at
      // that moment is one: its Deployment is not whole.
      await until("nothing differs", { within: 120_000, every: 5_000 }, async () => {
        expectCode(await live.stack.operate("preview", "--refresh", "--expect-no-changes"), 0);
        return true;
      });
    });
  });
}
