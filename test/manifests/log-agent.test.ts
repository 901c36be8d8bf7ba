import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import {
  agentConfig,
  type AgentConfigArgs,
  type ComponentLog,
} from "../../components/observability/logs/agent-config";
import { listed, type LogFilter, logql, regexFault } from "../../model/logs";
import type { LogFiles } from "../../model/observability";
import { following, lines } from "../../operations/logs/loki";
import { kubernetes } from "../../platforms/kubernetes/kubernetes";
import { swarm } from "../../platforms/swarm/swarm";
import { BUILD_MS, goProgram } from "../../operations/setup/parts";
import { pronto } from "../../systems/pronto";
import { run, type Running, start } from "../support/commands";
import { LokiServer } from "../support/loki-server";
import { type Arrived, LogSink } from "../support/otlp";
import { until } from "../support/poll";
import { HARMLESS_LINES, SECRET_LINES } from "../support/secret-lines";
import { describeObserved } from "../support/systems";
import { watchedShop } from "../support/watched";
import { freePorts, ROOT } from "../support/workspace";
import { loki } from "./tools";

jest.setTimeout(120_000);

/**
 * The real collector with our configuration, against files as the engines write them and a store that speaks Loki's
 * protocol (PR-04, FV-09). It is the one of the stand-in image.
 */
let collector: string;
let store: string;
let folder: string;
let sink: LogSink;
let agent: Running | undefined;
let ports: AgentConfigArgs["ports"];
let config: string;

beforeAll(async () => {
  collector = await goProgram(
    {
      name: "collector",
      sources: join(ROOT, "operations/images/standins/collector"),
      kept: "manifests",
    },
    ".",
  );
  store = await loki();
}, 2 * BUILD_MS);

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "atalaya-logs-"));
  sink = await LogSink.start();
  const [health, own, counts] = await freePorts(3);
  ports = { health: health!, own: own!, counts: counts! };
});

afterEach(async () => {
  await stop("SIGKILL");
  await sink.away();
  rmSync(folder, { recursive: true, force: true });
});

/** Writes the agent's configuration for files of that kind. @param store port of who takes the lines */
function configure(
  files: LogFiles,
  systems: AgentConfigArgs["systems"] = [],
  formats: AgentConfigArgs["formats"] = [],
  store = sink.port,
): void {
  config = join(folder, "collector.yaml");
  const made = agentConfig({
    files: { ...files, mounted: join(folder, "files") },
    systems,
    formats,
    folder: join(folder, "data"),
    store: `http://127.0.0.1:${store}`,
    ports,
    memory: 256 * 2 ** 20,
    look: "200ms",
  });
  writeFileSync(config, stringify(made, { defaultStringType: "QUOTE_DOUBLE", lineWidth: 0 }));
  mkdirSync(join(folder, "data"), { recursive: true });
}

async function begin(): Promise<void> {
  agent = start(collector, ["--config", config]);
  await until("the agent is well", { within: 30_000 }, async () => {
    return (await fetch(`http://127.0.0.1:${ports.health}/`)).ok;
  });
}

async function stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  agent?.signal(signal);
  await agent?.ended;
  agent = undefined;
}

const arrived = (count: number): Promise<unknown> =>
  until(`${count} lines`, { within: 40_000 }, () => Promise.resolve(sink.arrived.length >= count));

/** So that what must not come has had its time. */
const settle = (): Promise<void> => sleep(2_500);

const bodies = (): string[] => sink.arrived.map(({ body }) => body);

/** One container of a Docker engine, as 20.10 writes its file. */
class Container {
  readonly file: string;
  private tick = 0;

  constructor(
    readonly id: string,
    readonly labels: Readonly<Record<string, string>> | undefined,
  ) {
    this.file = join(folder, "files", id, `${id}-json.log`);
    mkdirSync(dirname(this.file), { recursive: true });
  }

  /** A task of a service. */
  static task(system: string, component: string, slot = 1, workload = component): Container {
    return new Container(`${system}${component}${slot}`, {
      "atalaya.component": component,
      "atalaya.stack": "prod",
      "atalaya.system": system,
      "com.docker.swarm.task.name": `prod-${system}-${workload}.${slot}.w0kq7l4j2m1x`,
    });
  }

