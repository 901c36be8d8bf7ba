import { randomBytes } from "node:crypto";
import { Clients } from "../support/clients";
import { describeInTime } from "../support/deadline";
import { measured } from "../support/measurements";
import { Swarm } from "../support/swarm";
import { Versions } from "../support/versions";
import { freePorts, Workspace } from "../support/workspace";
import { Live, REQUESTS_PER_SECOND } from "./cases/context";
import { failures } from "./cases/failures";
import { isolation } from "./cases/isolation";
import { idempotence, lifecycle } from "./cases/lifecycle";
import { secrets } from "./cases/secrets";
import { serving } from "./cases/serving";
import { swarmNetworks } from "./cases/swarm-networks";
import { updates } from "./cases/updates";

jest.setTimeout(600_000);

/**
 * GRUPO_GAD on a real Swarm, from the checkout's own program. One stack for all cases, since creating
 * it takes the longest; they run in this order, and those that break things come last.
 */
describeInTime("GRUPO_GAD", 12, () => {
  const live = new Live();

  beforeAll(async () => {
    const [http, https] = (await freePorts(2)) as [number, number];
    live.ports = { http, https };
    const id = randomBytes(2).toString("hex");
    live.clients = await Clients.create(id, 3);
    live.versions = await Versions.create(id);
    const stack = await Workspace.create({
      config: {
        "grupo-gad": { ports: live.ports, requestsPerSecond: REQUESTS_PER_SECOND, testHooks: true },
      },
    });
    live.stack = stack;
    live.engine = new Swarm(stack.stack, "grupo-gad");
    live.secretKey = randomBytes(32).toString("base64url");
    await stack.setSecret("grupo-gad.secrets.secretKey", live.secretKey);
    const created = await stack.up();
    measured("first up", { seconds: Math.round(created.milliseconds / 1_000) });
    await live.trust();
  });

  afterAll(async () => {
    await live.clients?.remove();
    await live.stack?.remove();
    await live.versions?.remove();
  });

  idempotence(live);
  serving(live);
  isolation(live, ["edge", "edge-front"]);
  swarmNetworks(live, () => live.engine as Swarm);
  secrets(live);
  failures(live);
  updates(live, { patient: true });
  lifecycle(live);
});
