import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { audit, type AuditOptions, plannedOutputs } from "../../operations/commands/audit";
import type { Report } from "../../operations/audit/report";

const ROOT = join(__dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "atalaya-command-"));
afterAll(() => rmSync(folder, { recursive: true }));

// A process of its own for each, on machines that do other things meanwhile.
jest.setTimeout(120_000);

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

interface Given {
  readonly input?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
}

function atalaya(args: readonly string[], { input = "", env = {} }: Given = {}): Ran {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(ROOT, "operations/atalaya.mjs"), "audit", ...args],
    { cwd: folder, input, env: { ...process.env, NO_COLOR: "1", ...env }, encoding: "utf8" },
  );
  return { code: status, out: stdout, err: stderr };
}

const file = (name: string, text: string | Buffer): string => {
  writeFileSync(join(folder, name), text);
  return name;
};

const CLEAN = join(ROOT, "policies/clean/kubernetes.yaml");
const BAD = `apiVersion: v1
kind: Pod
metadata: { name: p, namespace: shop }
spec:
  hostPID: true
  containers: [{ name: a, image: "example.org/a:1" }]
`;

describe("exit codes", () => {
  test("0: nothing that fails", () => {
    const { code, out, err } = atalaya([CLEAN]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain("nothing fails this audit");
  });

  test("1: findings; the table names rule, place and fix", () => {
    const { code, out } = atalaya([file("bad.yaml", BAD), "--all"]);
    expect(code).toBe(1);
    expect(out).toMatch(/pods\/host-namespaces[\s\S]*Pod shop\/p +spec\.hostPID .*bad\.yaml:5\n/);
  });

  test("0: findings that nobody wants to fail for", () => {
    expect(atalaya([file("bad.yaml", BAD), "--fail-on", "never"]).code).toBe(0);
  });

  test("1 goes before 2: what is found counts though not everything can be read", () => {
    const { code, out } = atalaya([file("half.yaml", `${BAD}---\nkind: [`)]);
    expect(code).toBe(1);
    expect(out).toMatch(/unread +half\.yaml:\d+: it is no YAML/);
  });

  test("2: clean as far as it can be read; --allow-unreadable makes do with that", () => {
    const half = file("half-clean.yaml", `${readFileSync(CLEAN, "utf8")}\n---\nkind: [\n`);
    expect(atalaya([half]).code).toBe(2);
    expect(atalaya([half, "--allow-unreadable"]).code).toBe(0);
  });

  const rubbish = (): void => {
    file("bad.yaml", BAD);
    file("values.yaml", "image: x\n");
    file("binary.yaml", Buffer.from([0, 1, 2]));
    file("policies.yaml", "levels: { pods/privilegd: advisory }\n");
    file("half.yaml", "levels: { pods/privileged: advisory\n");
  };

  test.each([
    ["nothing there", ["nobody.yaml"], /there is nothing of that name/],
    ["an unknown option", ["--nonsense"], /unknown option/],
    ["an unknown format", ["--format", "docx", "values.yaml"], /Allowed choices/],
    ["a bad configuration", ["values.yaml", "--config", "policies.yaml"], /there is no rule/],
    ["half a configuration", ["values.yaml", "--config", "half.yaml"], /is no YAML/],
  ])("2: %s", (_, args, said) => {
    rubbish();
    const { code, err, out } = atalaya(args);
    expect(code).toBe(2);
    expect(err).toMatch(said);
    expect(err).not.toMatch(/^\s+at /m);
    expect(out).toBe("");
  });

  const at = (name: string): string => join(folder, name);
  test.each<[string, string[], Partial<AuditOptions>, RegExp]>([
    ["nothing named", [], {}, /Nothing was named to audit/],
    ["nothing to judge", [at("values.yaml")], {}, /nothing to judge/],
    ["no text", [at("binary.yaml")], {}, /nothing to judge/],
    ["a report of no known kind", [at("bad.yaml")], { output: ["r.docx"] }, /in which format/],
    ["a broken baseline", [at("bad.yaml")], { baseline: at("binary.yaml") }, /no JSON/],
    ["no such report", [at("bad.yaml")], { previous: at("nobody.json") }, /cannot be read/],
    ["two at once", [at("bad.yaml")], { swarm: true }, /cannot be audited at once/],
    ["a baseline without a file", [at("bad.yaml")], { writeBaseline: true }, /does not say where/],
    ["a folder that is a file", [at("bad.yaml")], { output: [at("bad.yaml/x.json")] }, /written/],
  ])("could not run: %s", async (_, what, options, said) => {
    rubbish();
    await expect(audit(what, { failOn: "mandatory", ...options })).rejects.toMatchObject({
      exitCode: 2,
      problem: expect.stringMatching(said) as string,
      fix: expect.stringMatching(/./) as string,
    });
  });
});

describe("in and out", () => {
  test("standard input to JSON on standard output", () => {
    const { code, out } = atalaya(["-", "--json"], { input: BAD });
    expect(code).toBe(1);
    const report = JSON.parse(out) as Report;
    expect(report).toMatchObject({ version: 1, audited: ["(standard input)"] });
    expect(report.findings.map(({ rule }) => rule)).toContain("pods/host-namespaces");
  });

  test("every format at once, each into its file", () => {
    const names = ["all/r.json", "all/r.sarif", "all/r.xml", "all/r.html"];
    const { code } = atalaya([file("bad.yaml", BAD), ...names.flatMap((name) => ["-o", name])]);
    expect(code).toBe(1);
    const [json, sarif, xml, html] = names.map((n) => readFileSync(join(folder, n), "utf8"));
    expect(JSON.parse(json!)).toHaveProperty("findings");
    expect(JSON.parse(sarif!)).toHaveProperty("version", "2.1.0");
    expect(xml).toMatch(/^<\?xml/);
    expect(html).toMatch(/^<!doctype html>/);
  });

  test("a baseline: today's findings pass, a new one fails", () => {
    const bad = file("bad.yaml", BAD);
    expect(atalaya([bad, "--baseline", "accepted.json", "--write-baseline"]).code).toBe(0);
    expect(atalaya([bad, "--baseline", "accepted.json"]).code).toBe(0);
    const worse = file("worse.yaml", BAD.replace("hostPID", "hostIPC: true\n  hostPID"));
    const { code, out } = atalaya([worse, "--baseline", "accepted.json"]);
    expect(code).toBe(1);
    expect(out).toContain("spec.hostIPC");
    expect(out).not.toMatch(/spec\.hostPID .*worse/);
  });

  test("the configuration counts: a level, an exemption", () => {
    const config = file(
      "config.yaml",
      `levels: { "*": disabled, pods/host-namespaces: mandatory }
exemptions:
  - { rule: pods/host-namespaces, resource: Pod/shop/p, reason: It watches all processes, owner: ops, expires: 2999-01-01 }
`,
    );
    const { code, out } = atalaya([file("bad.yaml", BAD), "--config", config, "--json"]);
    expect(code).toBe(0);
    expect((JSON.parse(out) as Report).findings).toMatchObject([{ exempt: { owner: "ops" } }]);
  });
});

describe("rubbish", () => {
  test("hundreds of broken files end in an account, not in a crash", () => {
    mkdirSync(join(folder, "rubbish"), { recursive: true });
    const broken = [
      "apiVersion: [",
      "apiVersion: v1\nkind: {{ .Values.k }}",
      "services:\n\t- a",
      "apiVersion: &a [*a]",
    ];
    for (let i = 0; i < 200; i++) file(`rubbish/${i}.yaml`, broken[i % broken.length]!);
    file("rubbish/bad.yaml", BAD);
    const { code, out, err } = atalaya(["rubbish", "--json"]);
    expect({ code, err }).toEqual({ code: 1, err: "" });
    const report = JSON.parse(out) as Report;
    expect(report.summary).toMatchObject({ objects: 1, unreadable: 200 });
    expect(report.unreadable.every(({ source, reason }) => source.line! >= 1 && reason)).toBe(true);
  });

  test("50 MB: what is wrong is found at its very end", () => {
    const filler = "x".repeat(500);
    const object = (i: number): string =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c-${i}, namespace: shop }\ndata:\n` +
      Array.from({ length: 40 }, (_, n) => `  key-${n}: "${filler}"\n`).join("");
    const documents = Array.from({ length: 2_500 }, (_, i) => object(i));
    const name = file("large.yaml", [...documents, BAD].join("---\n"));
    expect(statSync(join(folder, name)).size).toBeGreaterThan(50e6);
    const { code, out, err } = atalaya([name, "--json"]);
    expect({ code, err }).toEqual({ code: 1, err: "" });
    const { summary, findings } = JSON.parse(out) as Report;
    expect(summary).toMatchObject({ objects: 2_501, unreadable: 0 });
    // 44 lines an object and one between two; `hostPID` is the fifth line of the last.
    const line = 2_500 * 45 + 5;
    expect(findings.find(({ rule }) => rule === "pods/host-namespaces")).toMatchObject({
      source: { file: name, line },
    });
  });

  test("a bomb of aliases", () => {
    const bomb = Array.from({ length: 60 }, (_, i) =>
      i === 0 ? "a0: &a0 [x, x]" : `a${i}: &a${i} [*a${i - 1}, *a${i - 1}]`,
    ).join("\n");
    const { code, err } = atalaya(["-"], { input: `apiVersion: v1\nkind: Pod\n${bomb}\n` });
    expect(code).toBe(2);
    expect(err).toContain("its aliases stand for millions of values");
  });
});

test("work that waits for nothing can be stopped at once", async () => {
  const script = `
    require("tsx/cjs/api").register();
    const { installSignalHandlers, endOnSignals } = require(${JSON.stringify(join(ROOT, "operations/process.ts"))});
    installSignalHandlers();
    endOnSignals();
    require("node:fs").writeSync(1, "busy");
    const end = Date.now() + 60_000;
    while (Date.now() < end);`;
  const child = spawn(process.execPath, ["-e", script], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  child.stdout.once("data", () => child.kill("SIGINT"));
  const signal = await new Promise((done) => child.on("exit", (_code, by) => done(by)));
  expect(signal).toBe("SIGINT");
});

/** A command of that name, which answers as the script says. */
function standIn(name: string, script: string): Readonly<Record<string, string>> {
  const bin = mkdtempSync(join(folder, "bin-"));
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
  return { PATH: `${bin}${delimiter}${process.env.PATH}` };
}

describe("a live namespace", () => {
  const SECRET = "Xk9vQ2mP7wLz4RtB8nYc";
  const uid = (n: number): string => `00000000-0000-0000-0000-00000000000${n}`;
  const spec = { hostPID: true, containers: [{ name: "a", image: "x:1" }] };
  const objects = {
    apiVersion: "v1",
    kind: "List",
    items: [
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "api", namespace: "shop", uid: uid(1) },
        spec: { template: { spec } },
      },
      {
        apiVersion: "v1",
        kind: "Pod",
        metadata: {
          name: "api-x",
          namespace: "shop",
          uid: uid(2),
          ownerReferences: [{ uid: uid(1), controller: true }],
        },
        spec,
      },
      {
        apiVersion: "v1",
        kind: "Secret",
        metadata: {
          name: "s",
          namespace: "shop",
          annotations: { "kubectl.kubernetes.io/last-applied-configuration": SECRET },
        },
        data: { password: Buffer.from(SECRET).toString("base64") },
      },
    ],
  };
  const kubectl = (get: string): string => `
case "$*" in
  *"get namespace"*) echo '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}' ;;
  *api-resources*) printf 'pods\\nsecrets\\nevents\\ndeployments.apps\\n' ;;
  ${get}
esac`;

  test("what a controller brings along is not judged twice; no secret is in any output", () => {
    const answer = join(folder, "objects.json");
    writeFileSync(answer, JSON.stringify(objects));
    const env = standIn(
      "kubectl",
      kubectl(`*"get pods,secrets,deployments.apps"*) cat ${answer} ;;`),
    );
    const { code, out } = atalaya(["--namespace", "shop", "--json"], { env });
    expect(code).toBe(1);
    const report = JSON.parse(out) as Report;
    expect(
      report.findings.filter((f) => f.rule === "pods/host-namespaces").map((f) => f.resource.name),
    ).toEqual(["api"]);
    expect(report.summary.objects).toBe(3);
    expect(out).not.toContain(SECRET);
    expect(out).not.toContain(Buffer.from(SECRET).toString("base64"));
  });

  test("what may not be read is named, the rest is judged", () => {
    const answer = join(folder, "pods.json");
    writeFileSync(answer, JSON.stringify({ ...objects, items: objects.items.slice(0, 1) }));
    const env = standIn(
      "kubectl",
      kubectl(`
  *"get deployments.apps "*) cat ${answer} ;;
  *"get pods "*) echo '{"apiVersion":"v1","kind":"List","items":[]}' ;;
  *) echo 'Error from server (Forbidden): secrets is forbidden' >&2; exit 1 ;;`),
    );
    const { code, out } = atalaya(["--namespace", "shop", "--json"], { env });
    expect(code).toBe(1);
    expect((JSON.parse(out) as Report).unreadable).toEqual([
      {
        source: { file: "shop: secrets" },
        reason: "it may not be read",
        fix: "kubectl auth can-i list secrets --namespace shop",
      },
    ]);
  });

  test("no cluster: exit code 2 and kubectl's own words", () => {
    const env = standIn("kubectl", "echo 'connection refused' >&2; exit 1");
    const { code, err } = atalaya(["--namespace", "shop"], { env });
    expect(code).toBe(2);
    expect(err).toContain("connection refused");
  });
});

describe("a live Swarm", () => {
  test("services in the provider's own words", () => {
    const service = [
      {
        ID: "s1",
        Spec: {
          Name: "shop-db",
          Labels: { "atalaya.system": "shop" },
          TaskTemplate: {
            ContainerSpec: { Image: "postgres:15.20", Env: ["MODE=x"], StopGracePeriod: 3e10 },
            Networks: [{ Target: "n1" }],
          },
          Mode: { Replicated: { Replicas: 1 } },
          EndpointSpec: {
            Ports: [
              { Protocol: "tcp", TargetPort: 5432, PublishedPort: 5432, PublishMode: "host" },
            ],
          },
        },
      },
    ];
    const answer = join(folder, "service.json");
    writeFileSync(answer, JSON.stringify(service));
    const env = standIn(
      "docker",
      `case "$*" in
  "service ls --quiet") echo s1 ;;
  "service inspect s1") cat ${answer} ;;
  "network ls --quiet") echo n1 ;;
  "network inspect n1") echo '[{"Id":"n1","Name":"shop-db","Driver":"overlay","Internal":true}]' ;;
