import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Report } from "../../../operations/health/report";
import { expectCode, type Ran, run, type Running, start } from "../../support/commands";
import type { Engine, Printed } from "../../support/engine";
import { type Ask, ask } from "../../support/https";
import { curlOf, type Get, type Kept, keptLines } from "../../support/kept-lines";
import type { LoggingImages } from "../../support/logging-images";
import { measured } from "../../support/measurements";
import { type Answer, panelQueries, unanswered } from "../../support/panels";
import { until } from "../../support/poll";
import { Prometheus } from "../../support/prometheus";
import type { ConfigPatch } from "../../support/workspace";
import type { Live } from "./context";
import { shown as withDashboards } from "./dashboards";
import { STRIPE_KEY } from "./restaurant";

/** How long the store is away while lines are written: the five minutes that are promised. */
const AWAY_MS = 300_000;
/** Between two numbered lines. */
const EVERY_MS = 25;
/** Lines of errors, two a second: far more than are allowed, until the store is back. */
const ERRORS = Math.ceil((AWAY_MS + 60_000) / 500);

/** What the reference service is told to be where it is a team's own image, which knows by itself. */
const ROLES = {
  "clients-app": {
    RESOURCE_KIND: "proxy",
    RESOURCE_PATH: "/api/orders",
    RESOURCE_UPSTREAM: "order-service",
    RESOURCE_METHODS: "GET,POST",
  },
  "employees-app": {
    RESOURCE_KIND: "orders",
    RESOURCE_PATH: "/api/orders",
    RESOURCE_UPSTREAM: "order-service",
  },
  "order-service": {
    RESOURCE_KIND: "orders",
    RESOURCE_PATH: "/api/orders",
    STRIPE_ALLOW_PLAIN: "true",
  },
  "kitchen-display": {
    RESOURCE_KIND: "kitchen",
    RESOURCE_PATH: "/api/kitchen",
    RESOURCE_UPSTREAM: "order-service",
    ORDERS_PATH: "/api/orders",
  },
} as const;

/** A line as `atalaya logs --json` shows it. */
type Line = Readonly<
  Record<"time" | "nanoseconds" | "system" | "service" | "instance" | "level" | "line", string> &
    Partial<Record<"session_id" | "user" | "request_id", string>>
>;

const id = (): string => randomBytes(4).toString("hex");

/** Goes on meanwhile; how it ended is asked later. */
function meanwhile<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  return work;
}

const rows = (text: string): string[] => text.split("\n").filter((line) => line !== "");

/**
 * Configuration of a Pronto whose lines are kept, by images that every node has.
 * @param stripe where the payment service is played
 */
export const withLogs = (
  images: LoggingImages,
  stripe: { readonly host: string; readonly port: number },
): ConfigPatch => ({
  monitoring: "full",
  logs: { image: images.loki },
  pronto: {
    requestsPerSecond: 10_000,
    services: Object.fromEntries(
      Object.entries(ROLES).map(([name, environment]) => [
        name,
        { image: images.service, environment, min: name === "order-service" ? 2 : 1 },
      ]),
    ),
    migrate: ["node", "/app/dist/main.js", "migrate"],
    stripe: { ...stripe, plain: true },
  },
});

/** Who has to do with lines, beside the system that prints most of them. */
export interface Logged {
  /** The system with Loki. */
  readonly store: Engine;
  /** The system with the agent. */
  readonly nodes: Engine;
  /** The system with Prometheus. */
  readonly watchers: Engine;
}

/**
 * Pronto's logs, from the engine's files to `atalaya logs` (PR-04, FV-09). Agent, configuration, networks and volumes
 * are the real ones, and so is Loki, in an image of ours since its own is not to be had everywhere.
 */
