import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Ajv from "ajv";
import { XMLParser, XMLValidator } from "fast-xml-parser";
import sarifSchema from "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json";
import type { Log } from "sarif";
import { readBaseline, readReport, writeBaseline } from "../../../operations/audit/baseline";
import type { Format } from "../../../operations/audit/formats/format";
import { page } from "../../../operations/audit/formats/html";
import { json } from "../../../operations/audit/formats/json";
import { junit } from "../../../operations/audit/formats/junit";
import { sarif } from "../../../operations/audit/formats/sarif";
import { table } from "../../../operations/audit/formats/table";
import { Gathered } from "../../../operations/audit/gathered";
import { gatherText } from "../../../operations/audit/inputs/documents";
import {
  activeRules,
  type FailOn,
  fails,
  makeReport,
  type Report,
  reportJsonSchema,
} from "../../../operations/audit/report";
import { type ConfigInput, loadConfig } from "../../../policies/engine/config";
import { evaluate } from "../../../policies/engine/evaluate";
import { rules } from "../../../policies/rules";

const folder = mkdtempSync(join(tmpdir(), "atalaya-report-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The standard's own schema, as its makers ship it: of draft 4, whose one difference here is the name of its id. */
const sarifDraft: object = { ...sarifSchema, $schema: undefined, id: undefined };
const validSarif = new Ajv({
  strict: false,
  validateFormats: false,
  allErrors: true,
  // One of its patterns is none for Unicode.
  unicodeRegExp: false,
}).compile(sarifDraft);
const sarifProblems = (log: unknown): unknown => (validSarif(log) ? [] : validSarif.errors);

const NOW = new Date("2026-11-22T10:00:00Z");
const SCHEMA = join(__dirname, "../../../docs/audit-report.schema.json");

interface Audit {
  readonly config?: ConfigInput;
  readonly failOn?: FailOn;
  readonly baseline?: ReadonlySet<string>;
  readonly previous?: Report;
  readonly file?: string;
}

function audit(
  text: string,
  { config: input = {}, failOn = "mandatory", file = "k8s/shop.yaml", ...rest }: Audit = {},
): Report {
  const config = loadConfig(
    input,
    rules.map(({ id }) => id),
  );
  const gathered = new Gathered();
  gatherText(text, file, gathered, { named: true });
  return makeReport({
    audited: [file],
    gathered,
    evaluation: evaluate(gathered.subjects, config, { rules, now: NOW }),
    config,
    failOn,
    toolVersion: "1.2.3",
    now: NOW,
    ...rest,
  });
}

const format = (made: Format, report: Report, previous?: Report): string =>
  made(report, {
    rules: activeRules(rules, loadConfig({}, [])),
    failOn: "mandatory",
    ...(previous === undefined ? {} : { previous }),
  });

const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
  namespace: shop
  labels: { app.kubernetes.io/part-of: store }
spec:
  template:
    spec:
      containers:
        - name: api
          image: example.org/api:1.0
          securityContext:
            privileged: true
`;

const privileged = (report: Report): Report["findings"][number] =>
  report.findings.find(({ rule }) => rule === "pods/privileged")!;

describe("a finding", () => {
  test("says where its property is written", () => {
    expect(privileged(audit(`# one more line\n${DEPLOYMENT}`))).toMatchObject({
      rule: "pods/privileged",
      category: "pods",
      resource: { kind: "Deployment", namespace: "shop", name: "api" },
      system: "store",
      path: "spec.template.spec.containers[0].securityContext.privileged",
      source: { file: "k8s/shop.yaml", line: 15 },
    });
  });

  test("is the same finding wherever it moves, and another one when it is another", () => {
    const before = privileged(audit(DEPLOYMENT)).fingerprint;
    const moved = DEPLOYMENT.replace(
      "containers:\n",
      "containers:\n        - { name: first, image: x }\n",
    );
    expect(privileged(audit(`\n\n${moved}`, { file: "elsewhere.yaml" })).fingerprint).toBe(before);
    expect(privileged(audit(DEPLOYMENT.replace("name: api", "name: b"))).fingerprint).not.toBe(
      before,
    );
    const twice = audit(`${DEPLOYMENT}---\n${DEPLOYMENT}`).findings;
    expect(new Set(twice.map(({ fingerprint }) => fingerprint)).size).toBe(twice.length);
  });

  test.each<[FailOn, boolean]>([
    ["mandatory", false],
    ["low", true],
    ["medium", true],
    ["high", false],
    ["critical", false],
    ["never", false],
  ])("advisory and medium: --fail-on %s fails: %s", (on, expected) => {
    const found = audit(DEPLOYMENT).findings.find(
      ({ level, severity }) => level === "advisory" && severity === "medium",
    )!;
    expect(fails(found, on)).toBe(expected);
    expect(fails({ ...found, accepted: true }, on)).toBe(false);
    expect(fails({ ...found, exempt: { reason: "", owner: "", expires: "" } }, on)).toBe(false);
  });
});

