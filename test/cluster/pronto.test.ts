import { idempotence } from "../live/cases/lifecycle";
import { Live } from "../live/cases/context";
import {
  kills,
  leak,
  load,
  ordering,
  otherGateway,
  pooling,
  PRONTO,
  PRONTO_SECRETS,
  restaurantEnd,
  sessions,
  STRIPE,
  STRIPE_KEY,
} from "../live/cases/restaurant";
import { secrets } from "../live/cases/secrets";
import { minutesToBuild } from "../support/cluster";
import { expectCode } from "../support/commands";
import { describeInTime } from "../support/deadline";
import { measured } from "../support/measurements";
import { FakeStripe } from "../support/stripe";
import { Stage } from "./stage";

jest.setTimeout(600_000);

/** Pronto on a real Kubernetes node behind Caddy, by the cases that it passes on Swarm behind Nginx. */
describeInTime("Pronto on Kubernetes", 16 + minutesToBuild(), () => {
  const live = new Live("pronto.localhost");
  const stage = new Stage(live, "pronto");
  let stripe: FakeStripe;

  beforeAll(async () => {
    stripe = await FakeStripe.start(STRIPE_KEY);
    await stage.begin((outside) => ({
      pronto: {
        ...PRONTO,
        // The other gateway than on Swarm.
        gateway: "caddy",
        stripe: { ...STRIPE, host: outside, port: stripe.port, plain: true },
      },
    }));
    live.secretKey = STRIPE_KEY;
    await live.stack.setSecret("pronto.secrets.stripeKey", STRIPE_KEY);
    // As users do, with the policies.
    const created = await live.stack.atalaya("up");
    expectCode(created, 0);
    measured("first up of Pronto on Kubernetes", {
      seconds: Math.round(created.milliseconds / 1_000),
    });
    await live.trust();
  }, 1_800_000);

  afterAll(async () => {
    await stage.end();
    await stripe?.stop();
  });

  idempotence(live);
  ordering(live, () => stripe);
  secrets(live, PRONTO_SECRETS);
  pooling(live);
  sessions(live);
  load(live);
  leak(live, () => stripe);
  kills(live, () => stripe, { rounds: 2 });
  otherGateway(live, () => stripe, "nginx");
  sessions(live, "nginx on Kubernetes");
  restaurantEnd(live);
});