export function logs(live: Live, logged: () => Logged): void {
  const agents = (): Promise<string[]> => logged().nodes.ids("log-agent");

  function command(...args: string[]): [string, string[], object] {
    const { folder, stack, env } = live.stack;
    const program = join(folder, "operations", "atalaya.mjs");
    return [process.execPath, [program, "logs", "-s", stack, ...args], { cwd: folder, env }];
  }
  const ranLogs = (...args: string[]): Promise<Ran> => run(...command(...args));

  /** What `atalaya logs` shows. */
  async function shown(...args: string[]): Promise<Line[]> {
    const ran = await ranLogs("--json", ...args);
    expectCode(ran, 0);
    return rows(ran.stdout).map((line) => JSON.parse(line) as Line);
  }

  /** Loki itself, without a command of ours between. */
  const loki: Get = async (path, header) => {
    const { store } = logged();
    const ran = await store.exec(await store.one("loki", 60_000), curlOf(path, header));
    if (ran.code !== 0) throw new Error(ran.stderr);
    return ran.stdout;
  };

  /** What has come to the store so far. @param query LogQL. @default everything */
  const stored = (query?: string): Promise<Kept[]> => keptLines(loki, query);

  /** Has a service print a line again and again, as its own process does; `%` in it is the number. */
  async function print(workload: string, text: string, count = 1, every = 0): Promise<void> {
    const input = `
      const { openSync, readdirSync, readlinkSync, writeSync } = require("node:fs");
      const { setTimeout: sleep } = require("node:timers/promises");
      // The service is the first of those that print: before it a pod has a process of its own, which does not.
      const prints = (path) => {
        try { return readlinkSync(path).startsWith("pipe:"); } catch { return false; }
      };
      const processes = readdirSync("/proc").map(Number).filter(Boolean).sort((a, b) => a - b);
      const out = openSync(processes.map((n) => "/proc/" + n + "/fd/1").find(prints), "a");
      (async () => {
        for (let n = 0; n < ${count}; n++) {
          writeSync(out, ${JSON.stringify(text)}.replace("%", n) + "\\n");
          await sleep(${every});
        }
      })();`;
    const target = await live.engine.one(workload);
    expectCode(await live.engine.exec(target, ["node", "-"], { input }), 0);
  }

  /** The numbers that stand behind a text, in the order of the lines. */
  const numbers = (lines: readonly { line: string }[], text: string): number[] =>
    lines.flatMap(({ line }) => {
      const at = line.indexOf(text);
      return at < 0 ? [] : [Number.parseInt(line.slice(at + text.length), 10)];
    });

  const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

  /** Waits until a line of each number is in the store. */
  async function complete(text: string, count: number, within: number): Promise<void> {
    let found = new Set<number>();
    await until(`${count} lines of ${text}`, { within, every: 1_000 }, async () => {
      found = new Set(numbers(await stored(`{system="pronto"} |= ${JSON.stringify(text)}`), text));
      return found.size === count;
    }).catch(() => undefined);
    expect(upTo(count).filter((n) => !found.has(n))).toEqual([]);
  }

  /** What the engine itself has of all systems' containers, those that ended included. */
  async function printed(): Promise<Printed[]> {
    const { store, nodes, watchers } = logged();
    const all: Printed[] = [];
    for (const engine of [live.engine, store, nodes, watchers]) {
      all.push(...(await engine.printed()));
    }
    return all;
  }

  /** As somebody who works there. */
  const staff = (path: string, options: Ask): ReturnType<typeof ask> =>
    ask({ ...live.target, host: `employees.${live.host}` }, path, options);

  const order = async (headers: Record<string, string>): Promise<number> => {
    const answer = await live.ask("/api/orders", {
      method: "POST",
      headers,
      json: { table: 7, items: [{ dish: "tacos", quantity: 2 }] },
    });
    expect(answer.status).toBe(201);
    return (JSON.parse(answer.body.toString()) as { id: number }).id;
  };

  test("every line that the engine has of any container is in the store, at its own moment", async () => {
    await order({});
    const known = await printed();
    const of = ({ system, service, instance, time }: Omit<Printed, "line">): string =>
      `${system} ${service} ${instance} ${time}`;
    const arrived = new Map<string, string[]>();
    let missing: Printed[] = known;
    await until("all lines", { within: 60_000, every: 2_000 }, async () => {
      arrived.clear();
      for (const { labels, time, line } of await stored()) {
        const key = of({ ...(labels as unknown as Printed), time });
        arrived.set(key, [...(arrived.get(key) ?? []), line]);
      }
      missing = known.filter((line) => !arrived.has(of(line)));
      return missing.length === 0;
    }).catch(() => undefined);
    expect(missing).toEqual([]);
    measured("lines of a first up in the store", { lines: known.length });
    // With the very text, unless something secret was taken out of it.
    const others = known.filter((line) => {
      const texts = arrived.get(of(line))!;
      return !texts.includes(line.line) && !texts.some((text) => text.includes("***"));
    });
    expect(others).toEqual([]);
    expect([...new Set(known.map(({ system, service }) => `${system}/${service}`))]).toEqual(
      expect.arrayContaining([
        ...Object.keys(ROLES).map((name) => `pronto/${name}`),
        ...["pronto/cache", "pronto/db", "pronto/edge", "observability/prometheus"],
      ]),
    );
  });

  test("they have four labels of few values each; a person is no label", async () => {
    const lines = await stored();
    const names = (of: "labels" | "attributes"): string[] => [
      ...new Set(lines.map((line) => Object.keys(line[of]).sort().join())),
    ];
    expect(names("labels")).toEqual(["instance,level,service,system"]);
    for (const { labels } of lines) expect(Object.values(labels)).not.toContain("");
    const ours = ["request_id", "session_id", "stream", "time", "user"];
    // Loki notes which part of the agent read a line, and when.
    const allowed = [...ours, "observed_timestamp", "scope_name", "scope_version"];
    const others = names("attributes").flatMap((of) => of.split(","));
    expect(others.filter((name) => !allowed.includes(name))).toEqual([]);
    const levels = new Set(lines.map(({ labels }) => labels["level"]));
    const known = ["fatal", "error", "warn", "info", "debug", "unknown"];
    expect([...levels].filter((level) => !known.includes(level!))).toEqual([]);
    const instances = new Set(lines.map((of) => `${of.labels["system"]} ${of.labels["instance"]}`));
    const streams = new Set(lines.map(({ labels }) => JSON.stringify(labels)));
    measured("streams of Pronto's lines", { instances: instances.size, streams: streams.size });
    expect(streams.size).toBeLessThanOrEqual(instances.size * levels.size);
  });

  test("one person's order is followed over all services, by session, by user, by request", async () => {
    const person = { session: `S-${id()}`, user: `ana-${id()}`, request: `guest-${id()}` };
    const headers = { "x-session-id": person.session, "x-user": person.user };
    // Somebody else's at the same time.
    const [dish] = await Promise.all([
      order({ ...headers, "x-request-id": person.request }),
      order({ "x-session-id": `S-${id()}`, "x-user": `bob-${id()}` }),
    ]);
    await until("the kitchen has it", { within: 15_000 }, async () => {
      const { body } = await staff("/api/kitchen", {});
      return (JSON.parse(body.toString()) as { tickets: { id: number }[] }).tickets.some(
        (ticket) => ticket.id === dish,
      );
    });
    const cooked = await staff(`/api/kitchen/${dish}/cooked`, { method: "POST", headers });
    expect(cooked.status).toBe(200);
    const served = { method: "PUT", headers, json: { state: "served" } };
    expect((await staff(`/api/orders/${dish}/state`, served)).status).toBe(200);

    const asked = ["--system", "pronto", "--since", "1h"];
    const services = (lines: readonly Line[]): string[] => [
      ...new Set(lines.map(({ service }) => service)),
    ];
    const bySession = [...asked, "--session", person.session];
    const { value: journey, milliseconds } = await until(
      "the whole journey",
      { within: 30_000, every: 1_000 },
      async () => {
        const lines = await shown(...bySession);
        return lines.length >= 6 && lines;
      },
    );
    measured("one person's journey", { lines: journey.length, foundAfterMs: milliseconds });
    for (const line of journey) {
      expect(line).toMatchObject({
        ...{ system: "pronto", session_id: person.session, user: person.user },
      });
    }
    // Ordered, cooked, served: each at the service that is asked, and at the one that keeps orders.
    expect(journey.map(({ service }) => service).sort()).toEqual([
      "clients-app",
      "employees-app",
      "kitchen-display",
      ...Array<string>(3).fill("order-service"),
    ]);
    const times = journey.map(({ nanoseconds }) => BigInt(nanoseconds));
    expect(times).toEqual([...times].sort((a, b) => (a < b ? -1 : 1)));
    const began = (service: string): number =>
      journey.findIndex((line) => line.service === service);
    expect(began("clients-app")).toBeLessThan(began("kitchen-display"));
    expect(began("kitchen-display")).toBeLessThan(began("employees-app"));

    expect(await shown(...asked, "--user", person.user)).toEqual(journey);
    expect(await shown(...bySession, "--user", person.user)).toEqual(journey);
    expect(await shown(...bySession, "--user", "bob")).toEqual([]);
    // What the gateway says of the same request knows of no session.
    const request = await shown(...asked, "--request", person.request);
    expect(services(request).sort()).toEqual(["clients-app", "edge", "order-service"]);
    // A person's instance of a service, and what is worse than what happened.
    const kitchen = await shown(...bySession, "--service", "kitchen-display");
    expect(kitchen).toEqual(journey.filter(({ service }) => service === "kitchen-display"));
    expect(await shown(...bySession, "--level", "error")).toEqual([]);

    const text = await ranLogs(...bySession);
    expectCode(text, 0);
    expect(rows(text.stdout)).toEqual(
      journey.map(
        ({ time, service, instance, level, line }) =>
          `${time} pronto/${service} ${instance} ${level} ${line}`,
      ),
    );
  });

  test("--follow shows a line that is written after it began, and ends as one leaves it", async () => {
    const session = `S-${id()}`;
    await print("kitchen-display", `SESSION_ID=${session} USER=ana before`);
    const following: Running = start(
      ...command("--follow", "--json", "--since", "5m", "--session", session),
    );
    let seen = "";
    following.child.stdout!.on("data", (text: string) => (seen += text));
    const line = (text: string): Promise<{ milliseconds: number }> =>
      until(`the line ${text}`, { within: 30_000 }, () => Promise.resolve(seen.includes(text)));
    try {
      await line("ana before");
      await print("kitchen-display", `SESSION_ID=${session} USER=ana after`);
      const { milliseconds } = await line("ana after");
      measured("a followed line", { shownAfterMs: milliseconds });
    } finally {
      following.signal("SIGINT");
    }
    const ended = await following.ended;
    expectCode(ended, 0);
    expect(rows(ended.stdout).map((of) => (JSON.parse(of) as Line).line)).toEqual([
      `SESSION_ID=${session} USER=ana before`,
      `SESSION_ID=${session} USER=ana after`,
    ]);
  });

  /** Errors that a service writes, from the outage on. */
  let errors: Promise<void> = Promise.resolve();

  test(`the store away for ${AWAY_MS / 1_000} s while lines are written: none is lost, and none that was there before`, async () => {
    const { nodes, store } = logged();
    await nodes.one("log-agent");
    const agent = await agents();
    const text = `away ${id()} number `;
    // So that some come before, and some after.
    const count = Math.ceil((AWAY_MS + 30_000) / EVERY_MS);
    const before = await stored();
    const writing = meanwhile(
      print("kitchen-display", `{"level":"info","msg":"${text}%"}`, count, EVERY_MS),
    );
    errors = meanwhile(
      print("kitchen-display", '{"level":"error","msg":"no printer, %"}', ERRORS, 500),
    );
    await sleep(3_000);
    await store.scale("loki", 0);
    await until("the store is away", { within: 60_000 }, async () => {
      return (await store.instances("loki")).length === 0;
    });
    const gone = Date.now();
    const refused = await ranLogs("--since", "1m");
    expectCode(refused, 1);
    expect(refused.stderr).toContain("No instance of loki is up and well");
    await sleep(AWAY_MS - (Date.now() - gone));
    expect((await nodes.instances("log-agent")).map((of) => [of.id, of.well])).toEqual(
      agent.map((of) => [of, true]),
    );
    await store.scale("loki", 1);
    await store.settled("loki", 1, 120_000);
    const back = Date.now();
    await writing;
    await complete(text, count, 90_000);
    measured("logs: the store away", {
      awaySeconds: Math.round((back - gone) / 1_000),
      lines: count,
      completeAfterMs: Date.now() - back,
    });
    // Its volume outlived it.
    const after = new Set((await stored()).map((line) => JSON.stringify(line)));
    expect(before.filter((line) => !after.has(JSON.stringify(line)))).toEqual([]);
    // As often as one came, it is shown once, and in its place.
    const found = await shown("--system", "pronto", "--since", "1h", "--grep", text);
    expect(numbers(found, text)).toEqual(upTo(count));
    // It waited, and was not made anew.
    expect(await agents()).toEqual(agent);
  });

  test("the agent killed while lines are written: none is lost", async () => {
    const { nodes } = logged();
    const text = `killed ${id()} number `;
    const count = 1_000;
    const writing = meanwhile(
      print("kitchen-display", `{"level":"info","msg":"${text}%"}`, count, EVERY_MS),
    );
    await sleep((count * EVERY_MS) / 3);
    const [victim] = await nodes.instances("log-agent");
    await nodes.kill(victim!);
    await until("another agent", { within: 90_000 }, async () => {
      const [now] = await nodes.instances("log-agent");
      return now !== undefined && now.id !== victim!.id && now.well;
    });
    await writing;
    await complete(text, count, 60_000);
    measured("logs: the agent killed", { lines: count });
    const found = await shown("--system", "pronto", "--since", "1h", "--grep", text);
    expect(numbers(found, text)).toEqual(upTo(count));
  });

  test("a service that writes errors is told of by LogErrors, and nobody else is", async () => {
    await errors;
    const prometheus = new Prometheus(logged().watchers);
    const own = 'alertname="LogErrors",system="pronto",component="kitchen-display"';
    // It may be over by now.
    const fired = `max_over_time(ALERTS{${own},alertstate="firing"}[15m])`;
    await until("LogErrors fires", { within: 240_000, every: 2_000 }, async () => {
      return (await prometheus.value(fired)) === "1";
    });
    const others = (await prometheus.firing()).filter(
      (of) => of.endsWith(" LogErrors") && of !== "pronto/kitchen-display LogErrors",
    );
    expect(others).toEqual([]);
    // What its page says to do.
    const found = await shown(
      ...["--system", "pronto", "--service", "kitchen-display"],
      ...["--level", "error", "--since", "1h"],
    );
    expect(numbers(found, "no printer, ")).toEqual(upTo(ERRORS));
  });

  test("each question of each panel of lines has an answer", async () => {
    const questions = panelQueries(withDashboards(live.stack), "logs").map((question) => ({
      ...question,
      // Only one service has written errors, and not each has said anything of late.
      mayBeEmpty: question.panel.title === "Errors" && !question.expr.includes("kitchen-display"),
    }));
    expect(questions.length).toBeGreaterThan(3 * Object.keys(ROLES).length);
    // As Grafana asks for the last hour: lines, or numbers over time.
    const ask = async (query: string): Promise<Answer> => {
      const now = Date.now();
      const asked = new URLSearchParams({
        ...{ query, limit: "100", step: "60s" },
        ...{ start: `${now - 3_600_000}000000`, end: `${now}000000` },
      });
      const { data } = JSON.parse(
        await loki(`/loki/api/v1/query_range?${asked.toString()}`, "Accept: application/json"),
      ) as { data: { result: { values: [string | number, string][] }[] } };
      return data.result.flatMap(({ values }) =>
        values.map(([time, text]) => ({ value: [Number(time), text] as const })),
      );
    };
    expect(await unanswered(questions, ask)).toEqual([]);
  });

  test("no secret is in any line that is stored", async () => {
    const planted = `planted${randomBytes(12).toString("hex")}`;
    const shapes = [
      `postgres://orders:${planted}@db:5432/pronto`,
      `Authorization: Bearer ${planted}`,
      `password=${planted}`,
    ];
    await print("order-service", `%: ${shapes.join(" ")} all of it`);
    await until("the line that has one", { within: 30_000 }, async () =>
      (await stored()).find(({ line }) => line.endsWith("all of it")),
    );
    const all = JSON.stringify(await stored());
    const passwords = await live.stack.output<Record<string, Record<string, string>>>(
      "passwords",
      true,
    );
    const values = Object.values(passwords).flatMap((of) => Object.values(of));
    expect(values.length).toBeGreaterThan(10);
    for (const value of [...values, STRIPE_KEY, planted]) {
      for (const form of [value, Buffer.from(value).toString("base64").replace(/=+$/, "")]) {
        // Not itself in the message.
        expect(all.includes(form)).toBe(false);
      }
    }
    // The search finds what is there.
    expect(all).toContain("all of it");
  });

  test("agent and store are within their limits", async () => {
    const { nodes, store } = logged();
    const [agent] = await nodes.instances("log-agent");
    const { memory } = await nodes.limits(agent!);
    // One that was started just now is in no count yet.
    const { value: taken } = await until("the agent is counted", { within: 60_000 }, async () =>
      (await nodes.taken()).find(({ name }) => /^nodes\/log-agent\b/.test(name)),
    );
    // The engine's count of the most that it ever had, with the pages of files that it read.
    const most = await nodes.exec(agent!.target, [
      ...["sh", "-c"],
      "cat /sys/fs/cgroup/memory.peak 2>/dev/null || cat /sys/fs/cgroup/memory/memory.max_usage_in_bytes",
    ]);
    measured("memory of the log agent", {
      MiB: Math.round(taken.mib),
      mostMiB: Math.round(Number(most.stdout) / 2 ** 20),
      limitMiB: memory / 2 ** 20,
    });
    // The collector begins to refuse lines at 80 %.
    expect(taken.mib * 2 ** 20).toBeLessThan(memory * 0.6);
    const [loki] = await store.instances("loki");
    const kept = (await store.taken()).find(({ name }) => /^logs\/loki\b/.test(name))!;
    const limit = (await store.limits(loki!)).memory;
    measured("memory of Loki", { MiB: Math.round(kept.mib), limitMiB: limit / 2 ** 20 });
    expect(kept.mib * 2 ** 20).toBeLessThan(limit * 0.6);
  });

  test("atalaya health finds those who read and keep them well (FV-08)", async () => {
    const own = async (): Promise<string[]> => {
      const { stdout } = await live.stack.atalaya("health", "--json");
      const { checks } = JSON.parse(stdout) as Report;
      return checks
        .filter(({ id: of }) => /^(?:logs\/|nodes\/log-agent\/)/.test(of))
        .map(({ id: of, status }) => `${of} ${status}`);
    };
    // It is seen that an agent was killed here.
    const wanted = ["nodes/log-agent/ended warning"];
    let last: string[] = [];
    const notWell = (): string[] => last.filter((of) => !of.endsWith(" well"));
    await until("all others are well", { within: 120_000, every: 5_000 }, async () => {
      last = await own();
      return notWell().join() === wanted.join();
    }).catch(() => undefined);
    expect(notWell()).toEqual(wanted);
    expect(last).toEqual(
      expect.arrayContaining(["nodes/log-agent/reading well", "nodes/log-agent/waiting well"]),
    );
  });
}
