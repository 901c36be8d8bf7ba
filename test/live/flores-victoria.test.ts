import { describeInTime } from "../support/deadline";
import { measured } from "../support/measurements";
import { Prometheus } from "../support/prometheus";
import { Swarm } from "../support/swarm";
import { freePorts, Workspace } from "../support/workspace";
import { Live } from "./cases/context";
import { dashboards } from "./cases/dashboards";
import { idempotence } from "./cases/lifecycle";
import { browse, shop, shopEnd, shopPaths } from "./cases/shop";

jest.setTimeout(600_000);

/** Flores Victoria on Swarm: its home is Kubernetes, and one line of configuration moves it. */
describeInTime("Flores Victoria on Swarm", 11, () => {
  const live = new Live("flores.localhost");

  beforeAll(async () => {
    const [http, https] = (await freePorts(2)) as [number, number];
    live.ports = { http, https };
    const stack = await Workspace.create({
      config: {
        systems: ["flores-victoria"],
        "flores-victoria": { ports: live.ports, testHooks: true },
      },
    });
    live.stack = stack;
    live.engine = new Swarm(stack.stack, "flores-victoria");
    const created = await stack.up();
    measured("first up of Flores Victoria", {
      seconds: Math.round(created.milliseconds / 1_000),
    });
    await live.trust();
  });

  afterAll(async () => {
    await live.stack?.remove();
  });

  idempotence(live);
  shop(live, { giveUp: "3 min" });
  shopPaths(live);

  describe("the shop, watched from now on", () => {
    beforeAll(async () => {
      await live.stack.up({ monitoring: "lean" });
    });

    dashboards(() => ({
      stack: live.stack,
      ask: (query) => new Prometheus(new Swarm(live.stack.stack, "observability")).ask(query),
      visit: () => browse(live),
    }));
  });

  shopEnd(live);
});