  /** What the process wrote at once: the engine cuts it after 16 KiB. */
  print(text: string, stream: "stdout" | "stderr" = "stdout"): void {
    for (let at = 0; at < text.length; at += 16_384) {
      const log = text.slice(at, at + 16_384);
      const time = new Date().toISOString().replace("Z", `${String(100_000 + this.tick++)}Z`);
      const line = { log, stream, ...(this.labels && { attrs: this.labels }), time };
      appendFileSync(this.file, `${JSON.stringify(line)}\n`);
    }
  }

  /** As the engine does when a file is full. */
  rotate(): void {
    renameSync(this.file, `${this.file}.1`);
    writeFileSync(this.file, "");
  }
}

const docker = swarm.logFiles("prod");

const byBody = (text: string): Arrived => {
  const found = sink.arrived.find(({ body }) => body.includes(text));
  if (found === undefined) throw new Error(`no line with ${text} among ${bodies().join("\n")}`);
  return found;
};

test("it takes the configuration that both platforms declare, and none that is broken", async () => {
  for (const platform of [swarm, kubernetes]) {
    const models = describeObserved(
      platform,
      "prod",
      [[pronto, { domain: "pronto.example.org", acmeEmail: "ops@example.org" }]],
      {},
      {},
    );
    const file = models
      .find(({ name }) => name === "nodes")!
      .files.find(({ name }) => name === "log-agent-config")!;
    const path = join(folder, "declared.yaml");
    writeFileSync(path, file.content);
    expect(await run(collector, ["validate", "--config", path])).toMatchObject({
      code: 0,
      stderr: "",
    });
    writeFileSync(
      path,
      file.content.replace("endsWith", "endzWith").replace('tag == \\"F\\"', "tag =="),
    );
    expect((await run(collector, ["validate", "--config", path])).code).not.toBe(0);
  }
});

test("lines are labelled by whose they are; a session, a user, a request are found and no label", async () => {
  configure(docker);
  const api = Container.task("pronto", "api", 2);
  api.print('{"level":"error","msg":"no table","session_id":"S-81","user":"ana","reqId":"r-1"}\n');
  api.print('{"level":30,"sessionId":7}\n');
  api.print("card refused SESSION_ID=S-82 USER=bob request-id: r-2\n", "stderr");
  Container.task("pronto", "edge").print('{"requestId":"6f1c2d3e","status":200}\n');
  Container.task("pronto", "db", 1, "db-pool").print("LOG:  checkpoint\n");
  await begin();
  await arrived(5);
  const of = (text: string): object => {
    const { labels, attributes } = byBody(text);
    return { ...labels, ...attributes };
  };
  const whose = { system: "pronto", service: "api", instance: "api.2", stream: "stdout" };
  expect(of("no table")).toEqual({
    ...whose,
    ...{ level: "error", session_id: "S-81", user: "ana", request_id: "r-1" },
  });
  expect(of('"level":30')).toEqual({ ...whose, level: "info", session_id: "7" });
  expect(of("card refused")).toEqual({
    ...{ ...whose, stream: "stderr", level: "unknown" },
    ...{ session_id: "S-82", user: "bob", request_id: "r-2" },
  });
  expect(of("6f1c2d3e")).toMatchObject({ service: "edge", request_id: "6f1c2d3e" });
  expect(of("checkpoint")).toMatchObject({ service: "db", instance: "db-pool.1", level: "info" });
  for (const { labels } of sink.arrived) {
    expect(Object.keys(labels).sort()).toEqual(["instance", "level", "service", "system"]);
  }
});

