import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { alertmanagerConfig, type Receivers } from "../../components/observability/routes";
import { RECENT_OUTAGE } from "../../components/observability/rules";
import { selfSigned } from "../support/certificates";
import { run, type Running, start } from "../support/commands";
import { HookSink } from "../support/hook";
import { MailSink } from "../support/mail";
import { until } from "../support/poll";
import { watchedShop } from "../support/watched";
import { freePorts } from "../support/workspace";
import { program } from "./monitoring-tools";
import { BUILD_MS } from "./tools";

jest.setTimeout(90_000);

/** What a real Alertmanager makes of our configuration: who is told what, and what is held back (FV-07). */
const PASSWORD = "only-in-a-file";
const models = watchedShop();

let folder: string;
let started = 0;
let amtool: string;
let mails: MailSink;
let hooks: HookSink;
let alertmanager: Running;
let url: string;

const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

/** What mail needs, with a password. */
const mailed = (sink: MailSink, tls: boolean): NonNullable<Receivers["mail"]> => ({
  ...{ host: "127.0.0.1", port: sink.port, tls },
  ...{ from: "atalaya@example.org", to: "ops@example.org" },
  bySystem: { nodes: "machines@example.org" },
  ...{ user: "ops", passwordFile: file("password", PASSWORD) },
});

/** A real Alertmanager that is ready. @param trusts whom it trusts, PEM @default public authorities */
async function startAlertmanager(
  name: string,
  receivers: Receivers,
  trusts?: string,
): Promise<{ process: Running; url: string }> {
  const config = file(name, stringify(alertmanagerConfig(models, receivers)));
  const [port] = await freePorts(1);
  const process_ = start(
    await program("alertmanager"),
    [
      `--config.file=${config}`,
      `--storage.path=${join(folder, `data-${(started += 1)}`)}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--cluster.listen-address=",
    ],
    trusts === undefined
      ? {}
      : { env: { ...process.env, SSL_CERT_FILE: file(`${name}.pem`, trusts) } },
  );
  const at = `http://127.0.0.1:${port}`;
  await until("Alertmanager is ready", { within: 60_000 }, async () => {
    return (await fetch(`${at}/-/ready`)).ok;
  });
  return { process: process_, url: at };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "atalaya-notifications-"));
  amtool = await program("amtool");
  [mails, hooks] = await Promise.all([MailSink.start("127.0.0.1"), HookSink.start("127.0.0.1")]);
  const running = await startAlertmanager("alertmanager.yml", {
    mail: mailed(mails, false),
    slack: { channel: "#alerts", urlFile: file("url", `http://127.0.0.1:${hooks.port}/slack`) },
    heartbeat: { urlFile: file("beat", `http://127.0.0.1:${hooks.port}/heartbeat`) },
  });
  ({ process: alertmanager, url } = running);
}, BUILD_MS);

