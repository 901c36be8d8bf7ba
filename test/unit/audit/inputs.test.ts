import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Gathered, MAX_OBJECTS } from "../../../operations/audit/gathered";
import { gatherText } from "../../../operations/audit/inputs/documents";
import { gatherPaths } from "../../../operations/audit/inputs/files";
import { UNKNOWN } from "../../../policies/engine/field";

const folder = mkdtempSync(join(tmpdir(), "atalaya-audit-"));
afterAll(() => rmSync(folder, { recursive: true }));

function write(path: string, content: string | Buffer): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

function read(text: string, named = true): Gathered {
  const gathered = new Gathered();
  gatherText(text, "f.yaml", gathered, { named });
  return gathered;
}

async function readPaths(...paths: string[]): Promise<Gathered> {
  const gathered = new Gathered();
  await gatherPaths(paths, gathered);
  return gathered;
}

const names = ({ subjects }: Gathered): string[] => subjects.map((s) => `${s.type} ${s.name}`);
const reasons = ({ unreadable }: Gathered): string[] => unreadable.map((u) => u.reason);

const POD = "apiVersion: v1\nkind: Pod\nmetadata: { name: p }\n";

test("a stack's configuration, called by its stack; a file that only has something of that name is none", async () => {
  const file = write(
    "Pulumi.prod.yaml",
    "encryptionsalt: v1:x\nconfig:\n  shop:domain: example.org\n",
  );
  const gathered = await readPaths(file);
  expect(names(gathered)).toEqual(["pulumi:config prod"]);
  expect(gathered.subjects[0]!.source).toEqual({ file, line: 2 });
  for (const other of ["config: { a: 1 }\n", "config: { a:b: 1 }\nother: 1\n", "config: []\n"])
    expect(read(other, false).subjects).toEqual([]);
});

describe("Kubernetes", () => {
  test("objects, lists, lists of a kind, lists in lists", () => {
    expect(
      names(
        read(`${POD}---
apiVersion: v1
kind: List
items:
  - { apiVersion: v1, kind: Service, metadata: { name: s } }
  - apiVersion: apps/v1
    kind: DeploymentList
    items: [{ metadata: { name: d } }]
`),
      ),
    ).toEqual(["v1/Pod p", "v1/Service s", "apps/v1/Deployment d"]);
  });

  test("an item of a list that is no object is said, with its line", () => {
    const { unreadable } = read("apiVersion: v1\nkind: List\nitems:\n  - 3\n");
    expect(unreadable).toEqual([
      {
        source: { file: "f.yaml", line: 4 },
        reason: "item 0 of the list has no kind and apiVersion",
      },
    ]);
  });

  test("settings of tools are no objects", () => {
    expect(
      read("apiVersion: v1\nkind: Config\nusers: []\n", false).subjects.concat(
        read("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n", false).subjects,
      ),
    ).toEqual([]);
  });

  test("a chart's text: what can be read is, what is not filled in is not known", () => {
    const gathered = read(`${POD}spec:
  containers: [{ name: a, image: "{{ .Values.image }}", env: [{ name: T, value: "{{ $labels.x }}" }] }]
---
apiVersion: v1
kind: Pod
metadata:
  name: {{ include "x.name" . }}
`);
    expect(gathered.subjects[0]!.props).toMatchObject({
      spec: { containers: [{ image: UNKNOWN, env: [{ value: "{{ $labels.x }}" }] }] },
    });
    expect(gathered.unreadable).toMatchObject([
      {
        source: { line: expect.any(Number) as number },
        fix: "render it first: helm template … | atalaya audit -",
      },
    ]);
  });

  test("no more than can be kept in memory, and that is said", () => {
    const gathered = read(
      JSON.stringify({
        apiVersion: "v1",
        kind: "List",
        items: Array.from({ length: MAX_OBJECTS + 2 }, (_, i) => ({
          apiVersion: "v1",
          kind: "Pod",
          metadata: { name: `p${i}` },
        })),
      }),
    );
    expect(gathered.subjects).toHaveLength(MAX_OBJECTS);
    expect(reasons(gathered)).toEqual([expect.stringContaining("25000 objects are the most")]);
  });
});

describe("compose", () => {
  const text = `name: shop
services:
  api:
    image: registry.example.org/api:\${TAG:-1.2}
    environment: { A: "$$5", B: "\${NOBODY_KNOWS}", C: "\${X-}" }
    env_file: .env
  two: { extends: { service: api } }
volumes: { data: }
include: [other.yaml]
`;

  test("every entry, with defaults in the place of variables", () => {
    const gathered = read(text);
    expect(names(gathered)).toEqual([
      "compose:service api",
      "compose:service two",
      "compose:volume data",
    ]);
    expect(gathered.subjects[0]!.props).toMatchObject({
      image: "registry.example.org/api:1.2",
      environment: { A: "$5", B: UNKNOWN, C: "" },
    });
  });

  test("what stands elsewhere is said", () => {
    const gathered = read(text);
    expect(gathered.unseen.map(({ subject, path }) => `${subject.name} ${path}`)).toEqual([
      "api env_file",
      "two extends",
    ]);
    expect(gathered.unreadable).toMatchObject([{ source: { line: 9 } }]);
  });

  test("services of something else are not taken for it", () => {
    expect(read("services: [a]\n", false).skipped).toBe(1);
    expect(read("services: { a: { port: 3 } }\n", false).skipped).toBe(1);
  });
});

