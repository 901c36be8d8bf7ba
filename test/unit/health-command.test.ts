import { createServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { createServer as createTcp } from "node:net";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Ajv from "ajv";
import { checksOfStack, EXIT_CODES } from "../../operations/commands/health";
import { type Asked, askAll, type StackCheck, valueOf } from "../../operations/health/ask";
import {
  type ClusterNode,
  clusterState,
  type Pod,
  refusedByKubectl,
  type Rollout,
} from "../../operations/health/cluster";
import {
  CannotAsk,
  type EngineState,
  type HealthEngine,
  RECENT_MS,
} from "../../operations/health/engine";
import { askUpgrade } from "../../operations/health/https";
import {
  makeReport,
  type Report,
  reportJsonSchema,
  reportSchema,
} from "../../operations/health/report";
import {
  refusedByDocker,
  type Service,
  hostOf,
  swarmState,
  type Task,
} from "../../operations/health/swarm";
import { drawn, written } from "../../operations/health/table";
import { UserError } from "../../operations/errors";
import { checkId, type HealthCheck } from "../../model/health";
import { describeStack } from "../../stack/describe";
import { systems } from "../../systems";
import { selfSigned } from "../support/certificates";

const NOW = Date.parse("2026-11-22T10:00:00Z");
const ago = (minutes: number): string => new Date(NOW - minutes * 60_000).toISOString();

const described = describeStack(
  "dev",
  { values: { monitoring: "full" }, isSecret: () => false },
  systems,
);
const checks = checksOfStack(described);

describe("what a Swarm says of a stack", () => {
  const service = (ID: string, Name: string, state?: string, since = 20): Service => ({
    ID,
    Spec: { Name, Labels: { "atalaya.system": "grupo-gad" } },
    ...(state === undefined ? {} : { UpdateStatus: { State: state, StartedAt: ago(since) } }),
  });
  const task = (
    ServiceID: string,
    desired: string,
    state: string,
    minutes = 60,
    node = "n1",
  ): Task => ({
    ServiceID,
    NodeID: node,
    DesiredState: desired,
    Status: {
      State: state,
      Timestamp: ago(minutes),
      ContainerStatus: { ContainerID: `${ServiceID}-${state}` },
    },
  });
  const state = (services: Service[], tasks: Task[]): EngineState =>
    swarmState(
      "dev",
      { services, tasks, nodes: [{ Status: "Ready" }, { Status: "Down" }], node: "n1" },
      NOW,
    );

  test("instances run when that is wanted of them; what ended unasked counts for a quarter of an hour", () => {
    const { workloads, nodesNotReady } = state(
      [service("a", "dev-grupo-gad-api")],
      [
        task("a", "running", "running"),
        task("a", "running", "running", 60, "n2"),
        task("a", "running", "starting"),
        // Replaced by an update: it was told to.
        task("a", "shutdown", "shutdown", 1),
        task("a", "shutdown", "running", 1),
        task("a", "shutdown", "failed", 14),
        task("a", "shutdown", "complete", 1),
        task("a", "shutdown", "failed", 16),
      ],
    );
    expect(nodesNotReady).toBe(1);
    expect(workloads.get("grupo-gad/api")).toEqual({
      instances: [
        { id: "a-running", reachable: true },
        { id: "a-running", reachable: false },
      ],
      absent: 0,
      ended: 2,
      hanging: false,
    });
  });

  test("of one that runs on every node, those on which it does not are counted", () => {
    const { workloads } = state(
      [service("a", "dev-grupo-gad-containers")],
      [
        task("a", "running", "running"),
        // It is being replaced there.
        task("a", "running", "starting"),
        // It fails again and again, and finds no room.
        task("a", "shutdown", "failed", 1, "n2"),
        task("a", "ready", "ready", 0, "n2"),
        task("a", "running", "pending", 60, "n3"),
        // A node that has gone.
        task("a", "shutdown", "running", 60, "n4"),
      ],
    );
    expect(workloads.get("grupo-gad/containers")).toMatchObject({ absent: 2 });
  });

  test.each([
    [undefined, 0, false],
    ["completed", 20, false],
    ["updating", 14, false],
    ["updating", 16, true],
    ["paused", 20, true],
    ["rollback_completed", 20, true],
  ])("an update that is %s since %d minutes hangs: %s", (status, since, hanging) => {
    const { workloads } = state([service("a", "dev-grupo-gad-api", status, since)], []);
    expect(workloads.get("grupo-gad/api")?.hanging).toBe(hanging);
  });
});

describe("where a Swarm's node is", () => {
  const asked: (readonly string[])[] = [];
  const ssh = (says: string) => (args: readonly string[]) => {
    asked.push(args);
    return Promise.resolve(says);
  };
  // As OpenSSH 9 prints it, for an alias with `HostName 203.0.113.7` in ~/.ssh/config.
  const settings = [
    "host shop",
    "user deploy",
    "hostname 203.0.113.7",
    "port 22",
    "hostkeyalias none",
    "canonicalizehostname false",
  ].join("\n");

  beforeEach(() => asked.splice(0));

  test("of an alias, where ssh goes", async () => {
    expect(await hostOf("ssh://deploy@shop:2222", ssh(settings))).toBe("203.0.113.7");
    expect(asked).toEqual([["-G", "-l", "deploy", "-p", "2222", "--", "shop"]]);
    expect(await hostOf("ssh://shop", ssh(settings))).toBe("203.0.113.7");
    expect(asked[1]).toEqual(["-G", "--", "shop"]);
  });

  test("as it was written, where ssh says nothing; ssh is asked of nothing else", async () => {
    expect(await hostOf("ssh://shop", ssh(""))).toBe("shop");
    asked.splice(0);
    expect(await hostOf("tcp://10.0.0.5:2376", ssh(settings))).toBe("10.0.0.5");
    expect(await hostOf("unix:///var/run/docker.sock", ssh(settings))).toBe("127.0.0.1");
    expect(asked).toEqual([]);
  });
});

describe("what a cluster says of a stack", () => {
  const labels = { "app.kubernetes.io/part-of": "grupo-gad", "app.kubernetes.io/name": "api" };
  const rollout = (more: object = {}): Rollout => ({
    kind: "Deployment",
    metadata: { name: "api", namespace: "dev-grupo-gad", labels },
    ...more,
  });
  const pod = (name: string, ready: boolean, more: object = {}, own: object = {}): Pod => ({
    kind: "Pod",
    metadata: { name, namespace: "dev-grupo-gad", labels, ...own },
    status: { containerStatuses: [{ ready, restartCount: 0, ...more }] },
  });
  const ended = (minutes: number): object => ({
    lastState: { terminated: { exitCode: 137, finishedAt: ago(minutes) } },
  });

  test("instances are ready pods that nobody removes; what ended counts for a quarter of an hour", () => {
    const { workloads } = clusterState(
      [
        rollout(),
        pod("api-1", true, ended(14)),
        pod("api-2", false, ended(16)),
        pod("api-3", true, {}, { deletionTimestamp: ago(0) }),
        // A job's pod of the same component.
        pod(
          "api-migrate",
          true,
          {},
          { labels: { ...labels, "app.kubernetes.io/name": "api-migrate" } },
        ),
      ],
      [],
      NOW,
    );
    expect(workloads.get("grupo-gad/api")).toEqual({
      instances: [{ id: "api-1", namespace: "dev-grupo-gad", reachable: true }],
      absent: 0,
      ended: 1,
      hanging: false,
    });
  });

  test("of one that runs on every node, those on which it is not ready are counted", () => {
    const status = { desiredNumberScheduled: 3, numberReady: 2 };
    const { workloads } = clusterState([rollout({ kind: "DaemonSet", status })], [], NOW);
    expect(workloads.get("grupo-gad/api")).toMatchObject({ absent: 1 });
  });

  test("a rollout that the cluster gave up hangs", () => {
    const conditions = [
      { type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" },
    ];
    const { workloads } = clusterState([rollout({ status: { conditions } })], [], NOW);
    expect(workloads.get("grupo-gad/api")?.hanging).toBe(true);
  });

  test("nodes that are not ready are counted; where they may not be seen, nobody knows", () => {
    const node = (status: string): ClusterNode => ({
      status: { conditions: [{ type: "Ready", status }] },
    });
    expect(clusterState([], [node("True"), node("Unknown"), {}], NOW).nodesNotReady).toBe(2);
    expect(clusterState([], undefined, NOW).nodesNotReady).toBeUndefined();
  });
});

/** Everything runs and says that it is well; Prometheus gives 1 for all. */
const SECRET = "pa55word-of-the-database";

function engine(of: Partial<HealthEngine> = {}, without: readonly string[] = []): HealthEngine {
  const workloads = new Map(
    described.systems.flatMap((model) =>
      model.workloads.map(({ name, scale }) => [
        `${model.name}/${name}`,
        {
          instances: Array.from({ length: scale.min }, (_, i) => ({
            id: `${name}.${i + 1}`,
            reachable: true,
          })),
          absent: 0,
          ended: 0,
          hanging: false,
        },
      ]),
    ),
  );
  without.forEach((name) => workloads.delete(name));
  return {
    state: () => Promise.resolve({ nodesNotReady: 0, workloads }),
    exec: (_, [program]) =>
      Promise.resolve({
        code: 0,
        stdout: program === "promtool" ? '[{"metric":{},"value":[1,"1"]}]' : SECRET,
        stderr: SECRET,
      }),
    invocation: () => {
      throw new Error("nobody stays here");
    },
    entrance: () => Promise.resolve("127.0.0.1"),
    ...of,
  };
}

const ask = (
  of: HealthEngine,
  which = (_: StackCheck): boolean => true,
): Promise<readonly Asked[]> =>
  askAll(
    checks.filter(({ ask: { kind } }) => kind !== "https").filter(which),
    described.systems,
    of,
    300,
  );

const reportOf = (asked: readonly Asked[]): Report =>
  makeReport({
    asked,
    stack: "dev",
    platform: "swarm",
    systems: ["grupo-gad"],
    monitoring: "full",
    notes: [],
    runbook: "docs/alerts.md",
    toolVersion: "1.2.3",
    now: new Date(NOW),
  });

const byId = (asked: readonly Asked[], id: string): Asked =>
  asked.find(({ check }) => checkId(check) === id)!;

describe("a stack is asked", () => {
  test("each instance by its workload's own question for readiness, as its platform asks it", async () => {
    const commands: (readonly string[])[] = [];
    const exec: HealthEngine["exec"] = (instance, command) => {
      commands.push([instance.id, ...command]);
      return Promise.resolve({ code: instance.id === "api.2" ? 1 : 0, stdout: "", stderr: "" });
    };
    const asked = await ask(engine({ exec }), (check) => check.ask.kind === "ready");
    expect(commands).toContainEqual(["db.1", "atalaya-postgres", "health"]);
    expect(commands.find(([id]) => id === "api.1")?.slice(1, 3)).toEqual(["sh", "-c"]);
    expect(commands.find(([id]) => id === "api.1")?.[3]).toContain(
      "http://127.0.0.1:8000/health/ready",
    );
    expect(byId(asked, "api/ready").value).toBe(1);
    expect(byId(asked, "db/ready").value).toBe(0);
  });

  test("and where some of them are out of reach, the others do not speak for them", async () => {
    const usual = await engine().state(1);
    const api = usual.workloads.get("grupo-gad/api")!;
    const [first, second] = api.instances;
    const apart = { ...api, instances: [first!, { ...second!, reachable: false }] };
    const workloads = new Map([...usual.workloads, ["grupo-gad/api", apart]]);
    const state = (): Promise<EngineState> => Promise.resolve({ ...usual, workloads });
    const of = (check: StackCheck): boolean => checkId(check) === "api/ready";
    const exec: HealthEngine["exec"] = () => Promise.resolve({ code: 1, stdout: "", stderr: "" });
    const [well] = await ask(engine({ state }), of);
    expect(well).toMatchObject({
      value: undefined,
      note: "1 of its instances run on nodes that are not asked",
    });
    const [wrong] = await ask(engine({ state, exec }), of);
    expect(wrong).toMatchObject({ value: 1 });
  });

  test("Prometheus by promtool in its own container, at no port of the machine", async () => {
    const seen: (readonly string[])[] = [];
    const exec: HealthEngine["exec"] = ({ id }, command) => {
      seen.push([id, ...command]);
      return Promise.resolve({ code: 0, stdout: '[{"metric":{},"value":[1,"0.97"]}]', stderr: "" });
    };
    const asked = await ask(engine({ exec }), ({ name }) => name === "connections");
    expect(seen[0]?.slice(0, 6)).toEqual([
      "prometheus.1",
      "promtool",
      "query",
      "instant",
      "--format=json",
      "http://localhost:9090",
    ]);
    expect(byId(asked, "db/connections").value).toBe(0.97);
    expect(reportOf(asked).status).toBe("critical");
  });

  test("and what is well is said so, with no secret that a container prints", async () => {
    const report = reportOf(await ask(engine()));
    expect(report.summary.unknown).toBe(0);
    expect(JSON.stringify(report)).not.toContain(SECRET);
    expect(drawn(report, { verbose: true })).not.toContain(SECRET);
  });

  test("what fails in a container is told by its exit code alone", async () => {
    const exec: HealthEngine["exec"] = () =>
      Promise.resolve({ code: 1, stdout: SECRET, stderr: `password ${SECRET} is wrong` });
    const report = reportOf(await ask(engine({ exec }), ({ ask: { kind } }) => kind === "ready"));
    expect(report.summary.critical).toBeGreaterThan(3);
    expect(JSON.stringify(report)).not.toContain(SECRET);
  });

  test("a workload that is gone is critical, and what only it could say is not known", async () => {
    const asked = await ask(engine({}, ["grupo-gad/db"]), ({ component }) => component === "db");
    const report = reportOf(asked);
    const status = (id: string): string =>
      report.checks.find((c) => c.id === `grupo-gad/${id}`)!.status;
    expect(status("db/instances")).toBe("critical");
    expect(status("db/ready")).toBe("unknown");
    expect(status("db/ended")).toBe("unknown");
    expect(status("db/queries")).toBe("well");
  });

  test("where Prometheus is gone its checks are not known, never well", async () => {
    const asked = await ask(
      engine({}, ["observability/prometheus"]),
      ({ ask: { kind } }) => kind === "query",
    );
    const { summary, checks: told, status } = reportOf(asked);
    expect(summary).toEqual({ well: 0, warning: 0, critical: 0, unknown: asked.length });
    expect(status).toBe("warning");
    expect(told[0]?.note).toBe("Prometheus: no instance of it runs");
  });

  test("an engine that does not answer is critical, and all that it could say is not known", async () => {
    const state = (): Promise<EngineState> => Promise.reject(new CannotAsk("Cannot connect"));
    const { status, summary, checks: told } = reportOf(await ask(engine({ state })));
    expect({ status, critical: summary.critical, well: summary.well }).toEqual({
      status: "critical",
      critical: 1,
      well: 0,
    });
    expect(told[0]).toMatchObject({
      id: "engine/answers",
      status: "critical",
      note: "Cannot connect",
    });
  });

  test("one that hangs holds nobody up", async () => {
    const hung = new Promise<never>(() => undefined);
    const start = Date.now();
    const asked = await ask(engine({ state: () => hung }));
    expect(Date.now() - start).toBeLessThan(3_000);
    expect(byId(asked, "engine/answers")).toMatchObject({
      value: 0,
      note: "no answer within 0.3 s",
    });
  });

  test("an instance that does not say in time that it is ready is not; the others are heard", async () => {
    const { exec: usual } = engine();
    const exec: HealthEngine["exec"] = (instance, command, timeoutMs) =>
      instance.id === "cache.1"
        ? new Promise((end) =>
            setTimeout(() => end({ code: 124, stdout: "", stderr: "" }), timeoutMs),
          )
        : usual(instance, command, timeoutMs);
    const asked = await ask(engine({ exec }), ({ ask: { kind } }) => kind === "ready");
    expect(byId(asked, "cache/ready")).toMatchObject({
      value: 1,
      note: "1 gave no answer within 0.3 s",
    });
    expect(byId(asked, "db/ready")).toMatchObject({ value: 0 });
    const took = (id: string): number => byId(asked, id).seconds;
    expect(took("db/ready")).toBeLessThan(took("cache/ready"));
  });

  test("no more than eight commands run at once", async () => {
    let running = 0;
    let most = 0;
    const exec: HealthEngine["exec"] = async () => {
      most = Math.max(most, ++running);
      await new Promise((go) => setTimeout(go, 5));
      running--;
      return { code: 0, stdout: '[{"metric":{},"value":[1,"1"]}]', stderr: "" };
    };
    await ask(engine({ exec }));
    expect(most).toBe(8);
  });
});

describe("a gateway is asked from outside", () => {
  const host = "gad.localhost";
  let server: ReturnType<typeof createServer>;
  let answer = 200;
  beforeAll(async () => {
    const { certificate, key } = await selfSigned(host);
    server = createServer({ cert: certificate, key }, (request, response) => {
      response.writeHead(request.headers.host?.startsWith(host) ? answer : 421).end("x");
    });
    server.on("upgrade", (request, socket) => {
      const status = request.url === "/ws/connect" ? "101 Switching Protocols" : "404 Not Found";
      const more = status.startsWith("101") ? "Upgrade: websocket\r\nConnection: Upgrade\r\n" : "";
      socket.on("error", () => undefined);
      socket.end(`HTTP/1.1 ${status}\r\n${more}\r\n`);
    });
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  });
  afterAll(() => server.close());
  afterEach(() => (answer = 200));

  const edge = (change: { port?: number; verify?: boolean; path?: string } = {}): StackCheck[] =>
    checks.flatMap((check) =>
      check.ask.kind === "https"
        ? [
            {
              ...check,
              ask: { ...check.ask, port: (server.address() as AddressInfo).port, ...change },
            },
          ]
        : [],
    );
  const run = async (
    of: readonly StackCheck[],
    timeoutMs = 20_000,
  ): Promise<Record<string, Asked>> =>
    Object.fromEntries(
      (await askAll(of, described.systems, engine(), timeoutMs)).map((a) => [a.check.name, a]),
    );

  test("which gives a usable answer in time, a certificate that lasts, a WebSocket", async () => {
    const { usable, time, certificate, websocket } = await run(edge());
    expect(usable).toMatchObject({ value: 1, note: "status 200" });
    expect(time!.value).toBeGreaterThan(0);
    expect(time!.value).toBeLessThan(10);
    expect(certificate!.value! / 86_400).toBeCloseTo(2, 1);
    expect(websocket).toMatchObject({ value: 1, note: "status 101" });
  });

  test.each([
    [401, 1],
    [502, 0],
    [421, 0],
  ])("whose answer %d is usable: %d", async (status, usable) => {
    answer = status;
    expect((await run(edge()))["usable"]).toMatchObject({
      value: usable,
      note: `status ${status}`,
    });
  });

  test("which a client would not trust, where a public authority has to vouch for it", async () => {
    const { usable, certificate } = await run(edge({ verify: true }));
    expect(usable).toMatchObject({ value: 0 });
    expect(usable!.note).toMatch(/^certificate: /);
    // When it ends is known all the same.
    expect(certificate!.value).toBeGreaterThan(86_400);
  });

  test("whose WebSocket is not there", async () => {
    const found = await run(edge({ path: "/ws/other" }));
    expect(found["websocket"]).toMatchObject({ value: 0, note: "status 404" });
  });

  test("whose WebSocket breaks off once it is open", async () => {
    const { certificate: cert, key } = await selfSigned(host);
    const connections: Socket[] = [];
    const other = createServer({ cert, key }).on("connection", (of: Socket) =>
      connections.push(of),
    );
    other.on("upgrade", (_request, socket) => {
      socket.on("error", () => undefined);
      const head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade";
      socket.write(`${head}\r\n\r\n`, () => connections.forEach((of) => of.resetAndDestroy()));
    });
    await new Promise<void>((ready) => other.listen(0, "127.0.0.1", ready));
    const target = { host, port: (other.address() as AddressInfo).port, path: "/" };
    const asked = askUpgrade({ ...target, address: "127.0.0.1" }, AbortSignal.timeout(10_000));
    expect(await asked).toBe(101);
    await new Promise((closed) => other.close(closed));
  });

  test("that is not there: not usable, the rest not known", async () => {
    const free = createTcp().listen(0, "127.0.0.1");
    await new Promise((ready) => free.once("listening", ready));
    const { port } = free.address() as AddressInfo;
    await new Promise((closed) => free.close(closed));
    const { usable, time, certificate } = await run(edge({ port }));
    expect(usable).toMatchObject({ value: 0, note: "no answer (ECONNREFUSED)" });
    expect([time!.value, certificate!.value]).toEqual([undefined, undefined]);
  });

  test("that accepts and stays silent: given up in time", async () => {
    const silent = createTcp(() => undefined).listen(0, "127.0.0.1");
    await new Promise((ready) => silent.once("listening", ready));
    const start = Date.now();
    const { port } = silent.address() as AddressInfo;
    const found = await run(edge({ port }), 300);
    expect(Date.now() - start).toBeLessThan(5_000);
    expect(found["usable"]).toMatchObject({ value: 0 });
    expect(found["usable"]!.note).toMatch(/no answer/);
    silent.close();
  });
});

describe("what promtool and engines print", () => {
  test("a value, none, several", () => {
    expect(valueOf('[{"metric":{},"value":[1795402394.9,"0.25"]}]')).toBe(0.25);
    expect(valueOf('[{"metric":{},"value":[1795402394.9,"NaN"]}]')).toBeNaN();
    expect(() => valueOf("[]")).toThrow(CannotAsk);
    const two = '[{"metric":{"a":"1"},"value":[1,"1"]},{"metric":{"a":"2"},"value":[1,"1"]}]';
    expect(() => valueOf(two)).toThrow(CannotAsk);
  });

  test("no number is not known, never well", async () => {
    const exec: HealthEngine["exec"] = () =>
      Promise.resolve({ code: 0, stdout: '[{"metric":{},"value":[1,"NaN"]}]', stderr: "" });
    const asked = await ask(engine({ exec }), ({ name }) => name === "errors");
    expect(reportOf(asked).checks[0]).toMatchObject({ status: "unknown" });
  });

  test.each([
    [0, "", undefined],
    [1, "error: password authentication failed", undefined],
    [124, "", undefined],
    [1, "Error response from daemon: container x is not running", /^Error response/],
    [126, "Cannot connect to the Docker daemon at tcp://x.", /^Cannot connect/],
  ])("docker: exit code %d with %j is the engine's own error: %s", (code, stderr, why) => {
    const said = refusedByDocker({ code, stdout: "", stderr });
    if (why === undefined) expect(said).toBeUndefined();
    else expect(said).toMatch(why);
  });

  test.each([
    [0, "", undefined],
    [1, "error: no\ncommand terminated with exit code 1", undefined],
    [124, "", undefined],
    [1, "Error from server (Forbidden): pods is forbidden", /Forbidden/],
    [1, "error: unable to upgrade connection", /unable to upgrade/],
  ])("kubectl: exit code %d with %j is the cluster's own error: %s", (code, stderr, why) => {
    const said = refusedByKubectl({ code, stdout: "", stderr });
    if (why === undefined) expect(said).toBeUndefined();
    else expect(said).toMatch(why);
  });

  test("an image without the program that asks is not known, and nothing of what it said is told", async () => {
    const exec: HealthEngine["exec"] = () =>
      Promise.resolve({ code: 127, stdout: "", stderr: `sh: ${SECRET}: not found` });
    const { checks: told } = reportOf(await ask(engine({ exec }), ({ name }) => name === "ready"));
    expect(told[0]).toMatchObject({
      status: "unknown",
      note: "its image has no program to ask with (exit code 127)",
    });
  });
});

describe("the report", () => {
  const check = (status: "well" | "warning" | "critical" | "unknown"): Asked => {
    const of = checks.find((c) => checkId(c as HealthCheck) === "db/connections")!;
    const value = { well: 0.1, warning: 0.9, critical: 0.99, unknown: undefined }[status];
    return { check: of, value, seconds: 0.12345, ...(value === undefined ? { note: "gone" } : {}) };
  };

  test.each([
    [["well", "well"], "well", 0],
    [["well", "warning"], "warning", 1],
    [["well", "unknown"], "warning", 1],
    [["unknown", "critical"], "critical", 2],
  ] as const)("of %j is %s, and exit code %d", (of, status, code) => {
    const report = reportOf(of.map(check));
    expect(report.status).toBe(status);
    expect(EXIT_CODES[report.status]).toBe(code);
    expect(reportSchema.parse(report)).toEqual(report);
  });

  test("says what to do and where to read on, of what is beyond a limit", () => {
    const [well, critical, unknown] = reportOf([
      check("well"),
      check("critical"),
      check("unknown"),
    ]).checks;
    expect(critical).toMatchObject({
      id: "grupo-gad/db/connections",
      value: 0.99,
      limits: { beyond: "above", warning: 0.8, critical: 0.95 },
      runbook: "docs/alerts.md#databaseconnectionshigh",
    });
    expect(critical!.fix).toContain("pg_stat_activity");
    expect([well!.fix, unknown!.fix]).toEqual([undefined, undefined]);
    expect(unknown).toMatchObject({ status: "unknown", note: "gone" });
  });

  test("is what its published schema says", () => {
    const file = join(__dirname, "../../docs/health-report.schema.json");
    const today = reportJsonSchema();
    if (process.env["UPDATE_GOLDEN"] === "1")
      writeFileSync(file, `${JSON.stringify(today, null, 2)}\n`);
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(today);
    const validate = new Ajv({ strict: false, validateFormats: false }).compile(today);
    const report = reportOf(["well", "critical", "unknown"].map((of) => check(of as "well")));
    expect(validate(JSON.parse(JSON.stringify(report)))).toBe(true);
    expect(validate({ ...report, version: 2 })).toBe(false);
    expect(validate({ ...report, checks: [{ id: "x/y" }] })).toBe(false);
  });

  test("as a table has each check once, and what was found alike told once", () => {
    const text = drawn(reportOf([check("critical"), check("well"), check("unknown")]));
    expect(text).toContain("PostgreSQL");
    expect(text).toMatch(
      /CRITICAL +grupo-gad\/db\/connections +connections in use +99 % +≤ 80 % \(≤ 95 %\)/,
    );
    expect(text).toMatch(/Stack dev: 3 checks, 1 well, 1 critical, 1 could not be asked\.$/);
    const twice = drawn(reportOf([check("critical"), check("critical")]));
    expect(twice.match(/pg_stat_activity/g)).toHaveLength(1);
  });

  test.each([
    [1, "yes", "yes"],
    [0, "yes", "no"],
    [0.1234, "ratio", "12.3 %"],
    [0.0421, "seconds", "42 ms"],
    [3.14159, "seconds", "3.14 s"],
    [7 * 86_400, "seconds", "7 d"],
    [-90_000, "seconds", "−25 h"],
    [2, "count", "2"],
    [0.5, "load", "0.5"],
  ] as const)("writes %d (%s) as %s", (value, unit, text) => {
    expect(written(value, unit)).toBe(text);
  });
});

describe("which checks are asked", () => {
  test("those of a system, and of the engine", () => {
    const of = checksOfStack(described, ["nodes"]);
    expect([...new Set(of.map(({ system }) => system))]).toEqual([undefined, "nodes"]);
  });

  test("a system that the stack has not is a mistake, with what was meant", () => {
    const mistake = (): unknown => checksOfStack(described, ["grupo-gat"]);
    expect(mistake).toThrow(UserError);
    expect(mistake).toThrow(/no system "grupo-gat"/);
  });

  test("an instance counts as ended for as long as the alert ContainerRestarting looks back", () => {
    expect(RECENT_MS).toBe(15 * 60_000);
  });
});