describe("exemptions", () => {
  const exemption = (expires: string): ConfigInput => ({
    exemptions: [
      {
        rule: "pods/privileged",
        resource: "Deployment/shop/api",
        reason: "It drives a device until the driver is there",
        owner: "platform",
        expires,
      },
    ],
  });

  test("one that holds does not fail, and is listed with what it covers", () => {
    const report = audit(DEPLOYMENT, { config: exemption("2026-11-22") });
    expect(privileged(report).exempt).toMatchObject({ owner: "platform" });
    expect(report.exemptions).toMatchObject([{ expired: false, findings: 1 }]);
    expect(report.summary.exempt).toBe(1);
  });

  test("one that has ended fails again", () => {
    const report = audit(DEPLOYMENT, { config: exemption("2026-11-01") });
    expect(privileged(report).exempt).toBeUndefined();
    expect(fails(privileged(report), "mandatory")).toBe(true);
    expect(report.exemptions).toMatchObject([{ expired: true, findings: 0 }]);
  });
});

describe("a baseline", () => {
  test("accepts what was there, and not what is new", () => {
    const file = join(folder, "baseline.json");
    const count = writeBaseline(file, audit(DEPLOYMENT));
    expect(count).toBeGreaterThan(0);
    const baseline = readBaseline(file);
    const same = audit(DEPLOYMENT, { baseline });
    expect(same.summary).toMatchObject({ accepted: count, failing: 0 });
    const more = audit(DEPLOYMENT.replace("    spec:\n", "    spec:\n      hostNetwork: true\n"), {
      baseline,
    });
    expect(more.findings.filter(({ accepted }) => accepted !== true).map((f) => f.rule)).toContain(
      "pods/host-namespaces",
    );
    expect(more.summary.failing).toBeGreaterThan(0);
  });

  test.each([["{"], ["[]"], ['{"version": 2, "accepted": []}']])("%s is none", (text) => {
    const file = join(folder, "none.json");
    writeFileSync(file, text);
    expect(() => readBaseline(file)).toThrow(expect.objectContaining({ exitCode: 2 }) as Error);
    expect(() => readReport(file)).toThrow(expect.objectContaining({ exitCode: 2 }) as Error);
  });
});

describe("what was not judged", () => {
  test("kinds that others added are named with how many there are", () => {
    const text = (name: string): string =>
      `apiVersion: example.com/v1\nkind: Widget\nmetadata: { name: ${name} }\n---\n`;
    expect(audit(DEPLOYMENT + "---\n" + text("a") + text("b")).unchecked).toMatchObject([
      { rule: "*", message: expect.stringMatching(/^2 objects of kind Widget/) as string },
    ]);
  });

  test("what a template does not say is not held against anybody", () => {
    const report = audit(DEPLOYMENT.replace("example.org/api:1.0", '"{{ .Values.image }}"'));
    expect(report.unchecked.map(({ message }) => message)).toContain(
      "Deployment shop/api: spec.template.spec.containers[0].image is not known from what was audited",
    );
  });
});

