import { get } from "node:http";
import { RECENT_OUTAGE } from "../../../components/observability/rules";
import type { Report } from "../../../operations/health/report";
import { expectCode } from "../../support/commands";
import type { Engine, Taken } from "../../support/engine";
import type { HookSink } from "../../support/hook";
import type { Target } from "../../support/https";
import { Load } from "../../support/load";
import { type Mail, MailSink } from "../../support/mail";
import { measured } from "../../support/measurements";
import { until } from "../../support/poll";
import type { Firing, Prometheus, Scraped } from "../../support/prometheus";
import type { Workspace } from "../../support/workspace";

/** Whatever was sent to Slack went to this path, which is known from a file alone. */
export const SLACK = "/services/only-in-a-file-7c1e";

/** Whatever was told as a heartbeat went to this one. */
export const HEARTBEAT = "/heartbeat/only-in-a-file-90b2";

/** Where the stack's messages end, by what its containers know this machine by. */
export const told = (host: string, mails: MailSink, hooks: HookSink): object => ({
  mail: {
    ...{ host, port: mails.port, tls: false },
    ...{ from: "atalaya@example.org", to: "ops@example.org" },
  },
  slackChannel: "#alerts",
  heartbeat: `${host}:${hooks.port}`,
});

/** The whole addresses of those messages, each known from a file alone. */
export async function tellAddresses(
  stack: Workspace,
  host: string,
  hooks: HookSink,
): Promise<void> {
  const at = `http://${host}:${hooks.port}`;
  await stack.setSecret("observability.secrets.slackUrl", `${at}${SLACK}`);
  await stack.setSecret("observability.secrets.heartbeatUrl", `${at}${HEARTBEAT}`);
}

/** GRUPO_GAD, watched, and where its messages end. */
export interface Watched {
  readonly stack: Workspace;
  readonly system: Engine;
  /** Those who watch. */
  readonly watchers: Engine;
  /** Those who watch the machines. */
  readonly machines: Engine;
  readonly prometheus: Prometheus;
  readonly mails: MailSink;
  readonly hooks: HookSink;
  /** The system's gateway. */
  readonly gateway: () => Promise<Target>;
}

/** What is scraped where GRUPO_GAD is watched, by job: so many instances. */
export const TARGETS: Readonly<Record<string, number>> = {
  "grupo-gad/api": 2,
  "grupo-gad/bot": 1,
  "grupo-gad/cache-metrics": 1,
  "grupo-gad/db-metrics": 1,
  "grupo-gad/edge": 2,
  "grupo-gad/edge/gad.localhost": 2,
  "grupo-gad/edge/gad.localhost/ws/connect": 2,
  "nodes/machine": 1,
  "nodes/containers": 1,
  "observability/alertmanager": 1,
  "observability/blackbox": 1,
  "observability/prometheus": 1,
};

/** All that is there is asked, answers, and has nothing to say (GG-06). */
export function metrics(watched: () => Watched, wanted: Readonly<Record<string, number>>): void {
  test("every target of the system, of the machine and of those who watch is up", async () => {
    let seen: readonly Scraped[] = [];
    const counted = (): object =>
      seen.reduce<Record<string, number>>((all, { scrapePool, health }) => {
        const key = health === "up" ? scrapePool : `${scrapePool} is ${health}`;
        return { ...all, [key]: (all[key] ?? 0) + 1 };
      }, {});
    const text = (of: object): string =>
      JSON.stringify(Object.entries(of).sort(([a], [b]) => (a < b ? -1 : 1)));
    await until("all targets are up", { within: 90_000, every: 2_000 }, async () => {
      seen = await watched().prometheus.targets();
      return text(counted()) === text(wanted);
    }).catch(() => undefined);
    expect({ targets: counted(), errors: seen.map((of) => of.lastError).filter(Boolean) }).toEqual({
      targets: wanted,
      errors: [],
    });
  });

  test("the stores answer their exporters, and the gateway who asks as a client", async () => {
    for (const [query, expected] of Object.entries({
      "min(pg_up)": "1",
      "min(redis_up)": "1",
      "min(probe_success)": "1",
      "count(pg_settings_max_connections) > 0": "1",
      "count(redis_memory_max_bytes) > 0": "1",
      'count(node_filesystem_avail_bytes{mountpoint="/"})': "1",
    })) {
      await until(`${query} is ${expected}`, { within: 60_000, every: 2_000 }, async () => {
        return (await watched().prometheus.value(query)) === expected;
      });
    }
  });

  test("nothing of the system fires while all is well", async () => {
    const { mails, prometheus } = watched();
    // While things start, some are out for a moment: what matters is that nobody is told.
    expect(
      (await prometheus.firing()).filter(
        (alert) => alert !== "observability/prometheus Watchdog" && !alert.endsWith(RECENT_OUTAGE),
      ),
    ).toEqual([]);
    expect(mails.received.map((of) => MailSink.subject(of))).toEqual([]);
  });
}

