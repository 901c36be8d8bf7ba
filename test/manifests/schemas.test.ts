import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { filesUnder } from "../../operations/setup/toolchain-build";
import { systems } from "../../systems";
import { run } from "../support/commands";
import { BUILD_MS, kubeconform, schemas, VERSIONS } from "./tools";

/** What a cluster would take: every golden manifest against the API of three Kubernetes versions. */
const GOLDEN = join(__dirname, "..", "golden", "files");
const stacks = readdirSync(GOLDEN).filter((name) => name.endsWith(".kubernetes"));

interface Report {
  readonly resources: readonly {
    readonly filename: string;
    readonly kind: string;
    readonly name: string;
    readonly status: string;
    readonly msg: string;
  }[];
  readonly summary: { readonly valid: number; readonly skipped: number };
}

let program: string;
let folder: string;
beforeAll(async () => {
  [program, folder] = [await kubeconform(), await schemas()];
}, BUILD_MS);

/** What kubeconform says about files or folders, or about the text given. */
async function check(version: string, what: { path: string } | { text: string }): Promise<Report> {
  const ran = await run(
    program,
    [
      ...["-strict", "-verbose", "-summary", "-output", "json"],
      ...["-kubernetes-version", version.slice(1), "-schema-location", folder],
      "path" in what ? what.path : "-",
    ],
    "text" in what ? { input: what.text } : {},
  );
  if (ran.stdout === "") throw new Error(`kubeconform: exit code ${ran.code}\n${ran.stderr}`);
  const { resources, summary } = JSON.parse(ran.stdout) as Report;
  // What comes before a file's first `---` is listed too, without a status.
  return { resources: resources.filter(({ status }) => status !== ""), summary };
}

function documents(stack: string): unknown[] {
  return filesUnder(join(GOLDEN, stack))
    .filter((file) => file.endsWith(".yaml"))
    .flatMap((file) => parseAllDocuments(readFileSync(join(GOLDEN, stack, file), "utf8")))
    .map((document): unknown => document.toJS());
}

test("every system has golden manifests", () => {
  const rendered = new Set(stacks.flatMap((stack) => readdirSync(join(GOLDEN, stack))));
  expect(systems.map(({ name }) => name).filter((name) => !rendered.has(name))).toEqual([]);
});

describe.each(VERSIONS)("Kubernetes %s", (version) => {
  test.each(stacks)("takes every manifest of %s; none is skipped", async (stack) => {
    const { resources, summary } = await check(version, { path: join(GOLDEN, stack) });
    expect(resources.filter(({ status }) => status !== "statusValid")).toEqual([]);
    expect(summary).toMatchObject({ valid: documents(stack).length, skipped: 0 });
    expect(summary.valid).toBeGreaterThan(0);
  });

  const wrong: { what: string; kind: string; change: [from: RegExp, to: string]; says: RegExp }[] =
    [
      {
        what: "a field that does not exist",
        kind: "Deployment",
        change: [/"imagePullPolicy"/, '"imagePullPolice"'],
        says: /additional properties 'imagePullPolice' not allowed/,
      },
      {
        what: "a value of the wrong type",
        kind: "Deployment",
        change: [/"minReadySeconds":\d+/, '"minReadySeconds":"soon"'],
        says: /\/minReadySeconds.*got string, want integer/,
      },
      {
        what: "a custom resource's field that does not exist",
        kind: "VerticalPodAutoscaler",
        change: [/"updateMode"/, '"updateMood"'],
        says: /additional properties 'updateMood' not allowed/,
      },
      {
        what: "a step of relabelling that the operator does not know",
        kind: "ServiceMonitor",
        change: [/"labeldrop"/, '"labeldropp"'],
        says: /relabelings.*value must be one of/,
      },
      {
        what: "a rule's field that the operator does not know",
        kind: "PrometheusRule",
        change: [/"expr"/, '"expression"'],
        says: /additional properties 'expression' not allowed/,
      },
      {
        what: "a way with private keys that cert-manager does not know",
        kind: "Certificate",
        change: [/"rotationPolicy":"Always"/, '"rotationPolicy":"always"'],
        says: /rotationPolicy.*value must be one of/,
      },
      {
        what: "a kind that does not exist",
        kind: "Deployment",
        change: [/"kind":"Deployment"/, '"kind":"Deploymint"'],
        says: /could not find schema for Deploymint/,
      },
    ];

  test.each(wrong)("refuses $what", async ({ kind, change, says }) => {
    const manifest = stacks
      .flatMap(documents)
      .find((document) => (document as { kind: string }).kind === kind);
    const right = JSON.stringify(manifest);
    const text = `${right}\n---\n${right.replace(...change)}`;
    const { resources } = await check(version, { text });
    expect(resources.map(({ msg }) => msg).sort()).toEqual(["", expect.stringMatching(says)]);
  });
});