/** Everything that can stand in a report: exempt, accepted, unreadable, unchecked, hostile names. */
function rich(): Report {
  const hostile = `<script>alert(1)</script>&"'`;
  const text = `${DEPLOYMENT}---
apiVersion: v1
kind: Pod
metadata: { name: ${JSON.stringify(`${hostile}\u0007\u202e`)}, namespace: "]]>" }
spec: { hostPID: true, containers: [{ name: a, image: "{{ .Values.x }}" }] }
---
kind: [
`;
  const baseline = new Set(
    audit(DEPLOYMENT)
      .findings.slice(0, 3)
      .map((f) => f.fingerprint),
  );
  return audit(text, {
    baseline,
    config: {
      exemptions: [
        {
          rule: "pods/privileged",
          resource: "Deployment/api",
          reason: `${hostile} is the reason`,
          owner: hostile,
          expires: "2027-01-01",
          shared: true,
        },
      ],
    },
  });
}

describe("formats", () => {
  const report = rich();

  test("the report has one of everything", () => {
    for (const key of ["exempt", "accepted", "unreadable", "unchecked", "failing"] as const) {
      expect(report.summary[key]).toBeGreaterThan(0);
    }
  });

  test("JSON: the committed schema is today's, and describes it", () => {
    const today = reportJsonSchema();
    if (process.env.UPDATE_GOLDEN) writeFileSync(SCHEMA, `${JSON.stringify(today, null, 2)}\n`);
    expect(JSON.parse(readFileSync(SCHEMA, "utf8"))).toEqual(today);
    const validate = new Ajv({ strict: false, validateFormats: false }).compile(today);
    expect(validate(JSON.parse(format(json, report)))).toBe(true);
    expect(validate({ ...report, version: 2 })).toBe(false);
    expect(validate({ ...report, findings: [{ rule: "x/y" }] })).toBe(false);
  });

  test("JSON: a report is read again for the trend", () => {
    const file = join(folder, "report.json");
    writeFileSync(file, format(json, report));
    expect(readReport(file)).toEqual(report);
  });

  test("SARIF: valid by the official schema, with place, level and what was accepted", () => {
    const log = JSON.parse(format(sarif, report)) as Log;
    expect(sarifProblems(log)).toEqual([]);
    expect(sarifProblems({ ...log, version: "2.0.0" })).not.toEqual([]);
    const [run] = log.runs;
    expect(run!.results).toHaveLength(report.findings.length);
    const found = run!.results!.find(({ ruleId }) => ruleId === "pods/privileged")!;
    expect(run!.tool.driver.rules![found.ruleIndex!]!.id).toBe("pods/privileged");
    expect(found.locations![0]).toMatchObject({
      physicalLocation: {
        artifactLocation: { uri: "k8s/shop.yaml" },
        region: { startLine: 14 },
      },
    });
    expect(found.suppressions).toMatchObject([
      { status: "accepted", justification: expect.stringContaining("is the reason") as string },
    ]);
    expect(run!.results!.filter((r) => r.suppressions !== undefined)).toHaveLength(
      report.summary.exempt + report.summary.accepted,
    );
    expect(run!.invocations![0]).toMatchObject({ executionSuccessful: false });
  });

  test("JUnit: well-formed, with as many failures as findings fail", () => {
    const text = format(junit, report);
    expect(XMLValidator.validate(text)).toBe(true);
    const { testsuites } = new XMLParser({ ignoreAttributes: false }).parse(text) as {
      testsuites: Record<string, string>;
    };
    expect(Number(testsuites["@_failures"])).toBe(report.summary.failing);
    expect(Number(testsuites["@_skipped"])).toBe(report.summary.exempt + report.summary.accepted);
    expect(Number(testsuites["@_errors"])).toBe(report.summary.unreadable);
    // Characters that XML has no way to write.
    // eslint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/);
  });

  test("HTML: stands by itself, runs nothing, and holds no markup of others", () => {
    const text = format(page, report, audit(DEPLOYMENT));
    expect(text).not.toMatch(/<script|<img|<link|<iframe|\son\w+=|javascript:|https?:\/\//i);
    expect(text).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
    expect(text).toContain("default-src 'none'");
    const ids = [...text.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id!);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, target] of text.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(target);
    for (const section of ["summary", "trend", "systems", "rules", "findings", "exemptions"]) {
      expect(ids).toContain(section);
    }
  });

  test("HTML: the trend says what came and what went", () => {
    const before = audit(DEPLOYMENT);
    const after = audit(
      DEPLOYMENT.replace("privileged: true", "privileged: false").replace(
        "    spec:\n",
        "    spec:\n      hostNetwork: true\n",
      ),
    );
    const text = format(page, after, before).replace(/\s+/g, " ");
    const [, fresh = "", gone = ""] =
      /New findings \(\d+\)(.*?)<\/details>.*Resolved findings \(\d+\)(.*?)<\/details>/.exec(
        text,
      ) ?? [];
    expect(fresh).toContain("pods/host-namespaces");
    expect(gone).toContain("pods/privileged");
    expect(fresh).not.toContain("pods/privileged");
  });

  test("a table moves no cursor and turns no text round", () => {
    const text = format(table, report);
    // eslint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202a-\u202e]/);
    expect(text).toContain("k8s/shop.yaml:");
  });

  test("a clean report says so in every format", () => {
    const clean = audit("apiVersion: v1\nkind: Namespace\nmetadata: { name: x }\n", {
      config: { levels: { "*": "disabled" } },
    });
    expect(clean.findings).toEqual([]);
    expect(format(table, clean)).toContain("nothing fails this audit");
    expect(format(page, clean)).toContain("Passed");
    expect(sarifProblems(JSON.parse(format(sarif, clean)))).toEqual([]);
    expect(XMLValidator.validate(format(junit, clean))).toBe(true);
  });
});

