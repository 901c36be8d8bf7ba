import { randomBytes } from "node:crypto";
import { Live, REQUESTS_PER_SECOND } from "../live/cases/context";
import { failures } from "../live/cases/failures";
import { isolation } from "../live/cases/isolation";
import { idempotence, lifecycle } from "../live/cases/lifecycle";
import { secrets } from "../live/cases/secrets";
import { serving } from "../live/cases/serving";
import { updates } from "../live/cases/updates";
import { Clients } from "../support/clients";
import { minutesToBuild } from "../support/cluster";
import { describeInTime } from "../support/deadline";
import { measured } from "../support/measurements";
import { Versions } from "../support/versions";
import { Stage } from "./stage";
import { vertical } from "./vertical";

jest.setTimeout(600_000);

/** GRUPO_GAD on a real Kubernetes node: one line of configuration, and the cases that Swarm passes. */
describeInTime("GRUPO_GAD on Kubernetes", 16 + minutesToBuild(), () => {
  const live = new Live();
  const stage = new Stage(live, "grupo-gad");

  beforeAll(async () => {
    const id = randomBytes(2).toString("hex");
    live.clients = await Clients.create(id, 3);
    live.versions = await Versions.create(id);
    await stage.begin({
      "grupo-gad": {
        requestsPerSecond: REQUESTS_PER_SECOND,
        testHooks: true,
        // A version that crashes is given up by this time.
        api: { updateTimeout: "75 s" },
      },
    });
    await stage.load(...live.versions.all);
    live.secretKey = randomBytes(32).toString("base64url");
    await live.stack.setSecret("grupo-gad.secrets.secretKey", live.secretKey);
    const created = await live.stack.up();
    measured("first up on Kubernetes", { seconds: Math.round(created.milliseconds / 1_000) });
    await live.trust();
  }, 1_800_000);

  afterAll(async () => {
    await live.clients?.remove();
    await stage.end();
    await live.versions?.remove();
  });

  idempotence(live);
  serving(live);
  isolation(live, ["edge"]);
  secrets(live);
  failures(live);
  // On a cluster all of these end by the same deadline: once is enough.
  updates(live, { patient: false });
  vertical(live, stage);
  lifecycle(live);
});
