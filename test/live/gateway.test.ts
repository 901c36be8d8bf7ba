import { randomBytes } from "node:crypto";
import { Clients } from "../support/clients";
import { run } from "../support/commands";
import { describeInTime } from "../support/deadline";
import { Swarm } from "../support/swarm";
import { variants } from "../support/versions";
import { freePorts, Workspace } from "../support/workspace";
import { Live, REQUESTS_PER_SECOND } from "./cases/context";
import { detection, firewall } from "./cases/firewall";
import { becomes, gatewayCases, type Kind } from "./cases/gateway";
import { gatewayUpdates } from "./cases/gateway-updates";
import { behindBalancer, forgedAddress, heldConnections } from "./cases/swarm-networks";

jest.setTimeout(600_000);

/** A service behind a gateway (`programs/gateway.ts`) that begins as Caddy and becomes Nginx by one word. */
describeInTime("the gateways on Swarm", 9, () => {
  const live = new Live("shop.localhost");
  const id = randomBytes(2).toString("hex");
  /** The same programs under another name. */
  const image = (kind: Kind): string => `atalaya-test/${kind}:${id}`;

  beforeAll(async () => {
    for (const kind of ["caddy", "nginx"] as const) {
      await variants(kind, { [image(kind)]: [`LABEL atalaya.test=${id}`] });
    }
    const [http, https] = (await freePorts(2)) as [number, number];
    live.ports = { http, https };
    live.clients = await Clients.create(id, 2);
    live.stack = await Workspace.create({
      main: "test/live/programs/gateway.ts",
      config: {
        systems: ["gateway"],
        gateway: { gateway: "caddy", ports: live.ports, requestsPerSecond: REQUESTS_PER_SECOND },
      },
    });
    live.engine = new Swarm(live.stack.stack, "gateway");
    await live.stack.up();
    await live.trust("caddy");
  });

  afterAll(async () => {
    await live.clients?.remove();
    await live.stack?.remove();
    await run("docker", ["rmi", "--force", image("caddy"), image("nginx")]);
  });

  gatewayCases(live, "caddy");
  heldConnections(live);
  forgedAddress(live, "caddy");
  behindBalancer(live, "caddy");
  gatewayUpdates(live, "caddy", { image: image("caddy") });

  becomes(live, "nginx", {
    ...{ waf: "detect", requestsPerSecond: REQUESTS_PER_SECOND, trustedProxies: undefined },
  });
  gatewayCases(live, "nginx");
  forgedAddress(live, "nginx");
  behindBalancer(live, "nginx");
  detection(live);
  gatewayUpdates(live, "nginx", { change: { waf: "block" }, image: image("nginx") });
  firewall(live);
});