esac`,
    );
    const { code, out } = atalaya(["--swarm", "--json"], { env });
    expect(code).toBe(1);
    const report = JSON.parse(out) as Report;
    expect(report.audited).toEqual(["Swarm"]);
    expect(report.findings).toContainEqual(
      expect.objectContaining({
        rule: "network/database-exposed",
        system: "shop",
        resource: { kind: "Service", name: "shop-db" },
      }),
    );
  });

  test("no manager: exit code 2", () => {
    const env = standIn("docker", "echo 'This node is not a swarm manager.' >&2; exit 1");
    const { code, err } = atalaya(["--swarm"], { env });
    expect(code).toBe(2);
    expect(err).toContain("not a swarm manager");
  });
});

describe("where a report goes", () => {
  test.each([
    [{}, [{ format: "table" }]],
    [{ json: true }, [{ format: "json" }]],
    [{ format: ["sarif"] }, [{ format: "sarif" }]],
    [
      { output: ["a.sarif.json"] },
      [{ format: "sarif", file: "a.sarif.json" }, { format: "table" }],
    ],
    [{ format: ["json"], output: ["a"] }, [{ format: "json", file: "a" }, { format: "table" }]],
    [{ json: true, output: ["a.html"] }, [{ format: "html", file: "a.html" }, { format: "json" }]],
  ])("%j", (options, expected) => {
    expect(plannedOutputs(options)).toEqual(expected);
  });
});
