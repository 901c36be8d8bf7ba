import { randomBytes } from "node:crypto";
import { describeInTime } from "../support/deadline";
import { LoggingImages } from "../support/logging-images";
import { measured } from "../support/measurements";
import { Swarm } from "../support/swarm";
import { freePorts, Workspace } from "../support/workspace";
import { Live } from "./cases/context";
import { idempotence } from "./cases/lifecycle";
import { logs, withLogs } from "./cases/logs";
import { STRIPE_KEY } from "./cases/restaurant";

jest.setTimeout(900_000);

describeInTime("logs of Pronto on Swarm", 14, () => {
  const live = new Live("pronto.localhost");
  let images: LoggingImages;

  beforeAll(async () => {
    const [http, https] = (await freePorts(2)) as [number, number];
    live.ports = { http, https };
    images = await LoggingImages.create(randomBytes(4).toString("hex"));
    live.stack = await Workspace.create({ config: { systems: ["pronto"], ...withLogs(images) } });
    live.stack.configure({ pronto: { ports: live.ports } });
    live.engine = new Swarm(live.stack.stack, "pronto");
    await live.stack.setSecret("pronto.secrets.stripeKey", STRIPE_KEY);
    const { milliseconds } = await live.stack.up();
    measured("first up of Pronto with logs", { seconds: Math.round(milliseconds / 1_000) });
    await live.trust("nginx");
  });

  afterAll(async () => {
    await live.stack?.remove();
    await images?.remove();
  });

  logs(live, () => {
    const of = (system: string): Swarm => new Swarm(live.stack.stack, system);
    return { store: of("logs"), nodes: of("nodes"), watchers: of("observability") };
  });
  idempotence(live);
});
