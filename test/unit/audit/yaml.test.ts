import fc from "fast-check";
import { dump } from "js-yaml";
import { MAX_DEPTH, parseDocuments } from "../../../operations/audit/yaml";

const reasons = (text: string): string[] => parseDocuments(text).broken.map((b) => b.reason);

describe("YAML with the lines of its properties", () => {
  const text = `# a comment
kind: First
spec:
  containers:
    - name: api
      image: x:1
    - name: side
      env: [{ name: A, value: "1" },
            { name: B, value: "2" }]
---
kind: Second
metadata:
  "quoted.key/with": yes
`;

  test.each([
    [["spec", "containers", 0, "image"], 6],
    [["spec", "containers", 1, "env", 1, "value"], 9],
    // What is missing is shown where it is missing in.
    [["spec", "containers", 0, "resources", "limits"], 5],
    [["spec", "nothing"], 3],
  ])("%j is in line %i", (path, line) => {
    expect(parseDocuments(text).documents[0]!.node.lineOf(path)).toBe(line);
  });

  test("lines count from the top of the file in every document", () => {
    const { node, value } = parseDocuments(text).documents[1]!;
    expect(node.lineOf(["metadata", "quoted.key/with"])).toBe(13);
    expect(value).toEqual({ kind: "Second", metadata: { "quoted.key/with": true } });
  });

  test("anchors and merge keys lead to where the value is written", () => {
    const { documents, broken } = parseDocuments(`base: &base
  image: x:1
  env: { A: "1" }
one:
  <<: *base
  image: y:2
two: *base
`);
    expect(broken).toEqual([]);
    const { value, node } = documents[0]!;
    expect(value).toMatchObject({
      one: { image: "y:2", env: { A: "1" } },
      two: { image: "x:1" },
    });
    expect(node.lineOf(["one", "image"])).toBe(6);
    expect(node.lineOf(["one", "env"])).toBe(3);
    expect(node.lineOf(["two", "image"])).toBe(2);
  });

  test("a broken document does not take the others with it", () => {
    const { documents, broken } = parseDocuments("kind: A\n---\nkind: [\n---\nkind: C\n");
    expect(documents.map(({ value }) => value)).toEqual([{ kind: "A" }, { kind: "C" }]);
    expect(broken).toHaveLength(1);
    expect(broken[0]!.line).toBeGreaterThanOrEqual(3);
  });

  test("values are those that kubectl sees", () => {
    const { documents } = parseDocuments("a: 0400\nb: 22:22\nc: on\nd: 1e3\ne: 2026-01-01\nf: ~\n");
    expect(documents[0]!.value).toEqual({
      a: 256,
      b: "22:22",
      c: true,
      d: 1000,
      e: "2026-01-01",
      f: null,
    });
  });

  test("property: every written value is found again, in the line that holds it", () => {
    const key = fc.stringMatching(/^[a-z][a-z0-9./-]{0,8}$/);
    const leaf = fc.stringMatching(/^mark[0-9]{6}$/);
    const tree = fc.letrec<{ node: unknown }>((tie) => ({
      node: fc.oneof(
        { depthSize: "small" },
        leaf,
        fc.dictionary(key, tie("node"), { minKeys: 1, maxKeys: 4 }),
        fc.array(tie("node"), { minLength: 1, maxLength: 4 }),
      ),
    })).node;
    fc.assert(
      fc.property(fc.dictionary(key, tree, { minKeys: 1, maxKeys: 4 }), (value) => {
        const text = dump(value, { noRefs: true });
        const lines = text.split("\n");
        const { documents, broken } = parseDocuments(text);
        expect(broken).toEqual([]);
        expect(documents[0]!.value).toEqual(value);
        const walk = (of: unknown, path: (string | number)[]): void => {
          if (typeof of === "string") {
            expect(lines[documents[0]!.node.lineOf(path) - 1]).toContain(of);
          } else if (Array.isArray(of)) of.forEach((item, i) => walk(item, [...path, i]));
          else Object.entries(of as object).forEach(([k, item]) => walk(item, [...path, k]));
        };
        walk(value, []);
      }),
    );
  });
});

describe("what is no YAML, or too much of it", () => {
  test("a bomb of aliases is refused without being unfolded", () => {
    const levels = Array.from({ length: 40 }, (_, i) =>
      i === 0 ? "a0: &a0 [x, x]" : `a${i}: &a${i} [*a${i - 1}, *a${i - 1}]`,
    );
    const started = Date.now();
    expect(reasons(levels.join("\n"))).toEqual(["its aliases stand for millions of values"]);
    expect(Date.now() - started).toBeLessThan(5_000);
  });

  test("an alias that leads to itself", () => {
    expect(reasons("a: &a\n  b: *a\n")).toEqual(["an alias in it leads to itself"]);
  });

  test("nested without end", () => {
    expect(reasons(`a: ${"[".repeat(50_000)}`)).toEqual([
      `it is nested more than ${MAX_DEPTH} deep`,
    ]);
  });

  test.each([
    ["a: b: c"],
    ["a: *nobody"],
    ["a: 'no end"],
    ["{{- if .Values.x }}\na: 1"],
    ["a:\n\t- tab"],
    ["%YAML 9\n---\n@"],
    ["!!python/object:os.system {}"],
  ])("%j is said to be broken, once", (text) => {
    expect(parseDocuments(text).broken).toHaveLength(1);
  });

  test("the reason never quotes the file", () => {
    for (const text of [
      "password: 'hunter2\nother: *hunter2",
      "a: *hunter2",
      "a: !hunter2 x",
      "hunter2: [",
      "- hunter2: b\n hunter2",
    ]) {
      expect(parseDocuments(text).broken.length).toBeGreaterThan(0);
      expect(reasons(text).join()).not.toContain("hunter2");
    }
  });

  test("property: any text at all gives an answer", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary", maxLength: 200 }),
          fc.string({ unit: fc.constantFrom(..."{}[]:,-&*!|>'\"%@#?~ \n\ta1<.") }),
        ),
        (text) => {
          const { documents, broken } = parseDocuments(text);
          for (const { node } of documents) {
            expect(node.lineOf(["a", 0])).toBeGreaterThanOrEqual(1);
          }
          for (const { line } of broken) expect(line).toBeGreaterThanOrEqual(1);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
