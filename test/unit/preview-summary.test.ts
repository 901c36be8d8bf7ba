import { previewMarkdown, previewSummary } from "../../operations/stack/preview-summary";

const urn = (type: string, name: string): string =>
  `urn:pulumi:prod::atalaya::atalaya:component:Postgres$${type}::${name}`;

interface Told {
  readonly op: string;
  readonly type?: string;
  readonly name?: string;
  readonly old?: object | null;
  readonly new?: object | null;
  readonly keys?: readonly string[];
  readonly diffs?: readonly string[];
}

/** A log as the engine writes it, an event a line. */
const log = (...events: readonly object[]): string =>
  events.map((event) => JSON.stringify({ sequence: 0, timestamp: 0, ...event })).join("\n");

const step = ({ type = "kubernetes:core/v1:Service", name = "api", ...told }: Told): object => ({
  resourcePreEvent: {
    metadata: { old: null, new: null, ...told, type, urn: urn(type, name), provider: "p" },
    planning: true,
  },
});

const CLAIM = "kubernetes:core/v1:PersistentVolumeClaim";
const PASSWORD = "random:index/randomPassword:RandomPassword";

describe("the summary of a preview (AT-04)", () => {
  test("counts by operation; a replacement is one, and Pulumi's own resources are none", () => {
    const { counts, changes } = previewSummary(
      log(
        step({ op: "create", name: "a" }),
        step({ op: "create", name: "b" }),
        step({ op: "same", name: "c" }),
        step({ op: "create-replacement", name: "d" }),
        step({ op: "replace", name: "d", keys: ["spec.clusterIP"], diffs: ["spec"] }),
        step({ op: "delete-replaced", name: "d" }),
        step({ op: "create", type: "pulumi:providers:kubernetes", name: "p" }),
        step({ op: "update", name: "e::f", diffs: ["spec.replicas", "spec.replicas"] }),
      ),
    );
    expect(counts).toEqual({ create: 2, same: 1, replace: 1, update: 1 });
    expect(changes.map(({ op, name }) => `${op} ${name}`)).toEqual([
      "create a",
      "create b",
      "replace d",
      "update e::f",
    ]);
    expect(changes[2]!.properties).toEqual(["spec.clusterIP"]);
    expect(changes[3]!.properties).toEqual(["spec.replicas"]);
  });

  test.each([
    ["a claim", { op: "delete", type: CLAIM, old: {} }, /not protected: `up` does it/],
    ["a protected claim", { op: "delete", type: CLAIM, old: { protect: true } }, /refuses/],
    ["a claim made anew", { op: "replace", type: CLAIM, old: {} }, /not protected/],
    [
      "a volume that stays",
      { op: "delete", type: "docker:index/volume:Volume", old: { retainOnDelete: true } },
      /leaves it there/,
    ],
    ["a protected password", { op: "replace", type: PASSWORD, old: { protect: true } }, /refuses/],
    [
      "a protected secret",
      { op: "delete", type: "kubernetes:core/v1:Secret", old: { protect: true } },
      /refuses/,
    ],
    [
      "protection taken away",
      { op: "same", type: CLAIM, old: { protect: true }, new: {} },
      /no longer/,
    ],
  ])("data: %s", (_, told, why) => {
    const { data } = previewSummary(log(step({ ...told, name: "db-data" })));
    expect(data).toHaveLength(1);
    expect(data[0]).toMatchObject({ name: "db-data", why: expect.stringMatching(why) as string });
  });

  test.each([
    ["a new claim", { op: "create", type: CLAIM, new: { protect: true } }],
    [
      "a claim that changes in place",
      { op: "update", type: CLAIM, old: { protect: true }, new: { protect: true } },
    ],
    ["a password that nothing keeps", { op: "delete", type: PASSWORD, old: {} }],
    ["a service", { op: "delete", old: {} }],
  ])("no data: %s", (_, told) => {
    expect(previewSummary(log(step(told))).data).toEqual([]);
  });

  test("what policies found, each once, and why it failed", () => {
    const found = {
      policyEvent: {
        resourceUrn: urn(CLAIM, "db-data"),
        message: "<{%fg 1%}>spec: is missing | a limit\n",
        policyName: "limits",
        policyPackName: "atalaya",
        enforcementLevel: "mandatory",
      },
    };
    const error = { diagnosticEvent: { severity: "error", message: "no such image" } };
    const warned = { diagnosticEvent: { severity: "warning", message: "old" } };
    const advice = { policyEvent: { ...found.policyEvent, enforcementLevel: "advisory" } };
    const summary = previewSummary(log(advice, found, found, error, warned));
    // What stops it stands first.
    expect(summary.findings.map(({ level }) => level)).toEqual(["mandatory", "advisory"]);
    expect(summary.findings.slice(0, 1)).toEqual([
      {
        level: "mandatory",
        policy: "atalaya/limits",
        name: "db-data",
        message: "spec: is missing | a limit",
        changing: false,
      },
    ]);
    expect(summary.errors).toEqual(["no such image"]);
  });
});

