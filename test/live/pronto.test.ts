import { expectCode } from "../support/commands";
import { describeInTime } from "../support/deadline";
import { measured } from "../support/measurements";
import { FakeStripe } from "../support/stripe";
import { hostAddress, Swarm } from "../support/swarm";
import { freePorts, Workspace } from "../support/workspace";
import { Live } from "./cases/context";
import { idempotence } from "./cases/lifecycle";
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
} from "./cases/restaurant";
import { secrets } from "./cases/secrets";

jest.setTimeout(600_000);

/** Pronto on Swarm behind Nginx, with a payment service that does as it is told. */
describeInTime("Pronto on Swarm", 11, () => {
  const live = new Live("pronto.localhost");
  let stripe: FakeStripe;

  beforeAll(async () => {
    const [http, https] = (await freePorts(2)) as [number, number];
    live.ports = { http, https };
    stripe = await FakeStripe.start(STRIPE_KEY);
    const stack = await Workspace.create({
      config: {
        systems: ["pronto"],
        pronto: {
          ...PRONTO,
          ports: live.ports,
          stripe: { ...STRIPE, host: hostAddress(), port: stripe.port, plain: true },
        },
      },
    });
    live.stack = stack;
    live.engine = new Swarm(stack.stack, "pronto");
    live.secretKey = STRIPE_KEY;
    await stack.setSecret("pronto.secrets.stripeKey", STRIPE_KEY);
    // As users do, with the policies.
    const created = await stack.atalaya("up");
    expectCode(created, 0);
    measured("first up of Pronto", { seconds: Math.round(created.milliseconds / 1_000) });
    await live.trust("nginx");
  });

  afterAll(async () => {
    await live.stack?.remove();
    await stripe?.stop();
  });

  idempotence(live);
  ordering(live, () => stripe);
  secrets(live, PRONTO_SECRETS);
  pooling(live);
  sessions(live);
  load(live);
  leak(live, () => stripe);
  kills(live, () => stripe, { rounds: 2, parts: [["edge-front", 1]] });
  otherGateway(live, () => stripe, "caddy");
  restaurantEnd(live);
});
