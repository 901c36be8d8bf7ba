import { Live } from "../live/cases/context";
import { dashboards } from "../live/cases/dashboards";
import { idempotence } from "../live/cases/lifecycle";
import {
  API_DOWN,
  DATABASE_DOWN,
  faults,
  healthCommand,
  heartbeat,
  hidden,
  memory,
  metrics,
  opened,
  TARGETS,
  tellAddresses,
  told,
  type Watched,
} from "../live/cases/observability";
import { minutesToBuild } from "../support/cluster";
import { describeInTime } from "../support/deadline";
import { HookSink } from "../support/hook";
import type { Kubernetes } from "../support/kubernetes";
import { MailSink } from "../support/mail";
import { measured } from "../support/measurements";
import { Prometheus } from "../support/prometheus";
import { Stage } from "./stage";

jest.setTimeout(600_000);

/** GRUPO_GAD on a real Kubernetes node with everything that watches it, by the cases that Swarm passes. */
describeInTime("a watched system on Kubernetes", 17 + minutesToBuild(), () => {
  const live = new Live();
  const stage = new Stage(live, "grupo-gad");
  let mails: MailSink;
  let hooks: HookSink;
  let system: Kubernetes;
  let watchers: Kubernetes;
  let machines: Kubernetes;
  let prometheus: Prometheus;

  beforeAll(async () => {
    [mails, hooks] = await Promise.all([MailSink.start(), HookSink.start()]);
    let outside = "";
    system = await stage.begin((host) => {
      outside = host;
      return { monitoring: "full", observability: told(host, mails, hooks) };
    });
    watchers = stage.of("observability");
    machines = stage.of("nodes");
    prometheus = new Prometheus(watchers);
    await tellAddresses(live.stack, outside, hooks);
    const { milliseconds } = await live.stack.up();
    measured("first up of a watched Grupo GAD on Kubernetes", {
      seconds: Math.round(milliseconds / 1_000),
    });
    await live.trust();
  }, 1_800_000);

  afterAll(async () => {
    await stage.end();
    await Promise.all([mails?.stop(), hooks?.stop()]);
  });

  const watched = (): Watched => ({
    ...{ stack: live.stack, system, watchers, machines, prometheus, mails, hooks },
    gateway: () => Promise.resolve(live.target),
  });

  metrics(watched, TARGETS);

  memory(watched);
  heartbeat(watched);
  faults(watched, [API_DOWN, DATABASE_DOWN]);

  dashboards(() => ({
    stack: live.stack,
    ask: (query) => prometheus.ask(query),
    visit: async () => {
      await live.ask("/api/v1/items");
      // Nobody's way leads to it.
      const asked = ["curl", "-sS", "--max-time", "5", "http://127.0.0.1:8000/api/v1/items"];
      await system.exec(await system.one("bot"), asked);
    },
  }));

  healthCommand(watched);
  opened(watched);
  idempotence(live);
  hidden(watched);
});