export function memory(watched: () => Watched): void {
  /** What those who watch take, exporters of the system's stores included. */
  async function taken(): Promise<Taken[]> {
    const { system, watchers, machines } = watched();
    const own = (await system.taken()).filter(({ name }) => /-metrics\b/.test(name));
    return [...(await watchers.taken()), ...(await machines.taken()), ...own];
  }

  test("those who watch take little memory", async () => {
    // Who has just started is in no count yet.
    const { value: all } = await until("seven are counted", { within: 90_000 }, async () => {
      const found = await taken();
      return found.length === 7 && found;
    });
    const whole = all.reduce((sum, { mib }) => sum + mib, 0);
    measured("memory of monitoring", {
      MiB: Math.round(whole),
      ...Object.fromEntries(all.map(({ name, mib }) => [name, Math.round(mib)])),
    });
    // The lean profile's target for three systems; this is one.
    expect(whole).toBeLessThan(600);
  });
}

/** That nothing is told says something only where it could be. */
export function heartbeat(watched: () => Watched): void {
  test("a heartbeat says that alerts get through", async () => {
    const { value } = await until("a heartbeat", { within: 90_000 }, () =>
      Promise.resolve(watched().hooks.received.find(({ path }) => path === HEARTBEAT)),
    );
    const { alerts } = JSON.parse(value.body) as { alerts: Firing[] };
    expect(alerts.map(({ labels }) => labels["alertname"])).toEqual(["Watchdog"]);
  });
}

/** Breaks something that is really there, and gives back what mends it. */
export interface Fault {
  /** System and component as a message names them. */
  readonly of: string;
  readonly alert: string;
  /** Seconds until the mail. */
  readonly within: number;
  /** The whole component is away: what its consumers say of that is told at no time. @default false */
  readonly outage?: true;
  readonly make: (watched: Watched) => Promise<() => Promise<unknown>>;
}

const away =
  (workload: string, count: number): Fault["make"] =>
  async ({ system }) => {
    const instances = await system.instances(workload);
    await system.scale(workload, 0);
    await Promise.all(instances.map((instance) => system.kill(instance).catch(() => undefined)));
    return async () => {
      await system.scale(workload, count);
      await system.settled(workload, count, 120_000);
    };
  };

/** Every process of the API does so under load, until it is well again. */
const misbehaving =
  (what: string, well: string): Fault["make"] =>
  async ({ system, gateway }) => {
    const tell = async (path: string): Promise<void> => {
      for (const { target } of await system.instances("api")) {
        const asked = await system.exec(target, [
          ...["curl", "-sSf", "-X", "POST", `http://127.0.0.1:8000/test/${path}&seconds=300`],
        ]);
        expectCode(asked, 0);
      }
    };
    const load = new Load({
      target: await gateway(),
      ...{ rate: 10, maxSeconds: 300, prefix: what },
    });
    await tell(what);
    const running = load.run();
    return async () => {
      load.stop();
      await running;
      await tell(well);
    };
  };

export const API_DOWN: Fault = {
  ...{ of: "grupo-gad api", alert: "APIDown", within: 60, outage: true },
  make: away("api", 2),
};

