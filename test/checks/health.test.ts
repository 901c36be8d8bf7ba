import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reportSchema, type Report } from "../../operations/health/report";
import { describedStack } from "../../operations/setup/described";

const ROOT = join(__dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "atalaya-health-"));
afterAll(() => rmSync(folder, { recursive: true }));

// A process of its own for each, on machines that do other things meanwhile.
jest.setTimeout(120_000);

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  readonly seconds: number;
}

/** The command as it is called, where its engine's command is one of ours and nothing else is found. */
function atalaya(args: readonly string[], path: string): Ran {
  const start = Date.now();
  // An address that nothing answers at, for the gateway.
  const env = { NO_COLOR: "1", HOME: folder, PATH: path, DOCKER_HOST: "tcp://127.0.0.2:1" };
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(ROOT, "operations/atalaya.mjs"), "health", ...args],
    { cwd: folder, env, encoding: "utf8" },
  );
  return { code: status, out: stdout, err: stderr, seconds: (Date.now() - start) / 1_000 };
}

let made = 0;

/** A command of that name that runs a script for Node with `args`. */
function command(name: string, script: string): string {
  const path = join(folder, `bin-${++made}`);
  mkdirSync(path);
  const file = join(path, name);
  writeFileSync(file, `#!${process.execPath}\nconst args = process.argv.slice(2);\n${script}\n`);
  chmodSync(file, 0o755);
  return path;
}

const reportOf = ({ out }: Ran): Report => reportSchema.parse(JSON.parse(out));

const statusOf = (report: Report, id: string): string | undefined =>
  report.checks.find((check) => check.id === id)?.status;

/** What a Swarm says of stack dev, where all of it runs. */
function swarm(): string {
  const workloads = describedStack("dev").systems.flatMap(({ name: system, workloads: of }) =>
    of.flatMap(({ name, scale }) => ({ system, name, instances: scale.min })),
  );
  const services = workloads.map(({ system, name }) => ({
    ID: name,
    Spec: { Name: `dev-${system}-${name}`, Labels: { "atalaya.system": system } },
  }));
  const tasks = workloads.flatMap(({ name, instances }) =>
    Array.from({ length: instances }, (_, i) => ({
      ID: `${name}.${i}`,
      ServiceID: name,
      NodeID: "n1",
      DesiredState: "running",
      Status: {
        State: "running",
        Timestamp: "2026-11-22T10:00:00Z",
        ContainerStatus: { ContainerID: `${name}.${i}` },
      },
    })),
  );
  return `
    const services = ${JSON.stringify(services)}, tasks = ${JSON.stringify(tasks)};
    const print = (text) => console.log(text);
    const [first, second] = args;
    if (first === "info") print("n1");
    else if (first === "node") print('{"Status":"Ready"}');
    else if (first === "service" && second === "ls") print(services.map((s) => s.ID).join("\\n"));
    else if (first === "service" && second === "inspect") print(JSON.stringify(services));
    else if (first === "service" && second === "ps") print(tasks.map((t) => t.ID).join("\\n"));
    else if (first === "inspect") print(JSON.stringify(tasks));
    else if (first === "exec") process.exit(args[1] === "db.0" ? 1 : 0);
    else process.exit(64);`;
}

test("a stack on a Swarm: what is well, what is not, what to do; exit code 2", () => {
  const path = command("docker", swarm());
  const ran = atalaya(["--json", "--timeout", "30"], path);
  const report = reportOf(ran);
  expect(ran).toMatchObject({ code: 2, err: "" });
  expect(report).toMatchObject({ stack: "dev", platform: "swarm", monitoring: "off" });
  const wrong = report.checks.filter(({ status }) => status !== "well");
  expect(wrong.map(({ id, status }) => `${id} ${status}`)).toEqual([
    "grupo-gad/db/ready critical",
    "grupo-gad/edge/usable@gad.localhost critical",
    "grupo-gad/edge/time@gad.localhost unknown",
    "grupo-gad/edge/certificate@gad.localhost unknown",
    "grupo-gad/edge/websocket@gad.localhost/ws/connect critical",
  ]);
  expect(report.notes[0]).toContain("monitoring is off");
  const table = atalaya(["--timeout", "30"], path);
  expect(table.code).toBe(2);
  expect(table.out).toMatch(/CRITICAL +grupo-gad\/db\/ready[^\n]*1 +≤ 0\n/);
  expect(table.out).toContain("docs/alerts.md#databasedown");
});

