import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { alertmanagerConfig, type Receivers } from "../../components/observability/routes";
import { run, type Running, start } from "../support/commands";
import { HookSink } from "../support/hook";
import { MailSink } from "../support/mail";
import { until } from "../support/poll";
import { watchedShop } from "../support/watched";
import { freePorts } from "../support/workspace";
import { alertmanagerCommand, program } from "./monitoring-tools";

jest.setTimeout(90_000);

/** What a real Alertmanager makes of our configuration: who is told what, and what is held back (FV-07). */
const PASSWORD = "only-in-a-file";
const models = watchedShop();

let folder: string;
let amtool: string;
let mails: MailSink;
let hooks: HookSink;
let alertmanager: Running;
let url: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "atalaya-notifications-"));
  amtool = await program("amtool");
  const [command, ...args] = await alertmanagerCommand();
  [mails, hooks] = await Promise.all([MailSink.start("127.0.0.1"), HookSink.start("127.0.0.1")]);
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const receivers: Receivers = {
    mail: {
      host: "127.0.0.1",
      port: mails.port,
      from: "atalaya@example.org",
      to: "ops@example.org",
      bySystem: { nodes: "machines@example.org" },
      tls: false,
      user: "ops",
      passwordFile: file("password", PASSWORD),
    },
    slack: { channel: "#alerts", urlFile: file("url", `http://127.0.0.1:${hooks.port}/slack`) },
    heartbeat: `http://127.0.0.1:${hooks.port}/heartbeat`,
  };
  const config = file("alertmanager.yml", stringify(alertmanagerConfig(models, receivers)));
  const [port] = await freePorts(1);
  url = `http://127.0.0.1:${port}`;
  alertmanager = start(command, [
    ...args,
    `--config.file=${config}`,
    `--storage.path=${join(folder, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--cluster.listen-address=",
  ]);
  await until("Alertmanager is ready", { within: 60_000 }, async () => {
    return (await fetch(`${url}/-/ready`)).ok;
  });
}, 240_000);

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

async function send(...alerts: readonly object[]): Promise<void> {
  const answer = await fetch(`${url}/api/v2/alerts`, {
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
])("%j is for %s", async (labels, receiver) => {
  const { stdout } = await run(amtool, [
    ...["config", "routes", "test", `--config.file=${join(folder, "alertmanager.yml")}`],
    ...Object.entries(labels).map(([name, value]) => `${name}=${value}`),
  ]);
  expect(stdout.trim()).toBe(receiver);
});

test("a database that is down is told, and what follows from it is not", async () => {
  const begun = Date.now();
  await send(
    // The worker needs the API, which needs the database.
    alert("shop", "db", "DatabaseDown"),
    alert("shop", "api", "APIDown"),
    alert("shop", "api", "HighErrorRate"),
    alert("shop", "worker", "APIDown"),
    alert("shop", "edge", "GatewayDown"),
    // Nobody's symptom.
    alert("shop", "pages", "RedisDown"),
    alert("nodes", "machine", "DiskSpaceLow"),
    alert("observability", "prometheus", "Watchdog"),
  );
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

test("no credential stands in the configuration", async () => {
  const { stdout } = await run("cat", [join(folder, "alertmanager.yml")]);
  expect(stdout).not.toContain(PASSWORD);
  expect(stdout).not.toContain("/slack");
});