test("the level is what a line says of itself, however it says it, and no word of a sentence", async () => {
  const levels: readonly (readonly [line: string, level: string])[] = [
    ['{"level":"warning","msg":"a"}', "warn"],
    ['{"level":60,"msg":"b"}', "fatal"],
    ['{"severity":"E","msg":"c"}', "error"],
    ['{"msg":"an error that says no level"}', "unknown"],
    ["2026-11-28 12:00:00 UTC [33] ERROR:  duplicate key", "error"],
    ["2026-11-28 12:00:00 UTC [33] FATAL:  no such role", "fatal"],
    ['ts=2026 level=warn msg="slow"', "warn"],
    ["2026-11-28 10:00:00,123 - app - ERROR - boom", "error"],
    ["ERROR:root:boom", "error"],
    ["[2026-11-28 10:00:00 +0000] [7] [INFO] Starting", "info"],
    ["2026/11/28 12:00:00 [crit] 7#7: *1 no room", "fatal"],
    ["no errors were found, the warning is gone", "unknown"],
    ["{broken", "unknown"],
    ["  ", "unknown"],
  ];
  configure(docker);
  const api = Container.task("pronto", "api");
  for (const [line] of levels) api.print(`${line}\n`);
  await begin();
  await arrived(levels.length);
  const found = new Map(sink.arrived.map(({ labels, body }) => [body, labels["level"]]));
  expect(levels.map(([line]) => [line, found.get(line)])).toEqual(levels);
});

/** Of each kind that there is, and of teams that write otherwise. */
const declared = (): ComponentLog[] => [
  ...watchedShop().flatMap(({ name: system, logFormats }) =>
    logFormats.map((format) => ({ system, ...format })),
  ),
  {
    ...{ system: "shop", component: "legacy" },
    text: [
      "^(?P<level>[A-Z]{2,3})~(?P<session_id>[^~]*)~(?P<user>[^~]*)~",
      "^#(?P<request_id>\\S+) (?P<level>\\d\\d\\d) ",
    ],
    levels: { error: "err|5\\d\\d", debug: "dbg", info: "[1-4]\\d\\d" },
  },
  {
    ...{ system: "shop", component: "java" },
    json: { level: "log.level", session_id: "ctx.session.id", user: ["ctx.user", "who.0.name"] },
  },
];

