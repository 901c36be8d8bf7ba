import { randomBytes } from "node:crypto";
import { delimiter } from "node:path";
import { Live, REQUESTS_PER_SECOND } from "../live/cases/context";
import { failures } from "../live/cases/failures";
import { isolation } from "../live/cases/isolation";
import { idempotence, lifecycle } from "../live/cases/lifecycle";
import { secrets } from "../live/cases/secrets";
import { serving } from "../live/cases/serving";
import { updates } from "../live/cases/updates";
import { Clients } from "../support/clients";
import { type Cluster, startCluster } from "../support/cluster";
import { Kubernetes } from "../support/kubernetes";
import { measured } from "../support/measurements";
import { Workspace } from "../support/workspace";

jest.setTimeout(600_000);

/** GRUPO_GAD on a real Kubernetes node: one line of configuration, and the cases that Swarm passes. */
describe("GRUPO_GAD on Kubernetes", () => {
  const live = new Live();
  let cluster: Cluster | undefined;
  let engine: Kubernetes | undefined;

  beforeAll(async () => {
    cluster = await startCluster();
    // The commands under test ask the cluster through kubectl.
    process.env["PATH"] = [...cluster.bin, process.env["PATH"]].join(delimiter);
    live.address = cluster.address;
    live.ports = { http: 80, https: 443 };
    live.clients = await Clients.create(randomBytes(2).toString("hex"), 3);
    const stack = await Workspace.create({
      config: {
        platform: "kubernetes",
        kubernetes: { kubeconfig: cluster.kubeconfig },
        "grupo-gad": {
          requestsPerSecond: REQUESTS_PER_SECOND,
          testHooks: true,
          // A version that crashes is given up by this time.
          api: { updateTimeout: "75 s" },
        },
      },
    });
    live.stack = stack;
    engine = new Kubernetes(cluster.kubectl, cluster.kubeconfig, stack.stack, "grupo-gad");
    live.engine = engine;
    live.secretKey = randomBytes(32).toString("base64url");
    await stack.setSecret("grupo-gad.secrets.secretKey", live.secretKey);
    const created = await stack.up();
    measured("first up on Kubernetes", { seconds: Math.round(created.milliseconds / 1_000) });
    await live.trust();
  }, 1_800_000);

  afterAll(async () => {
    await live.clients?.remove();
    await live.stack?.remove();
    await engine?.sweep();
    await cluster?.stop();
  });

  idempotence(live);
  serving(live);
  isolation(live, ["edge"]);
  secrets(live);
  failures(live);
  // A crash and a version that is never ready end by the same deadline of the cluster: once is enough.
  updates(live, { neverReady: false });
  lifecycle(live);
});