export const DATABASE_DOWN: Fault = {
  ...{ of: "grupo-gad db", alert: "DatabaseDown", within: 60, outage: true },
  make: away("db", 1),
};

export const REDIS_DOWN: Fault = {
  ...{ of: "grupo-gad cache", alert: "RedisDown", within: 60, outage: true },
  make: away("cache", 1),
};

/** On Swarm alone. */
export const FRONT_DOWN: Fault = {
  ...{ of: "grupo-gad edge", alert: "GatewayFrontDown", within: 100, outage: true },
  make: away("edge-front", 1),
};

/** A minute over the limit, of a mean over two. */
export const ERRORS: Fault = {
  ...{ of: "grupo-gad api", alert: "HighErrorRate", within: 150 },
  make: misbehaving("fail?rate=0.5", "fail?rate=0"),
};

export const SLOW: Fault = {
  ...{ of: "grupo-gad api", alert: "HighLatency", within: 150 },
  make: misbehaving("slow?ms=900", "slow?ms=0"),
};

/** Each fault is told to people, and its end as well (GG-07, GG-12). */
export function faults(watched: () => Watched, all: readonly Fault[]): void {
  const mail = (subject: RegExp, after: number, says = ""): (() => Promise<Mail | undefined>) => {
    return () =>
      Promise.resolve(
        watched().mails.received.find(
          (of) => of.at >= after && subject.test(MailSink.subject(of)) && of.text.includes(says),
        ),
      );
  };

  test.each(all)(
    "$alert ($of): a real fault is told by mail and in Slack, and its end as well (GG-07, GG-12)",
    async ({ of, alert, within, outage, make }) => {
      const begun = Date.now();
      const mend = await make(watched());
      let seconds: number;
      try {
        const firing = new RegExp(`^\\[firing, critical\\] ${of}: .*${alert}`);
        const { value: message } = await until(
          `a mail about ${alert}`,
          { within: within * 1_000 },
          mail(firing, begun),
        );
        seconds = Math.round((message.at - begun) / 100) / 10;
        expect(message.to).toEqual(["ops@example.org"]);
        expect(message.text).toContain(`docs/alerts.md#${alert.toLowerCase()}`);
        const { value: call } = await until("a call to Slack", { within: 10_000 }, () =>
          Promise.resolve(
            watched().hooks.received.find(
              ({ path, body, at }) => at >= begun && path === SLACK && body.includes(alert),
            ),
          ),
        );
        expect(JSON.parse(call.body)).toMatchObject({ channel: "#alerts" });
      } finally {
        await mend();
      }
      const mended = Date.now();
      // In one message with another of the same component that still fires, as where the machine's own disk is full.
      const either = new RegExp(`^\\[(?:resolved|firing, critical)\\] ${of}: .*${alert}`);
      const { value: ended } = await until(
        `a mail that ${alert} is over`,
        // A mean over two minutes goes back, messages of one group come half a minute apart, and the rest is room: it judges
        // nobody.
        { within: 360_000 },
        mail(either, mended, `${alert} (resolved, critical)`),
      );
      measured(`alert ${alert}`, {
        toldAfterSeconds: seconds,
        overAfterSeconds: Math.round((ended.at - mended) / 100) / 10,
      });
      if (outage !== true) return;
      const [system] = of.split(" ") as [string];
      const consequences = async (): Promise<string[]> =>
        (await watched().prometheus.firing()).filter(
          (one) => one.startsWith(`${system}/`) && !one.endsWith(RECENT_OUTAGE),
        );
      await until(
        "nothing follows from it any more",
        { within: 240_000, every: 2_000 },
        async () => {
          return (await consequences()).length === 0;
        },
      );
      const others = watched()
        .mails.received.filter(({ at }) => at >= begun)
        .map((one) => MailSink.subject(one))
        .filter((subject) => subject.includes(`] ${system} `) && !subject.includes(`] ${of}: `));
      expect(others).toEqual([]);
    },
  );
}