test("a task that has gone since it was listed makes nobody say that the engine does not answer", () => {
  const mark = JSON.stringify(join(folder, "gone"));
  const first = `
    const fs = require("node:fs");
    if (args[0] === "inspect" && !fs.existsSync(${mark})) {
      fs.writeFileSync(${mark}, "");
      console.error("Error: No such task: db.0");
      process.exit(1);
    }`;
  const report = reportOf(
    atalaya(["--json", "--timeout", "30"], command("docker", `${first}\n${swarm()}`)),
  );
  expect(statusOf(report, "engine/answers")).toBe("well");
  expect(statusOf(report, "grupo-gad/api/instances")).toBe("well");
});

test("an engine that nobody reaches: exit code 2", () => {
  const said = "Cannot connect to the Docker daemon. Is the docker daemon running?";
  const ran = atalaya(["--json"], command("docker", `console.error("${said}"); process.exit(1)`));
  const report = reportOf(ran);
  expect(ran.code).toBe(2);
  expect(report.checks[0]).toMatchObject({ id: "engine/answers", status: "critical", note: said });
  expect(statusOf(report, "grupo-gad/api/ready")).toBe("unknown");
});

test("an engine that hangs is given up in time", () => {
  const ran = atalaya(
    ["--json", "--timeout", "2"],
    command("docker", "setTimeout(() => {}, 60000)"),
  );
  expect(ran.code).toBe(2);
  expect(ran.seconds).toBeLessThan(40);
  const [engine] = reportOf(ran).checks;
  expect(engine).toMatchObject({ id: "engine/answers", status: "critical" });
  expect(engine!.note).toContain("no answer within 2 s");
});

test("a stack on a cluster, where nodes may not be seen and one pod is not ready", () => {
  const items = describedStack("staging").systems.flatMap(({ name: system, workloads }) =>
    workloads.flatMap(({ name, scale }) => {
      const labels = { "app.kubernetes.io/part-of": system, "app.kubernetes.io/name": name };
      const namespace = `staging-${system}`;
      const own = { "app.kubernetes.io/part-of": system };
      return [
        { kind: "Deployment", metadata: { name, namespace, labels: own } },
        ...Array.from({ length: scale.min }, (_, i) => ({
          kind: "Pod",
          metadata: { name: `${name}-${i}`, namespace, labels },
          status: { containerStatuses: [{ ready: name !== "documents", restartCount: 0 }] },
        })),
      ];
    }),
  );
  const path = command(
    "kubectl",
    `const at = args.indexOf("get");
    if (args.includes("exec")) process.exit(0);
    if (args[at + 1] === "nodes") {
      console.error("Error from server (Forbidden): nodes is forbidden");
      process.exit(1);
    }
    console.log(${JSON.stringify(JSON.stringify({ items }))});`,
  );
  const ran = atalaya(["-s", "staging", "--json", "--timeout", "30"], path);
  const report = reportOf(ran);
  expect({ code: ran.code, platform: report.platform }).toEqual({
    code: 2,
    platform: "kubernetes",
  });
  expect(statusOf(report, "engine/answers")).toBe("well");
  expect(statusOf(report, "engine/nodes")).toBe("unknown");
  expect(statusOf(report, "flores-victoria/documents/instances")).toBe("critical");
  expect(statusOf(report, "flores-victoria/documents/ready")).toBe("unknown");
  expect(statusOf(report, "flores-victoria/user-service/ready")).toBe("well");
});

test.each([
  [["--timeout", "0"], "above 0"],
  [["--nonsense"], "unknown option"],
  [["-s", "nobody"], "There is no Pulumi.nobody.yaml"],
  [["--system", "grupo-gat"], 'no system "grupo-gat"'],
])("%j is no answer: exit code 3, with what is wrong", (args, said) => {
  const { code, out, err } = atalaya(args, folder);
  expect({ code, out }).toEqual({ code: 3, out: "" });
  expect(err).toContain(said);
  expect(err).not.toMatch(/\n\s+at /);
});

test("--help says what the exit codes mean", () => {
  const { code, out } = atalaya(["--help"], folder);
  expect(code).toBe(0);
  expect(out).toMatch(
    /0 {2}all is well\n {2}1 {2}a warning.*\n {2}2 {2}something is critical\n {2}3 /,
  );
});