test("lines of each kind of component are read as it declares them, and no line is lost that is not like that", async () => {
  const time = (clock: string): string => `2026-11-28 23:41:${clock} UTC`;
  // Those of PostgreSQL, pgBackRest, PgBouncer, Redis and Caddy are lines that these programs have printed (15.20, 2.45,
  // 1.18, 7.0.15, 2.11), MongoDB's are as it documents them.
  const cases: readonly (readonly [component: string, line: string, found: object])[] = [
    [
      "db",
      "2026-11-28 23:41:07.386 UTC [20] LOG:  database system is ready to accept connections",
      { level: "info", time: time("07.386") },
    ],
    [
      "db",
      "2026-11-28 23:41:09.415 UTC [29] postgres@postgres ERROR:  division by zero",
      { level: "error", user: "postgres", time: time("09.415") },
    ],
    [
      "db",
      `2026-11-28 23:41:09.511 UTC [35] web_a@postgres STATEMENT:  insert into nothing values ('ERROR: user=x`,
      { level: "info", user: "web_a", time: time("09.511") },
    ],
    ["db", "\tsecond row')", { level: "unknown" }],
    [
      "db",
      '2026-11-28 23:41:09.442 UTC [31] nobody@postgres FATAL:  role "nobody" does not exist',
      { level: "fatal", user: "nobody", time: time("09.442") },
    ],
    [
      "db",
      "2026-11-28 12:00:00.126 UTC [78] [unknown]@[unknown] LOG:  incomplete startup packet",
      { level: "info", time: "2026-11-28 12:00:00.126 UTC" },
    ],
    [
      "db",
      "2026-11-28 23:41:09.576 P00   INFO: check command begin 2.45: --exec-id=38-0ce09dfd",
      { level: "info", time: "2026-11-28 23:41:09.576" },
    ],
    ["db", "WARN: unable to check pg1: [DbConnectError] unable to connect", { level: "warn" }],
    [
      "db-pool",
      "2026-11-28 23:41:13.478 UTC [7] WARNING C-0x55e679d8d580: shop/web_a@127.0.0.1:40796 pooler error: query_wait_timeout",
      { level: "warn", user: "web_a", time: time("13.478") },
    ],
    [
      "db-pool",
      "2026-11-28 23:41:13.510 UTC [7] LOG C-0x55e679d8d580: (nodb)/(nouser)@127.0.0.1:40806 no such user: who",
      // The usual spelling in its text.
      { level: "info", user: "who", time: time("13.510") },
    ],
    ["db-pool", "atalaya-pgbouncer: 3 may log in", { level: "unknown" }],
    [
      "documents",
      '{"t":{"$date":"2026-11-28T12:00:00.300+00:00"},"s":"W","c":"ACCESS","id":20249,"attr":{"user":"worker_a","db":"shop"}}',
      { level: "warn", user: "worker_a", time: "2026-11-28T12:00:00.300+00:00" },
    ],
    [
      "documents",
      '{"t":{"$date":"2026-11-28T12:00:00.301+00:00"},"s":"D2","attr":"a text where an object is meant"}',
      { level: "debug", time: "2026-11-28T12:00:00.301+00:00" },
    ],
    [
      "sessions",
      "8:M 28 Nov 2026 23:41:05.415 # Configured to not listen anywhere, exiting.",
      { level: "warn", time: "28 Nov 2026 23:41:05.415" },
    ],
    [
      "sessions",
      "8:M 28 Nov 2026 23:41:05.415 * monotonic clock: POSIX clock_gettime",
      { level: "info", time: "28 Nov 2026 23:41:05.415" },
    ],
    ["sessions", "              _._", { level: "unknown" }],
    [
      "edge",
      '{"level":"error","ts":"2026-11-28T23:41:29.292378453Z","logger":"http.log.access.access","msg":"handled request","request":{"remote_ip":"127.0.0.1","remote_port":"59436","client_ip":"127.0.0.1","proto":"HTTP/1.1","method":"GET","host":"a","uri":"/bad","headers":{"X-Request-Id":["x"],"Connection":["close"]}},"bytes_read":0,"user_id":"","duration":0.000412356,"size":1,"status":502,"resp_headers":{"X-Request-Id":["fce51e79-e3f6-4c2b-bf5a-0f13c6e29e00"],"Server":["Caddy"]}}',
      {
        ...{ level: "error", time: "2026-11-28T23:41:29.292378453Z" },
        // What it gave, not what it was sent.
        request_id: "fce51e79-e3f6-4c2b-bf5a-0f13c6e29e00",
      },
    ],
    ["edge", '{"level":"info","request":"no object"}', { level: "info" }],
    [
      "counter",
      '{"time":"2026-11-28T12:00:00+00:00","logger":"access","id":"n-1","status":504}',
      { level: "error", time: "2026-11-28T12:00:00+00:00", request_id: "n-1" },
    ],
    [
      "counter",
      '{"time":"2026-11-28T12:00:01+00:00","logger":"access","id":"n-2","status":404}',
      { level: "info", time: "2026-11-28T12:00:01+00:00", request_id: "n-2" },
    ],
    [
      "counter",
      '{"time":"2026-11-28T12:00:02Z","logger":"nginx","level":"crit","message":"no room"}',
      { level: "fatal", time: "2026-11-28T12:00:02Z" },
    ],
    [
      "counter",
      "2026/11/28 12:00:03 [emerg] 1#1: no such directive",
      { level: "fatal", time: "2026/11/28 12:00:03" },
    ],
    [
      "api",
      '{"level":"warn","time":"2026-11-28T12:00:00.600Z","reqId":"f-1","session_id":"S-1","user":1234567,"msg":"a"}',
      {
        ...{ level: "warn", time: "2026-11-28T12:00:00.600Z" },
        ...{ request_id: "f-1", session_id: "S-1", user: "1234567" },
      },
    ],
    ["api", '{"level":{"odd":1},"user":{"id":7},"time":null}', { level: "unknown" }],
    ["legacy", "ERR~S-2~eva~it broke", { level: "error", session_id: "S-2", user: "eva" }],
    ["legacy", "DBG~~~ user=hal", { level: "debug", user: "hal" }],
    ["legacy", "#q-1 503 no answer", { level: "error", request_id: "q-1" }],
    ["legacy", "level=error SESSION_ID=S-3", { level: "error", session_id: "S-3" }],
    ["legacy", '{"severity":"error","user_id":"ivy"}', { level: "error", user: "ivy" }],
    ["legacy", "{ERR~ neither of both", { level: "unknown" }],
    [
      "java",
      '{"log.level":"WARN","ctx":{"session":{"id":"S-4"},"user":""},"who":[{"name":"kim"}]}',
      { level: "warn", session_id: "S-4", user: "kim" },
    ],
    ["java", '{"log":{"level":"FATAL"},"ctx":[1],"who":"nobody"}', { level: "fatal" }],
    ["java", '{"log":7,"ctx":null,"level":"error"}', { level: "error" }],
    // Of nobody who declares anything: as ever.
    ["other", "1:M 28 Nov 2026 12:00:00.400 # not Redis", { level: "unknown" }],
  ];
  configure(docker, [], declared());
  const containers = new Map<string, Container>();
  for (const [component, line] of cases) {
    const of = containers.get(component) ?? Container.task("shop", component);
    containers.set(component, of);
    of.print(`${line}\n`);
  }
  await begin();
  await arrived(cases.length);
  await settle();
  const found = sink.arrived.map(({ labels, attributes, body }) => {
    const { stream, ...fields } = attributes;
    expect(stream).toBe("stdout");
    return [labels["service"], body, { level: labels["level"], ...fields }];
  });
  const key = (one: unknown): string =>
    JSON.stringify(one, (_, value: unknown) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).sort())
        : value,
    );
  expect(found.map(key).sort()).toEqual(cases.map(key).sort());
  // Of what it could not read it says nothing: that would be read again.
  agent!.signal("SIGTERM");
  expect((await agent!.ended).stderr).not.toMatch(/"level":"error"/);
});

