import { randomBytes } from "node:crypto";
import { Live } from "../live/cases/context";
import { dashboards } from "../live/cases/dashboards";
import { idempotence } from "../live/cases/lifecycle";
import { logs, withLogs } from "../live/cases/log-lines";
import { STRIPE_KEY, visited, visitor } from "../live/cases/restaurant";
import { minutesToBuild } from "../support/cluster";
import { describeInTime } from "../support/deadline";
import { LoggingImages } from "../support/logging-images";
import { measured } from "../support/measurements";
import { Prometheus } from "../support/prometheus";
import { FakeStripe } from "../support/stripe";
import { Stage } from "./stage";

jest.setTimeout(900_000);

/** Logs of Pronto on a real Kubernetes node, from the kubelet's files on, by the cases that Swarm passes. */
describeInTime("logs of Pronto on Kubernetes", 21 + minutesToBuild(), () => {
  const live = new Live("pronto.localhost");
  const stage = new Stage(live, "pronto");
  let images: LoggingImages;
  let stripe: FakeStripe;

  beforeAll(async () => {
    images = await LoggingImages.create(randomBytes(4).toString("hex"));
    stripe = await FakeStripe.start(STRIPE_KEY);
    await stage.begin((outside) => withLogs(images, { host: outside, port: stripe.port }));
    await stage.load(images.loki, images.service);
    await live.stack.setSecret("pronto.secrets.stripeKey", STRIPE_KEY);
    const { milliseconds } = await live.stack.up();
    measured("first up of Pronto with logs on Kubernetes", {
      seconds: Math.round(milliseconds / 1_000),
    });
    await live.trust("nginx");
  }, 1_800_000);

  afterAll(async () => {
    await stage.end();
    await images?.remove();
    await stripe?.stop();
  });

  logs(live, () => ({
    store: stage.of("logs"),
    nodes: stage.of("nodes"),
    watchers: stage.of("observability"),
  }));
  dashboards(() => ({
    stack: live.stack,
    ask: (query) => new Prometheus(stage.of("observability")).ask(query),
    visit: visitor(live, () => stripe),
    here: visited,
  }));
  idempotence(live);
});
