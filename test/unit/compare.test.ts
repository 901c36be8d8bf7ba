import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Change, compareManifests, type Placed } from "../../operations/compare/manifests";
import { readManifests } from "../../operations/compare/read";
import { comparisonSummary } from "../../operations/compare/summary";
import { UserError } from "../../operations/errors";

/** What production of Flores Victoria renders: every kind of object is in it. */
const RENDERED = join(__dirname, "..", "golden", "files", "flores-victoria.prod.kubernetes");

const work = mkdtempSync(join(tmpdir(), "atalaya-compare-test-"));
afterAll(() => rmSync(work, { recursive: true }));

/** The changes that an edit of one rendered file makes. */
function after(file: string, edit: (text: string) => string): readonly Change[] {
  const folder = mkdtempSync(join(work, "after-"));
  cpSync(RENDERED, folder, { recursive: true });
  const path = join(folder, "flores-victoria", file);
  const text = readFileSync(path, "utf8");
  const edited = edit(text);
  // An edit that does nothing proves nothing.
  expect(edited).not.toBe(text);
  writeFileSync(path, edited);
  return compareManifests(readManifests(RENDERED), readManifests(folder));
}

const short = ({ fate, kind, name, data }: Change): string =>
  `${fate} ${kind} ${name}${data === undefined ? "" : " (data)"}`;

/** Takes the documents out in which a text stands. */
const without =
  (part: string) =>
  (text: string): string =>
    text
      .split(/^---\n/m)
      .filter((document) => !document.includes(part))
      .join("---\n");

const object = (kind: string, name: string, spec: unknown = {}): Placed => ({
  system: "shop",
  manifest: { apiVersion: "v1", kind, metadata: { name, namespace: "prod-shop" }, spec },
});

describe("what differs between two renderings (AT-04)", () => {
  test("nothing, between a stack and itself", () => {
    const all = readManifests(RENDERED);
    expect(all.length).toBeGreaterThan(100);
    expect(compareManifests(all, all)).toEqual([]);
    expect(comparisonSummary([{ of: "stack prod", changes: [] }])).toBe(
      "### Manifests of stack prod\n\nNo difference.",
    );
  });

  test("a field, with the lines around it", () => {
    const changes = after("db.yaml", (text) => text.replace("replicas: 1", "replicas: 3"));
    expect(changes.map(short)).toEqual(["changed StatefulSet db"]);
    expect(changes[0]!.diff).toMatch(/^@@.*\n(?: .*\n)*-\s+replicas: 1\n\+\s+replicas: 3\n/);
    expect(changes[0]).toMatchObject({
      system: "flores-victoria",
      namespace: "prod-flores-victoria",
    });
  });

  test("an object more or less, and the order of objects never", () => {
    expect(after("user-service.yaml", without("kind: HorizontalPodAutoscaler")).map(short)).toEqual(
      ["removed HorizontalPodAutoscaler user-service"],
    );
    const [one, two] = [object("Service", "a"), object("Service", "b")];
    expect(compareManifests([one, two], [two, one])).toEqual([]);
    expect(compareManifests([one], [two, one]).map(short)).toEqual(["added Service b"]);
  });

  test("another content under another digest is one change, not two", () => {
    const changes = after("db.yaml", (text) =>
      text
        .replaceAll(/db-conf-[0-9a-f]{10}/g, "db-conf-0123456789")
        .replace("max_connections = 100", "max_connections = 200"),
    );
    expect(changes.map(short)).toEqual([
      "changed ConfigMap db-conf-0123456789",
      "changed StatefulSet db",
    ]);
    expect(changes[0]!.diff).toContain("+    max_connections = 200");
  });

  test("another version of an API is the same object", () => {
    const old = object("StatefulSet", "db");
    const apps = (version: string): Placed => ({
      ...old,
      manifest: { ...old.manifest, apiVersion: `apps/${version}` },
    });
    expect(compareManifests([apps("v1beta2")], [apps("v1")]).map(short)).toEqual([
      "changed StatefulSet db",
    ]);
  });
});