test("what is refused of a format is what the collector would refuse, and what is taken it takes", async () => {
  const taken = [
    ...declared().flatMap(({ text, levels }) => [...listed(text), ...Object.values(levels ?? {})]),
    "(?i)^(?:a|b)\\[(?P<level>\\w+)\\]\\s+\\d{2,4}?",
    "^[^\\]\"']*(?P<user>[[:alpha:]]+)\\.\\/\\-\\$$",
  ];
  expect(taken.filter((regex) => regexFault(regex) !== undefined)).toEqual([]);
  const refused = ["(?=a)(?P<level>a)", "(a)\\1", "\\y", "(?P<level>a", "a**", "a{1001}", "[z-a]"];
  expect(refused.filter((regex) => regexFault(regex) === undefined)).toEqual([]);
  const validate = async (text: string): Promise<number> => {
    configure(docker, [], [{ system: "s", component: "c", text, levels: { error: text } }]);
    return (await run(collector, ["validate", "--config", config])).code ?? 1;
  };
  for (const regex of taken.filter((of) => of.includes("(?P<")))
    expect(await validate(regex)).toBe(0);
  for (const regex of refused) expect(await validate(regex)).not.toBe(0);
});

test("a line that the engine cuts is one line, whatever the other stream prints meanwhile", async () => {
  configure(docker);
  const api = Container.task("pronto", "api");
  const long = `${"x".repeat(40_000)} the end`;
  api.print(long);
  api.print("between\n", "stderr");
  api.print("\n");
  await begin();
  await arrived(2);
  expect(bodies().sort()).toEqual(["between", long]);
});

test("nothing of others, and no secret, leaves the node", async () => {
  configure(docker);
  const api = Container.task("pronto", "api");
  writeFileSync(
    join(dirname(api.file), "config.v2.json"),
    '{"Env":["TOKEN=environment-secret"]}\n',
  );
  new Container("plain", undefined).print("of no stack\n");
  new Container("other", { "atalaya.stack": "staging", "atalaya.system": "pronto" }).print(
    "of another stack\n",
  );
  print(api, [...SECRET_LINES.map(([printed]) => printed), ...HARMLESS_LINES]);
  const kept = [...SECRET_LINES.map(([, line]) => line), ...HARMLESS_LINES];
  await begin();
  await arrived(kept.length);
  await settle();
  expectEach(kept);
  const all = JSON.stringify(
    sink.arrived.map(({ labels, attributes, body }) => [labels, attributes, body]),
  );
  for (const secret of ["hunter", "ter2", "environment-secret", "of no stack", "another stack"]) {
    expect(all).not.toContain(secret);
  }
  // What is left of a line is read as ever.
  expect(byBody('{"pin_token"').labels["level"]).toBe("error");
  expect(byBody('{"msg":"Cookie: ***","level":"warn"}').labels["level"]).toBe("warn");
  expect(byBody('{"msg":"Cookie: ***","level":"error"}').labels["level"]).toBe("error");
  expect(byBody("/reset?token=***").labels["level"]).toBe("error");
});