describe("a Pulumi state", () => {
  test("a resource that is none is said, with its line; the others are judged", () => {
    const urn = "urn:pulumi:prod::shop::docker:index/volume:Volume::data";
    const gathered = read(`{ "deployment": { "resources": [
  { "urn": "${urn}", "type": "docker:index/volume:Volume", "custom": true, "inputs": {} },
  { "urn": "bad" } ] } }`);
    expect(names(gathered)).toEqual(["docker:index/volume:Volume data"]);
    expect(gathered.unreadable).toEqual([
      {
        source: { file: "f.yaml", line: 3 },
        reason: "resource 1 of the state has no urn and type",
      },
    ]);
  });

  const SECRET = {
    "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
    plaintext: '"hunter2"',
  };
  const resources = [
    { urn: "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s", type: "pulumi:pulumi:Stack", outputs: {} },
    {
      urn: "urn:pulumi:s::p::docker:index/secret:Secret::pw",
      type: "docker:index/secret:Secret",
      custom: true,
      protect: true,
      inputs: {
        name: "pw-1",
        data: SECRET,
        "odd.key": SECRET,
        late: "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
      },
    },
    {
      urn: "urn:pulumi:s::p::docker:index/secret:Secret::old",
      type: "docker:index/secret:Secret",
      custom: true,
      delete: true,
    },
  ];

  test.each([
    ["an export", { version: 3, deployment: { manifest: {}, resources } }],
    ["a file backend's", { version: 3, checkpoint: { latest: { manifest: {}, resources } } }],
    ["a deployment alone", { manifest: {}, resources }],
  ])("%s: what is declared, sealed", (_, state) => {
    const gathered = read(JSON.stringify(state, null, 1));
    expect(names(gathered)).toEqual(["pulumi:pulumi:Stack p-s", "docker:index/secret:Secret pw-1"]);
    const secret = gathered.subjects[1]!;
    expect(secret.props).toEqual({
      name: "pw-1",
      data: "[secret]",
      "odd.key": "[secret]",
      late: UNKNOWN,
    });
    expect(secret.pulumi).toMatchObject({ protect: true, secretPaths: ["data", '["odd.key"]'] });
    expect(secret.source!.line).toBeGreaterThan(1);
  });
});

describe("files and folders", () => {
  test("a folder: manifests to the last depth, others are counted, links do not go round", async () => {
    write("tree/a/pod.yaml", POD);
    write("tree/a/deep/er/pod.yml", POD.replace("name: p", "name: deep"));
    write("tree/values.yaml", "image: x\n");
    write("tree/package.json", "{}");
    write("tree/.eslintrc.json", "{ // no JSON\n}");
    write("tree/readme.md", POD);
    write("tree/node_modules/x/pod.yaml", POD);
    symlinkSync(join(folder, "tree"), join(folder, "tree/a/loop"));
    const gathered = await readPaths(join(folder, "tree"));
    expect(names(gathered)).toEqual(["v1/Pod deep", "v1/Pod p"]);
    expect(gathered.skipped).toBe(3);
    expect(gathered.unreadable).toEqual([]);
  });

  test("rubbish in a folder: each file by itself, and what can be read is", async () => {
    write("rubbish/binary.yaml", Buffer.from([0, 1, 2, 0xff]));
    write("rubbish/broken.yaml", "apiVersion: v1\nkind: [\n");
    write("rubbish/empty.yaml", "");
    write("rubbish/good.yaml", POD);
    write("rubbish/latin1.yaml", Buffer.from("kind: Caf\xe9", "latin1"));
    write(
      "rubbish/utf16.yaml",
      Buffer.from(`\ufeff${POD.replace("name: p", "name: u")}`, "utf16le"),
    );
    symlinkSync("/nowhere/at/all", join(folder, "rubbish/gone.yaml"));
    const gathered = await readPaths(join(folder, "rubbish"));
    expect(names(gathered)).toEqual(["v1/Pod p", "v1/Pod u"]);
    expect(gathered.unreadable.map((u) => u.source.file.split("/").at(-1))).toEqual([
      "broken.yaml",
      "gone.yaml",
    ]);
  });

  test("a file that somebody named must hold something", async () => {
    const files = [
      write("named/binary.yaml", Buffer.from([0, 1])),
      write("named/empty.yaml", "# nothing\n"),
      write("named/values.yaml", "image: x\n"),
    ];
    expect(reasons(await readPaths(...files))).toEqual([
      "it is no text",
      "it is empty",
      "it is no Kubernetes object, compose file, Pulumi state or configuration",
    ]);
  });

  test("a chart is not read before it is rendered", async () => {
    write("chart/Chart.yaml", "apiVersion: v2\nname: x\n");
    write("chart/templates/pod.yaml", "kind: {{ .Values.kind }}");
    const gathered = await readPaths(join(folder, "chart"));
    expect(gathered.unreadable).toMatchObject([
      { fix: `helm template ${join(folder, "chart")} | atalaya audit -` },
    ]);
  });

  test("what is not there stops the audit", async () => {
    await expect(readPaths(join(folder, "nobody"))).rejects.toMatchObject({ exitCode: 2 });
  });
});