describe("a secret's value stands in no format", () => {
  // In the places where people leave one, and where a parser would quote it.
  const VALUE = "Xk9vQ2mP7wLz4RtB8nYc";
  const encoded = Buffer.from(VALUE).toString("base64");
  const texts: Record<string, string> = {
    manifest: `apiVersion: v1
kind: Pod
metadata:
  name: p
  annotations: { kubectl.kubernetes.io/last-applied-configuration: '{"password":"${VALUE}"}' }
  labels: { token: ${VALUE} }
spec:
  hostNetwork: true
  containers:
    - name: a
      image: x
      command: ["sh", "-c", "run --password=${VALUE}"]
      env:
        - { name: DB_PASSWORD, value: ${VALUE} }
        - { name: DB_URL, value: "postgres://app:${VALUE}@db/app" }
---
apiVersion: v1
kind: Secret
metadata: { name: s }
stringData: { password: ${VALUE} }
data: { other: ${encoded} }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: c }
data: { app.ini: "password = ${VALUE}" }
`,
    broken: `apiVersion: v1\nkind: Secret\nstringData:\n  password: '${VALUE}\n  b: *${VALUE}\n`,
    compose: `services:
  a:
    image: x
    environment: ["PASSWORD=${VALUE}"]
    command: run --token ${VALUE}
    build: { context: ., args: { NPM_TOKEN: ${VALUE} } }
`,
    state: JSON.stringify({
      deployment: {
        manifest: {},
        resources: [
          {
            urn: "urn:pulumi:s::p::docker:index/service:Service::a",
            type: "docker:index/service:Service",
            custom: true,
            inputs: {
              name: "a",
              taskSpec: {
                containerSpec: {
                  image: "x",
                  env: {
                    PASSWORD: VALUE,
                    SEALED: {
                      "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
                      plaintext: JSON.stringify(VALUE),
                    },
                  },
                },
              },
            },
          },
        ],
      },
    }),
  };

  test.each(Object.keys(texts))("of a %s", (name) => {
    const report = audit(texts[name]!);
    expect(report.findings.length + report.unreadable.length).toBeGreaterThan(0);
    for (const made of [table, json, sarif, junit, page]) {
      const text = format(made, report, report);
      expect(text).not.toContain(VALUE);
      expect(text).not.toContain(encoded);
    }
    const file = join(folder, "secret-baseline.json");
    writeBaseline(file, report);
    expect(readFileSync(file, "utf8")).not.toContain(VALUE);
  });
});