test("lines are counted by whose they are and how bad, for alerts", async () => {
  configure(docker);
  const both = [1, 2].map((slot) => Container.task("pronto", "api", slot));
  both.forEach((api) => api.print('{"level":"info"}\n'));
  await begin();
  // One after the other: what there is more of has to be added to what there was.
  for (let round = 1; round <= 3; round++) {
    both.forEach((api) => api.print('{"level":"error"}\n'));
    await arrived(2 + 2 * round);
  }
  const { value } = await until("they are counted", { within: 20_000 }, async () => {
    const text = await (await fetch(`http://127.0.0.1:${ports.counts}/metrics`)).text();
    const counts = text.split("\n").flatMap((line) => {
      const [, labels, count] = /^atalaya_log_lines_total\{(.*)\} (\d+)$/.exec(line) ?? [];
      if (labels === undefined) return [];
      const of = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(labels)![1]!;
      return [`${of("system")}/${of("service")} ${of("level")} ${count}`];
    });
    return counts.some((line) => line.includes("error 6")) ? counts.sort() : false;
  });
  expect(value).toEqual(["pronto/api error 6", "pronto/api info 2"]);
  // What alerts on the agent itself go by.
  const own = await (await fetch(`http://127.0.0.1:${ports.own}/metrics`)).text();
  expect(own).toMatch(/^otelcol_exporter_queue_size\{[^}]*data_type="logs"[^}]*\} 0$/m);
  expect(own).toMatch(
    /^otelcol_exporter_queue_capacity\{[^}]*data_type="logs"[^}]*\} 5\.36870912e\+08$/m,
  );
});

const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `line ${from + i}`);

const print = (container: Container, lines: readonly string[]): void =>
  lines.forEach((line) => container.print(`${line}\n`));

/** None is missing, and none is there twice. */
const expectEach = (lines: readonly string[]): void => {
  expect([...bodies()].sort()).toEqual([...lines].sort());
};

test("while the store is away nothing is lost, even when the agent is made anew meanwhile", async () => {
  configure(docker);
  const api = Container.task("pronto", "api");
  print(api, numbered(0, 50));
  await begin();
  await arrived(50);
  await sink.away();
  print(api, numbered(50, 250));
  // They are in the queue on the disk.
  await settle();
  await stop();
  print(api, numbered(250, 300));
  await begin();
  print(api, numbered(300, 350));
  await settle();
  expect(sink.arrived).toHaveLength(50);
  await sink.back();
  await arrived(350);
  await settle();
  expectEach(numbered(0, 350));
});

test("an agent that is made anew sends nothing again, and one that is killed at most its last batch", async () => {
  configure(docker);
  const api = Container.task("pronto", "api");
  print(api, numbered(0, 200));
  await begin();
  await arrived(200);
  await settle();
  await stop();
  await begin();
  print(api, numbered(200, 210));
  await arrived(210);
  await settle();
  expectEach(numbered(0, 210));
  // In the middle of it.
  print(api, numbered(210, 400));
  await sleep(300);
  await stop("SIGKILL");
  await begin();
  await until("all lines", { within: 40_000 }, () =>
    Promise.resolve(new Set(bodies()).size >= 400),
  );
  await settle();
  expect(new Set(bodies())).toEqual(new Set(numbered(0, 400)));
  // A store drops what it has: the same moment, the same line.
  const twice = bodies().length - 400;
  expect(twice).toBeLessThanOrEqual(190);
});

test("a file that is full and put aside loses nothing, with an agent or without", async () => {
  configure(docker);
  const api = Container.task("pronto", "api");
  await begin();
  print(api, numbered(0, 300));
  api.rotate();
  print(api, numbered(300, 400));
  await arrived(400);
  await stop();
  print(api, numbered(400, 450));
  api.rotate();
  print(api, numbered(450, 500));
  await begin();
  await arrived(500);
  await settle();
  expectEach(numbered(0, 500));
});