describe("as Markdown", () => {
  test("data stands before everything else, and no value of a property anywhere", () => {
    const text = previewMarkdown(
      "Preview of stack `prod`",
      previewSummary(
        log(
          step({
            op: "update",
            name: "api",
            old: { inputs: { data: "hunter2" } },
            diffs: ["data"],
          }),
          step({
            op: "replace",
            type: CLAIM,
            name: "db-data",
            old: {},
            keys: ["spec.storageClassName"],
          }),
        ),
      ),
      true,
    );
    expect(text.split("\n").slice(0, 5)).toEqual([
      "### Preview of stack `prod`",
      "",
      "> [!CAUTION]",
      "> **Data: look at 1 resource before you merge**",
      ">",
    ]);
    expect(text).toContain(
      "> - **replace** `PersistentVolumeClaim` `db-data` by `spec.storageClassName`: not protected",
    );
    expect(text).toContain("| update | 1 |\n| replace | 1 |");
    expect(text).toContain("| update | `Service` | `api` | `data` |");
    expect(text).not.toContain("hunter2");
  });

  test("advice on what is made or changed stands by itself", () => {
    const found = (name: string, message: string): object => ({
      policyEvent: {
        resourceUrn: urn(CLAIM, name),
        message,
        policyName: "limits",
        policyPackName: "atalaya",
        enforcementLevel: "advisory",
      },
    });
    const summary = previewSummary(
      log(
        step({ op: "create", type: CLAIM, name: "made" }),
        step({ op: "same", type: CLAIM, name: "there" }),
        found("there", "old"),
        found("made", "new"),
      ),
    );
    const [, fresh, others] = previewMarkdown("Preview", summary, true)
      .split("<details>")
      .filter((part, i) => i === 0 || part.includes("Policies:"));
    expect(fresh).toContain("1 finding of what this makes or changes, as advice");
    expect(fresh).toContain("| `new` |");
    expect(fresh).not.toContain("`old`");
    expect(others).toContain("| `old` |");
  });

  test("findings that stop it are open to see, advice is at a click", () => {
    const found = (enforcementLevel: string, message: string): object => ({
      policyEvent: {
        resourceUrn: urn(CLAIM, "db-data"),
        message,
        policyName: "limits",
        policyPackName: "atalaya",
        enforcementLevel,
      },
    });
    const summary = previewSummary(log(found("advisory", "small"), found("mandatory", "grave")));
    const text = previewMarkdown("Preview", summary, false);
    const [open, folded] = text.split("<details>");
    expect(open).toContain("**Policies: 1 finding to mend before you merge**");
    expect(open).toContain("| `atalaya/limits` | `db-data` | `grave` |");
    expect(open).not.toContain("small");
    expect(folded).toContain(
      "<summary>Policies: 1 finding of what stays as it is, or of the whole stack, as advice</summary>",
    );
    expect(folded).toContain("| `atalaya/limits` | `db-data` | `small` |");
  });

  test("nothing to do, a failure with its reason, a failure without one", () => {
    const said = (text: string, ok: boolean): string =>
      previewMarkdown("Preview of stack `prod`", previewSummary(text), ok);
    expect(said(log(step({ op: "same" })), true)).toBe(
      "### Preview of stack `prod`\n\nNothing would change.",
    );
    const why = { diagnosticEvent: { severity: "error", message: "a ``` b" } };
    expect(said(log(why), false)).toContain(": failed\n\n````\na ``` b\n````");
    expect(said("", false)).toMatch(/: failed\n\nIt ended before/);
    // A log that was cut off.
    expect(said(`${log(step({ op: "create" }))}\n{"resourceP`, false)).toContain("| create | 1 |");
  });

  test("fits into a comment, however much changes", () => {
    const steps = Array.from({ length: 3_000 }, (_, i) => step({ op: "create", name: `x${i}` }));
    const text = previewMarkdown("Preview of stack `prod`", previewSummary(log(...steps)), true);
    expect(text.length).toBeLessThan(65_536);
    expect(text).toContain("| create | 3000 |");
    expect(text).toContain("… and 2800 more");
  });
});
