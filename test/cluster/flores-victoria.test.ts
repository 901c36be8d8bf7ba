import { setTimeout as sleep } from "node:timers/promises";
import { Live } from "../live/cases/context";
import { idempotence } from "../live/cases/lifecycle";
import { shop, shopEnd } from "../live/cases/shop";
import { minutesToBuild } from "../support/cluster";
import { expectCode } from "../support/commands";
import { describeInTime } from "../support/deadline";
import type { Kubernetes } from "../support/kubernetes";
import { measured } from "../support/measurements";
import { until } from "../support/poll";
import { badInput, tightQuota } from "./bad-input";
import { objects } from "./objects";
import { Stage } from "./stage";

jest.setTimeout(600_000);

/** Flores Victoria on a real Kubernetes node (FV-01 to FV-05). */
describeInTime("Flores Victoria on Kubernetes", 14 + minutesToBuild(), () => {
  const live = new Live("flores.localhost");
  const stage = new Stage(live, "flores-victoria");
  let engine: Kubernetes;

  beforeAll(async () => {
    engine = await stage.begin({
      "flores-victoria": {
        testHooks: true,
        services: { "wishlist-service": { min: 1, max: 3 } },
        // The load that makes it scale comes from one address.
        requestsPerSecond: 10_000,
      },
    });
    const created = await live.stack.up();
    measured("first up of Flores Victoria on Kubernetes", {
      seconds: Math.round(created.milliseconds / 1_000),
    });
    await live.trust();
  }, 1_800_000);

  afterAll(async () => {
    await stage.end();
  });

  idempotence(live);
  objects(live, () => engine);
  shop(live, { giveUp: "45 s" });

  describe("HorizontalPodAutoscaler", () => {
    test("instances follow the load, and `up` leaves their number alone (FV-05)", async () => {
      await until("metrics", { within: 90_000, every: 2_000 }, async () => {
        const text = await engine.kubectl("get", "hpa", "wishlist-service");
        return !text.includes("<unknown>");
      });
      let loading = true;
      const load = Array.from({ length: 4 }, async () => {
        while (loading) {
          await live.ask("/api/wishlist").catch(() => undefined);
          await sleep(5);
        }
      });
      try {
        const { milliseconds } = await until(
          "a second instance that is well",
          { within: 180_000, every: 2_000 },
          async () =>
            (await engine.instances("wishlist-service")).filter((one) => one.well).length > 1,
        );
        measured("a second instance under load", { afterMs: milliseconds });
        expectCode(await live.stack.operate("up", "--expect-no-changes"), 0);
        expect((await engine.instances("wishlist-service")).length).toBeGreaterThan(1);
      } finally {
        loading = false;
        await Promise.all(load);
      }
    });
  });

  tightQuota(live, () => engine);
  shopEnd(live);
  badInput(stage);
});