test("what it sends is found as `atalaya logs` asks for it, and still is when the store was made anew", async () => {
  const server = await LokiServer.start(store, join(folder, "loki"));
  const asked = {
    url: server.url,
    start: BigInt(Date.now() - 60_000) * 1_000_000n,
  };
  const found = async (filter: LogFilter): Promise<string[]> => {
    const end = BigInt(Date.now() + 60_000) * 1_000_000n;
    const texts: string[] = [];
    for await (const { line } of lines({ ...asked, end, query: logql(filter) })) texts.push(line);
    return texts;
  };
  const person = { system: "pronto", session: "S-81" };
  const told = (n: number): string => `SESSION_ID=S-81 USER=ana line ${n}`;
  configure(docker, [], [], Number(new URL(server.url).port));
  const [api, kitchen] = ["api", "kitchen"].map((name) => Container.task("pronto", name));
  await begin();
  api!.print(`${told(0)}\n`);
  api!.print("SESSION_ID=S-82 somebody else\n");
  // Another moment.
  await sleep(5);
  kitchen!.print(`${told(1)}\n`);
  await until("both lines", { within: 20_000 }, async () => (await found(person)).length === 2);
  await server.stop();
  kitchen!.print(`${told(2)}\n`);
  await settle();
  await server.begin();
  try {
    const end = new AbortController();
    const followed: string[] = [];
    const following_ = (async () => {
      const query = logql(person);
      for await (const { line } of following({ ...asked, query }, end.signal)) followed.push(line);
    })();
    await until("the line of meanwhile", { within: 30_000 }, () =>
      Promise.resolve(followed.length === 3),
    );
    api!.print(`${told(3)}\n`);
    await until("a new line", { within: 20_000 }, () => Promise.resolve(followed.length === 4));
    end.abort();
    await following_;
    expect(followed).toEqual([0, 1, 2, 3].map(told));
    expect(await found({ ...person, user: "ana", services: ["kitchen"] })).toEqual(
      [1, 2].map(told),
    );
    expect(await found({ ...person, level: "error" })).toEqual([]);
    await expect(found({ ...person, system: "" })).rejects.toThrow("Loki refuses the question");
  } finally {
    await server.stop("SIGKILL");
  }
});

describe("on Kubernetes", () => {
  const files = kubernetes.logFiles("prod");

  test("a pod's folder says whose its lines are", async () => {
    configure(files, [{ name: "pronto", components: { "db-grant": "db" } }]);
    const write = (pod: string, container: string, ...lines: string[]): void => {
      const path = join(folder, "files", `${pod}_0b1f`, container);
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, "0.log"), lines.map((line) => `${line}\n`).join(""));
    };
    const at = (n: number): string => `2026-11-28T12:00:00.00000000${n}Z`;
    write(
      "prod-pronto_api-7d9f-x2k",
      "api",
      `${at(1)} stdout F {"level":"error","user":"ana"}`,
      `${at(2)} stdout P a line `,
      `${at(3)} stderr F between`,
      `${at(4)} stdout F in two pieces`,
    );
    write("prod-pronto_db-grant-1a2b-z9", "db-grant", `${at(5)} stdout F granted`);
    // Another stack's, whose name begins the same.
    write("prod-pronto-2_api-1-a", "api", `${at(6)} stdout F foreign`);
    await begin();
    await arrived(4);
    await settle();
    expect(bodies().sort()).toEqual(
      ["a line in two pieces", "between", "granted", '{"level":"error","user":"ana"}'].sort(),
    );
    expect(byBody("ana")).toEqual({
      labels: { system: "pronto", service: "api", instance: "api-7d9f-x2k", level: "error" },
      attributes: { stream: "stdout", user: "ana" },
      body: '{"level":"error","user":"ana"}',
      time: 1_795_867_200_000_000_001n,
    });
    expect(byBody("granted").labels).toMatchObject({ service: "db", instance: "db-grant-1a2b-z9" });
  });
});
