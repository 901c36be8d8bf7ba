import { randomBytes } from "node:crypto";
import { Live, REQUESTS_PER_SECOND } from "../live/cases/context";
import { detection, firewall } from "../live/cases/firewall";
import { gatewayCases } from "../live/cases/gateway";
import { gatewayUpdates } from "../live/cases/gateway-updates";
import { Clients } from "../support/clients";
import { minutesToBuild } from "../support/cluster";
import { describeInTime } from "../support/deadline";
import { Stage } from "./stage";

jest.setTimeout(600_000);

/** Nginx as the way into a cluster, by the cases that it passes on Swarm; Caddy is GRUPO_GAD's there. */
describeInTime("Nginx on Kubernetes", 7 + minutesToBuild(), () => {
  const live = new Live("shop.localhost");
  const stage = new Stage(live, "gateway", "test/live/programs/gateway.ts");

  beforeAll(async () => {
    live.clients = await Clients.create(randomBytes(2).toString("hex"), 2);
    await stage.begin({
      gateway: {
        ...{ gateway: "nginx", waf: "detect", requestsPerSecond: REQUESTS_PER_SECOND },
        ports: { http: 80, https: 443 },
      },
    });
    await live.stack.up();
    await live.trust("nginx");
  }, 1_800_000);

  afterAll(async () => {
    await live.clients?.remove();
    await stage.end();
  });

  gatewayCases(live, "nginx");
  detection(live);
  gatewayUpdates(live, "nginx", { change: { waf: "block" } });
  firewall(live);
});
