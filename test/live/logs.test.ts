import { randomBytes } from "node:crypto";
import { describeInTime } from "../support/deadline";
import { LoggingImages } from "../support/logging-images";
import { measured } from "../support/measurements";
import { Prometheus } from "../support/prometheus";
import { FakeStripe } from "../support/stripe";
import { hostAddress, Swarm } from "../support/swarm";
import { freePorts, Workspace } from "../support/workspace";
import { Live } from "./cases/context";
import { dashboards } from "./cases/dashboards";
import { idempotence } from "./cases/lifecycle";
import { logs, withLogs } from "./cases/log-lines";
import { STRIPE_KEY, visited, visitor } from "./cases/restaurant";

jest.setTimeout(900_000);

describeInTime("logs of Pronto on Swarm", 17, () => {
  const live = new Live("pronto.localhost");
  let images: LoggingImages;
  let stripe: FakeStripe;
  const of = (system: string): Swarm => new Swarm(live.stack.stack, system);

  beforeAll(async () => {
    const [http, https] = (await freePorts(2)) as [number, number];
    live.ports = { http, https };
    images = await LoggingImages.create(randomBytes(4).toString("hex"));
    stripe = await FakeStripe.start(STRIPE_KEY);
    const paid = { host: hostAddress(), port: stripe.port };
    live.stack = await Workspace.create({
      config: { systems: ["pronto"], ...withLogs(images, paid) },
    });
    live.stack.configure({ pronto: { ports: live.ports } });
    live.engine = of("pronto");
    await live.stack.setSecret("pronto.secrets.stripeKey", STRIPE_KEY);
    const { milliseconds } = await live.stack.up();
    measured("first up of Pronto with logs", { seconds: Math.round(milliseconds / 1_000) });
    await live.trust("nginx");
  }, 1_800_000);

  afterAll(async () => {
    await live.stack?.remove();
    await images?.remove();
    await stripe?.stop();
  });

  logs(live, () => ({ store: of("logs"), nodes: of("nodes"), watchers: of("observability") }));
  dashboards(() => ({
    stack: live.stack,
    ask: (query) => new Prometheus(of("observability")).ask(query),
    visit: visitor(live, () => stripe),
    here: visited,
  }));
  idempotence(live);
});