afterAll(async () => {
  alertmanager?.signal("SIGTERM");
  await alertmanager?.ended;
  await Promise.all([mails?.stop(), hooks?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

/** An alert as Prometheus would send it. */
function alert(system: string, component: string, name: string): object {
  const of = models
    .find((model) => model.name === system)!
    .alerts.find((one) => one.component === component && one.name === name)!;
  return {
    labels: { alertname: name, system, component, severity: of.severity },
    annotations: {
      summary: `${component}: as it is now`,
      description: of.description,
      runbook_url: `https://docs.example.org/alerts#${name.toLowerCase()}`,
    },
  };
}

async function send(alerts: readonly object[], to = url): Promise<void> {
  const answer = await fetch(`${to}/api/v2/alerts`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(alerts),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
}

const subjects = (): string[] => mails.received.map((mail) => MailSink.subject(mail)).sort();

test("Alertmanager's own checker takes the configuration", async () => {
  const { code, stdout, stderr } = await run(amtool, [
    "check-config",
    join(folder, "alertmanager.yml"),
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain("SUCCESS");
});

test.each([
  [{ severity: "critical", system: "shop" }, "everybody"],
  [{ severity: "warning", system: "shop" }, "everybody"],
  [{ severity: "critical", system: "nodes" }, "people of nodes"],
  [{ severity: "warning", system: "nodes" }, "people of nodes"],
  [{ severity: "none", system: "observability" }, "heartbeat"],
  [{ severity: "none", system: "shop", alertname: RECENT_OUTAGE }, "nobody"],
])("%j is for %s", async (labels, receiver) => {
  const { stdout } = await run(amtool, [
    ...["config", "routes", "test", `--config.file=${join(folder, "alertmanager.yml")}`],
    ...Object.entries(labels).map(([name, value]) => `${name}=${value}`),
  ]);
  expect(stdout.trim()).toBe(receiver);
});

test("a database that is down is told, and what follows from it is not", async () => {
  const begun = Date.now();
  await send([
    // The worker needs the API, which needs the database.
    alert("shop", "db", "DatabaseDown"),
    alert("shop", "api", "APIDown"),
    alert("shop", "api", "HighErrorRate"),
    alert("shop", "worker", "APIDown"),
    alert("shop", "edge", "GatewayFailing"),
    // Nobody's symptom.
    alert("shop", "pages", "RedisDown"),
    alert("nodes", "machine", "DiskSpaceLow"),
    alert("observability", "prometheus", "Watchdog"),
  ]);
  await until("three mails", { within: 30_000 }, () =>
    Promise.resolve(mails.received.length >= 3 && hooks.received.length >= 4),
  );
  expect(Date.now() - begun).toBeLessThan(20_000);
  // As long again: nothing more comes.
  await sleep(8_000);
  expect(subjects()).toEqual([
    "[firing, critical] nodes machine: DiskSpaceLow",
    "[firing, critical] shop db: DatabaseDown",
    "[firing, critical] shop pages: RedisDown",
  ]);
  const [first] = mails.received.filter((of) => MailSink.subject(of).includes("DatabaseDown"));
  expect(first).toMatchObject({
    from: "atalaya@example.org",
    to: ["ops@example.org"],
    login: `ops:${PASSWORD}`,
  });
  expect(first!.text).toContain("db: as it is now");
  expect(first!.text).toContain("https://docs.example.org/alerts#databasedown");
  const [disk] = mails.received.filter((of) => MailSink.subject(of).includes("DiskSpaceLow"));
  expect(disk!.to).toEqual(["machines@example.org"]);

  const slack = hooks.received.filter(({ path }) => path === "/slack");
  expect(slack).toHaveLength(3);
  expect(slack.every(({ body }) => body.includes('"channel":"#alerts"'))).toBe(true);
  const beats = hooks.received.filter(({ path }) => path === "/heartbeat");
  expect(beats.length).toBeGreaterThan(0);
  expect(beats.every(({ body }) => body.includes("Watchdog"))).toBe(true);
});

test("what an outage has done is not told after its end either, while that is seen; what is new is", async () => {
  const recent = (silence: string): object => ({
    labels: {
      ...{ alertname: RECENT_OUTAGE, system: "shop", component: "db", severity: "none" },
      silence,
    },
  });
  const over = (of: object): object => ({ ...of, endsAt: new Date().toISOString() });
  const mean = alert("shop", "api", "HighErrorRate");
  const told = (subject: string): Promise<boolean> => Promise.resolve(subjects().includes(subject));
  await send([recent("165s"), mean]);
  await send([
    ...["db DatabaseDown", "api APIDown", "worker APIDown", "edge GatewayFailing"].map((of) => {
      const [component, name] = of.split(" ") as [string, string];
      return over(alert("shop", component, name));
    }),
  ]);
  await until("its end is told", { within: 45_000 }, () =>
    told("[resolved] shop db: DatabaseDown"),
  );
  await sleep(8_000);
  expect(subjects().filter((subject) => subject.includes(" api:"))).toEqual([]);
  // Had the silence another reason, it would not end with this one.
  await send([over(recent("165s")), recent("345s"), mean]);
  await until("what is left is told", { within: 45_000 }, () =>
    told("[firing, critical] shop api: HighErrorRate"),
  );
  // An outage of its own is no consequence once the moment is over in which it could be one.
  await send([recent("165s"), alert("shop", "edge", "GatewayFailing")]);
  await until("an outage is told", { within: 45_000 }, () =>
    told("[firing, critical] shop edge: GatewayFailing"),
  );
  const others = hooks.received.filter(({ body }) => body.includes(RECENT_OUTAGE));
  expect(others).toEqual([]);
}, 200_000);

test("that a gateway lets nobody in is told, whatever is down behind it; what follows from that is not", async () => {
  const told = (subject: string): Promise<boolean> => Promise.resolve(subjects().includes(subject));
  // One of two services, below a path that nobody asks; what it needs is back.
  const ended = { endsAt: new Date().toISOString() };
  await send([
    { ...alert("shop", "pages", "RedisDown"), ...ended },
    alert("shop", "worker", "APIDown"),
  ]);
  await until("the service is told", { within: 45_000 }, () =>
    told("[firing, critical] shop worker: APIDown"),
  );
  await send([
    ...["GatewayDown", "GatewayFailing", "GatewayDegraded", "GatewayFrontDown"].map((name) =>
      alert("shop", "counter", name),
    ),
  ]);
  await until("the gateway is told", { within: 45_000 }, () =>
    told("[firing, critical] shop counter: GatewayDown"),
  );
  // Likewise where the other one is down as well, which is at the door.
  await send([alert("shop", "api", "APIDown"), alert("shop", "edge", "GatewayDegraded")]);
  const held = async (component: string): Promise<string[]> => {
    const filter = new URLSearchParams({ filter: `component="${component}"`, active: "false" });
    const found = await fetch(`${url}/api/v2/alerts?${filter.toString()}`);
    const of = (await found.json()) as { labels: Record<string, string> }[];
    return of.map(({ labels }) => labels["alertname"]!).sort();
  };
  await until("it is held back", { within: 30_000 }, async () =>
    (await held("edge")).includes("GatewayDegraded"),
  );
  expect(await held("counter")).toEqual(["GatewayDegraded", "GatewayFailing", "GatewayFrontDown"]);
}, 160_000);

test("a heartbeat comes once a minute", async () => {
  const beats = (): number[] =>
    hooks.received.filter(({ path }) => path === "/heartbeat").map(({ at }) => at);
  const before = beats().length;
  await until("two more", { within: 150_000, every: 1_000 }, () =>
    Promise.resolve(beats().length >= before + 2),
  );
  const [last, next] = beats().slice(-2) as [number, number];
  expect(Math.round((next - last) / 10_000)).toBe(6);
}, 160_000);

describe("a mail host with TLS", () => {
  /** Tells of a database by a mail host, until `enough`. @returns the log of Alertmanager */
  const tell = async (
    sink: MailSink,
    trusts: string,
    enough: (log: string) => boolean,
  ): Promise<string> => {
    const receivers = { mail: mailed(sink, true) };
    const { process: running, url: at } = await startAlertmanager("tls.yml", receivers, trusts);
    let log = "";
    running.child.stderr?.on("data", (text: string) => (log += text));
    try {
      await send([alert("shop", "db", "DatabaseDown")], at);
      await until("enough", { within: 30_000 }, () => Promise.resolve(enough(log)));
      return log;
    } finally {
      running.signal("SIGTERM");
      await running.ended;
      await sink.stop();
    }
  };

  test("is told, and given the password, over TLS alone", async () => {
    const identity = await selfSigned("127.0.0.1");
    const sink = await MailSink.start("127.0.0.1", identity);
    await tell(sink, identity.certificate, () => sink.received.length > 0);
    expect(sink.received[0]).toMatchObject({ secure: true, login: `ops:${PASSWORD}` });
  });

  test.each([
    ["by a certificate that nobody trusts", true, /certificate/],
    ["which is not offered", false, /STARTTLS/],
  ])("%s is told nothing, and the log says why", async (_, offers, reason) => {
    const [own, others] = await Promise.all([selfSigned("127.0.0.1"), selfSigned("127.0.0.1")]);
    const sink = await MailSink.start("127.0.0.1", offers ? own : undefined);
    const log = await tell(sink, others.certificate, (said) => reason.test(said));
    expect(sink.received).toEqual([]);
    expect(log).not.toContain(PASSWORD);
  });
});

test("no credential stands in the configuration", async () => {
  const { stdout } = await run("cat", [join(folder, "alertmanager.yml")]);
  expect(stdout).not.toContain(PASSWORD);
  expect(stdout).not.toContain("/slack");
});
