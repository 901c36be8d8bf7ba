import { selfSigned } from "../support/certificates";
import { describeInTime } from "../support/deadline";
import { expectCode } from "../support/commands";
import { Hog, SmallDisk } from "../support/faults";
import { HookSink } from "../support/hook";
import { ask, type Target } from "../support/https";
import { MailSink } from "../support/mail";
import { measured } from "../support/measurements";
import { until } from "../support/poll";
import { Prometheus } from "../support/prometheus";
import { hostAddress, Swarm } from "../support/swarm";
import { dashboards } from "./cases/dashboards";
import {
  API_DOWN,
  DATABASE_DOWN,
  ERRORS,
  faults,
  FRONT_DOWN,
  healthCommand,
  heartbeat,
  hidden,
  memory,
  metrics,
  opened,
  REDIS_DOWN,
  SLOW,
  TARGETS,
  tellAddresses,
  told,
  type Watched,
} from "./cases/observability";
import { freePorts, Workspace } from "../support/workspace";

jest.setTimeout(600_000);

/** A system on Swarm with everything that watches it; mail, Slack and a heartbeat end here (GG-06, GG-07). */
describeInTime("a watched system on Swarm", 34, () => {
  let stack: Workspace;
  let mails: MailSink;
  let hooks: HookSink;
  let system: Swarm;
  let watchers: Swarm;
  let machines: Swarm;
  let prometheus: Prometheus;
  let disk: SmallDisk;
  let https: number;

  /** Gives a gateway a certificate that lasts so many days. */
  async function certify(days: number): Promise<void> {
    const { certificate, key } = await selfSigned("counter.localhost", days);
    await stack.setSecret("counter.secrets.certificate", certificate);
    await stack.setSecret("counter.secrets.key", key);
    // Before the first `up` nothing is there to be changed.
    if (created) await stack.up();
  }
  let created = false;

  beforeAll(async () => {
    const host = hostAddress();
    [mails, hooks] = await Promise.all([MailSink.start(host), HookSink.start(host)]);
    // An observer sees the disks that were there before it.
    disk = await SmallDisk.mount();
    const ports = (await freePorts(4)) as [number, number, number, number];
    https = ports[1];
    stack = await Workspace.create({
      main: "test/live/programs/watched.ts",
      config: {
        systems: ["grupo-gad", "counter"],
        monitoring: "full",
        "grupo-gad": { ports: { http: ports[0], https }, testHooks: true },
        counter: { ports: { http: ports[2], https: ports[3] } },
        observability: told(host, mails, hooks),
      },
    });
    await tellAddresses(stack, host, hooks);
    system = new Swarm(stack.stack, "grupo-gad");
    watchers = new Swarm(stack.stack, "observability");
    machines = new Swarm(stack.stack, "nodes");
    prometheus = new Prometheus(watchers);
    await certify(90);
    const { milliseconds } = await stack.up();
    created = true;
    measured("first up of a watched Grupo GAD", { seconds: Math.round(milliseconds / 1_000) });
  });

  afterAll(async () => {
    await stack?.remove();
    await Promise.all([mails?.stop(), hooks?.stop(), disk?.remove()]);
  });

  const gateway = async (): Promise<Target> => {
    const root = await system.exec(await system.one("edge"), [
      ...["cat", "/data/caddy/pki/authorities/local/root.crt"],
    ]);
    return { host: "gad.localhost", port: https, ca: root.stdout };
  };

  const watched = (): Watched => ({
    ...{ stack, system, watchers, machines, prometheus, mails, hooks, gateway },
  });

  metrics(watched, {
    ...TARGETS,
    // A cluster has none.
    "grupo-gad/edge-front/gad.localhost": 1,
    "counter/entry-front/counter.localhost": 1,
    "counter/till": 1,
    "counter/entry": 2,
    "counter/entry/counter.localhost": 2,
  });

  memory(watched);

  heartbeat(watched);

  faults(watched, [
    API_DOWN,
    DATABASE_DOWN,
    REDIS_DOWN,
    FRONT_DOWN,
    ERRORS,
    SLOW,
    {
      ...{ of: "nodes machine", alert: "DiskSpaceLow", within: 120 },
      make: () => {
        disk.fill();
        return Promise.resolve(() => Promise.resolve(disk.empty()));
      },
    },
    {
      ...{ of: "counter entry", alert: "SSLCertificateExpiring", within: 180 },
      make: async () => {
        await certify(2);
        return () => certify(90);
      },
    },
    // Two minutes over the limit.
    {
      ...{ of: "nodes machine", alert: "HighMemoryUsage", within: 240 },
      make: async () => {
        const hog = await Hog.start(0.07);
        return () => hog.stop();
      },
    },
  ]);

  test("what is taken out of the stack is watched no more, and nobody is told that it is gone", async () => {
    const before = mails.received.length;
    // What is kept is protected: Pulumi takes everything else away, and leaves this to a person.
    stack.configure({ systems: ["grupo-gad"], counter: undefined });
    const refused = await stack.operate("up");
    expect(refused.code).not.toBe(0);
    const [, volume] = /state unprotect '(.*::counter-volume-entry-data)'/.exec(refused.text) ?? [];
    await stack.pulumi("state", "unprotect", volume!, "--yes", "--stack", stack.stack);
    await stack.up();
    const { value } = await until("nobody looks for it", { within: 60_000 }, async () => {
      const seen = (await prometheus.targets()).map(({ scrapePool }) => scrapePool);
      return !seen.some((pool) => pool.startsWith("counter/")) && seen;
    });
    expect(value).toContain("grupo-gad/api");
    expect(
      mails.received
        .slice(before)
        .map((of) => MailSink.subject(of))
        .filter((s) => s.includes("counter")),
    ).toEqual([]);
  });

  dashboards(() => ({
    stack,
    ask: (query) => prometheus.ask(query),
    visit: async () => {
      await ask(await gateway(), "/api/v1/items");
      // Nobody's way leads to it.
      const asked = ["curl", "-sS", "--max-time", "5", "http://127.0.0.1:8000/api/v1/items"];
      await system.exec(await system.one("bot"), asked);
    },
  }));

  healthCommand(watched);
  opened(watched);

  test("without a change, a preview with refresh shows none (AT-04)", async () => {
    const preview = await stack.operate("preview", "--refresh", "--expect-no-changes");
    expectCode(preview, 0);
  });

  hidden(watched);
});
