import { randomBytes } from "node:crypto";
import { Live, REQUESTS_PER_SECOND } from "../live/cases/context";
import { detection, firewall } from "../live/cases/firewall";
import { becomes, gatewayCases, type Kind } from "../live/cases/gateway";
import { gatewayUpdates } from "../live/cases/gateway-updates";
import { Clients } from "../support/clients";
import { minutesToBuild } from "../support/cluster";
import { run } from "../support/commands";
import { describeInTime } from "../support/deadline";
import { variants } from "../support/versions";
import { Stage } from "./stage";

jest.setTimeout(600_000);

/** Both gateways as the way into a cluster, by the cases that they pass on Swarm. */
describeInTime("the gateways on Kubernetes", 15 + minutesToBuild(), () => {
  const live = new Live("shop.localhost");
  const stage = new Stage(live, "gateway", "test/live/programs/gateway.ts");
  const id = randomBytes(2).toString("hex");
  /** The same programs under another name. */
  const image = (kind: Kind): string => `atalaya-test/${kind}:${id}`;

  beforeAll(async () => {
    for (const kind of ["caddy", "nginx"] as const) {
      await variants(kind, { [image(kind)]: [`LABEL atalaya.test=${id}`] });
    }
    live.clients = await Clients.create(id, 2);
    await stage.begin({
      gateway: {
        ...{ gateway: "nginx", waf: "detect", requestsPerSecond: REQUESTS_PER_SECOND },
        ports: { http: 80, https: 443 },
      },
    });
    await stage.load(image("caddy"), image("nginx"));
    await live.stack.up();
    await live.trust("nginx");
  }, 1_800_000);

  afterAll(async () => {
    await live.clients?.remove();
    await stage.end();
    await run("docker", ["rmi", "--force", image("caddy"), image("nginx")]);
  });

  gatewayCases(live, "nginx");
  detection(live);
  gatewayUpdates(live, "nginx", { change: { waf: "block" }, image: image("nginx") });
  firewall(live);

  becomes(live, "caddy", { waf: "off", requestsPerSecond: REQUESTS_PER_SECOND });
  gatewayCases(live, "caddy");
  gatewayUpdates(live, "caddy", { image: image("caddy") });
});