describe("what endangers data comes first", () => {
  test.each([
    ["a claim", "db.yaml", "kind: PersistentVolumeClaim", "removed PersistentVolumeClaim db-data"],
    ["a stateful set", "db.yaml", "kind: StatefulSet", "removed StatefulSet db"],
    [
      "a namespace",
      "00-namespace.yaml",
      "kind: Namespace",
      "removed Namespace prod-flores-victoria",
    ],
  ])("%s that is removed", (_, file, part, expected) => {
    expect(short(after(file, without(part))[0]!)).toBe(`${expected} (data)`);
  });

  test("a stateful set that cannot change in place", () => {
    const changes = after("db.yaml", (text) =>
      text.replace(/serviceName: .*/, "serviceName: another"),
    );
    expect(changes.map(short)).toEqual(["replaced StatefulSet db (data)"]);
  });

  test("a claim: larger is a change, smaller or of another class endangers it", () => {
    const claim = (storage: string, storageClassName = "fast"): Placed =>
      object("PersistentVolumeClaim", "data", {
        storageClassName,
        resources: { requests: { storage } },
      });
    const from = (fresh: Placed): string[] => compareManifests([claim("20Gi")], [fresh]).map(short);
    expect(from(claim("30Gi"))).toEqual(["changed PersistentVolumeClaim data"]);
    expect(from(claim("1Ti"))).toEqual(["changed PersistentVolumeClaim data"]);
    expect(from(claim("20G"))).toEqual(["changed PersistentVolumeClaim data (data)"]);
    expect(from(claim("20Gi", "slow"))).toEqual(["replaced PersistentVolumeClaim data (data)"]);
  });

  test("a secret that is part of the data, and no other", () => {
    const row = (name: string) => (text: string) =>
      text
        .split("\n")
        .filter((line) => !line.startsWith(`| ${name} |`))
        .join("\n");
    expect(after("secrets.md", row("db-admin-password")).map(short)).toEqual([
      "removed Secret db-admin-password (data)",
    ]);
    expect(after("secrets.md", row("db-access")).map(short)).toEqual(["removed Secret db-access"]);
    const readers = after("secrets.md", (text) => text.replace("| db, db-grant", "| db, else"));
    expect(readers.map(short)).toEqual(["changed Secret db-admin-password"]);
  });

  test("so that a reader sees it before any number", () => {
    const changes = after("db.yaml", without("kind: PersistentVolumeClaim"));
    const text = comparisonSummary([{ of: "stack prod", changes }]);
    expect(text).toMatch(
      /^### Manifests of stack prod\n\n> \[!CAUTION\]\n> \*\*Data: look at 1 object before/,
    );
    expect(text.indexOf("db-data")).toBeLessThan(text.indexOf("| system |"));
    expect(text).toContain("| `flores-victoria` | 0 | 0 | 0 | 1 |");
  });
});

describe("the summary", () => {
  test("keeps to its room, and says what it left out", () => {
    const lines = Array.from({ length: 100 }, (_, i) => [`key${i}`, "x".repeat(50)]);
    const many = Array.from({ length: 20 }, (_, i) =>
      object("ConfigMap", `file-${i}`, Object.fromEntries(lines)),
    );
    const text = comparisonSummary([{ of: "x", changes: compareManifests([], many) }], 20_000);
    expect(text.length).toBeLessThan(20_200);
    expect(text).toMatch(/\d+ objects had no room here/);
    expect(text).toContain("| `shop` | 20 | 0 | 0 | 0 |");
  });

  test("text of a manifest cannot end its block, nor begin markup", () => {
    const changes = compareManifests(
      [],
      [object("ConfigMap", "<b>`x`|", { text: "```\n</details>\n@somebody" })],
    );
    const text = comparisonSummary([{ of: "x", changes }]);
    expect(text).toContain("<code>&lt;b&gt;`x`|</code>");
    expect(text).toContain("\n````diff\n");
    expect(text.trimEnd()).toMatch(/\n````\n\n<\/details>$/);
  });
});

test("files of others are read as they are; broken ones are named, all of them", () => {
  const folder = mkdtempSync(join(work, "foreign-"));
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  write(
    "list.yaml",
    "kind: List\napiVersion: v1\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n",
  );
  write("values.yaml", "just: values\n");
  write("empty.yml", "---\n");
  write("one.json", '{"apiVersion":"v1","kind":"Service","metadata":{"name":"b","namespace":"n"}}');
  expect(readManifests(folder).map(({ manifest, system }) => `${system} ${manifest.kind}`)).toEqual(
    ["a Pod", "n Service"],
  );
  write("bad1.yaml", "a: [");
  write("bad2.yaml", "{{ template }}: {{ x }\n");
  expect(() => readManifests(folder)).toThrow(UserError);
  expect(() => readManifests(folder)).toThrow(/bad1\.yaml: [\s\S]*bad2\.yaml: /);
});