/** The stack asks itself how it is, and says what to do (FV-08, GG-08). */
export function healthCommand(watched: () => Watched): void {
  const health = async (): Promise<{ code: number | null; report: Report; seconds: number }> => {
    const begun = Date.now();
    const { code, stdout, stderr } = await watched().stack.atalaya("health", "--json");
    if (stdout === "") throw new Error(stderr);
    const report = JSON.parse(stdout) as Report;
    return { code, report, seconds: (Date.now() - begun) / 1_000 };
  };

  test("atalaya health: well, then what is broken, with what to do about it (FV-08, GG-08)", async () => {
    const { system } = watched();
    const notWell = ({ checks }: Report): string[] =>
      checks
        .filter(({ status, system: of }) => status !== "well" && of !== "nodes")
        .map(({ id }) => id);
    // What the faults have left in means and counts of the last minutes goes by. How busy this machine is, is not
    // the stack's doing.
    let last: string[] = [];
    await until("all is well", { within: 420_000, every: 10_000 }, async () => {
      last = notWell((await health()).report);
      return last.length === 0;
    }).catch(() => undefined);
    expect(last).toEqual([]);
    const { report, seconds } = await health();
    expect(report.checks.length).toBeGreaterThanOrEqual(72);
    measured("atalaya health", { checks: report.checks.length, seconds });
    await system.scale("db", 0);
    try {
      const { code, report: broken } = await health();
      expect(code).toBe(2);
      expect(notWell(broken)).toEqual(expect.arrayContaining(["grupo-gad/db/instances"]));
      const [first] = broken.checks.filter(({ id }) => id === "grupo-gad/db/instances");
      expect(first).toMatchObject({ status: "critical", value: 0 });
      expect(first!.fix).toBeTruthy();
    } finally {
      await system.scale("db", 1);
      await system.settled("db", 1, 120_000);
    }
  });

  test("each check that Prometheus answers is recorded (FV-08)", async () => {
    const asked = (await health()).report.checks;
    const wanted = asked.filter((check) => check.asked === "prometheus").length;
    expect(wanted).toBeGreaterThan(20);
    // A Prometheus that was made anew has each for the first time within the five minutes of a round.
    await until(`${wanted} are recorded`, { within: 330_000, every: 5_000 }, async () => {
      return (await watched().prometheus.value("count(atalaya_health)")) === String(wanted);
    });
  });
}

/** Pages of those who watch are nobody's but of whoever may run commands in their containers (GG-06). */
export function opened(watched: () => Watched): void {
  test("atalaya open: a page of those who watch on this machine alone, until it is told to end (GG-06)", async () => {
    const ready = (url: string): Promise<number | undefined> =>
      new Promise((done, failed) => {
        get(`${url}/-/ready`, { agent: false }, (response) => {
          response.resume().on("end", () => done(response.statusCode));
        }).on("error", failed);
      });
    for (const page of ["prometheus", "alertmanager"]) {
      const running = watched().stack.startOpen(page, "--json");
      try {
        let said = "";
        running.child.stdout!.on("data", (text: string) => (said += text));
        const { value: url } = await until(`${page} is open`, { within: 60_000 }, () =>
          Promise.resolve((JSON.parse(said) as { url: string }).url),
        );
        expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
        expect(await Promise.all([1, 2, 3].map(() => ready(url)))).toEqual([200, 200, 200]);
      } finally {
        running.signal("SIGINT");
      }
      expectCode(await running.ended, 0);
    }
  });
}

/** What is no secret to those who may look at objects (FV-10). */
export function hidden(watched: () => Watched): void {
  test("where messages are sent stands in no object that anybody may read", async () => {
    const { stack, watchers } = watched();
    const objects = await watchers.told();
    expect(objects.length).toBeGreaterThan(0);
    for (const address of [SLACK, HEARTBEAT]) {
      const shown = objects.filter(({ text }) => text.includes(address));
      expect(shown.map(({ what }) => what)).toEqual([]);
      expect(stack.transcript).not.toContain(address);
    }
  });
}
