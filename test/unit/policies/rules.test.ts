import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type ConfigInput, loadConfig } from "../../../policies/engine/config";
import { evaluate, type Finding, mended } from "../../../policies/engine/evaluate";
import { defaultLevel } from "../../../policies/engine/rule";
import { rules } from "../../../policies/rules";
import {
  type Case,
  FIXTURES,
  POLICIES,
  readCases,
  subjectsOf,
} from "../../../policies/tools/fixtures";
import { docs, index, ruleIds } from "../../../policies/tools/generate";

/** Every rule's own fixtures, each judged by the whole pack (AT-03). */
const ids = rules.map(({ id }) => id);
const NOW = new Date("2026-11-22T12:00:00Z");

function judge(of: Case, config: ConfigInput = {}): readonly Finding[] {
  const { findings } = evaluate(subjectsOf(of), loadConfig({ ...config, ...of.config }, ids), {
    rules,
    now: NOW,
  });
  return findings;
}

/** A contested rule is off: its own fixtures switch it on. */
const on = (id: string): ConfigInput => {
  const rule = rules.find((r) => r.id === id)!;
  return defaultLevel(rule) === "disabled" ? { levels: { [id]: "mandatory" } } : {};
};

const place = ({ resource, path }: Finding): string =>
  `${resource.kind}/${resource.name} ${path}`.trim();

test.each(["kubernetes", "docker", "compose"] as const)(
  "nothing is found in the clean %s world",
  (world) => {
    expect(judge({ world }).map(({ message, rule }) => `${rule}: ${message}`)).toEqual([]);
  },
);

test("the index and the page of the rules are up to date (npm run policies:docs)", () => {
  expect(ids).toEqual(ruleIds());
  for (const { file, text } of [index(ruleIds()), docs(rules)]) {
    expect(readFileSync(file, "utf8")).toBe(text);
  }
});

describe.each(ids)("%s", (id) => {
  const rule = rules.find((r) => r.id === id)!;

  test("has all that a reader needs", () => {
    for (const text of [rule.title, rule.why, rule.fix]) expect(text).not.toMatch(/^\s*$|\.$\s|\n/);
    expect(rule.title).not.toMatch(/\.$/);
    expect(rule.fix).toMatch(/^[a-z]/);
    expect(rule.references.length).toBeGreaterThan(0);
    for (const name of FIXTURES) expect(existsSync(join(POLICIES, id, `${name}.yaml`))).toBe(true);
  });

  test.each(readCases(id, "good").map((of, i) => ({ of, name: of.name ?? `case ${i + 1}` })))(
    "good: $name",
    ({ of }) => {
      const found = judge(of, on(id)).filter(({ exempt }) => exempt === undefined);
      expect(found.map(({ message, rule: by }) => `${by}: ${message}`)).toEqual([]);
    },
  );

  test.each(readCases(id, "bad").map((of, i) => ({ of, name: of.name ?? `case ${i + 1}` })))(
    "bad: $name",
    ({ of }) => {
      const found = judge(of, on(id));
      const others = new Set(of.also);
      expect(
        found
          .filter((f) => f.rule !== id && !others.has(f.rule))
          .map((f) => `${f.rule}: ${f.message}`),
      ).toEqual([]);
      // What a case says to be seen by others has to be.
      for (const other of others) expect(found.map((f) => f.rule)).toContain(other);
      const own = found.filter((f) => f.rule === id);
      expect(own.map(place)).toEqual(of.expect);
      for (const finding of own) {
        expect(finding).toMatchObject({ category: rule.category, severity: rule.severity });
        expect(finding.message).toContain(finding.resource.name);
        expect(finding.message).toContain(finding.path);
        expect(finding.message).not.toContain("\n");
      }
      if (own.some((f) => f.mend !== undefined)) {
        const mends = subjectsOf(of).map((subject) =>
          mended(
            subject,
            own.filter((f) => concerns(f, subject)),
          ),
        );
        const { findings } = evaluate(mends, loadConfig({ ...on(id), ...of.config }, ids), {
          rules,
          now: NOW,
        });
        const left = own.filter((f) => f.mend === undefined).map(place);
        expect(findings.filter((f) => f.rule === id).map(place)).toEqual(left);
      }
    },
  );

  test.each(readCases(id, "exempt").map((of, i) => ({ of, name: of.name ?? `case ${i + 1}` })))(
    "exempt: $name",
    ({ of }) => {
      const exemptions = [...(of.config?.exemptions ?? []), { rule: id, ...of.exemption! }];
      const others = new Set(of.also);
      const { config, ...rest } = of;
      const exempted = (as: typeof exemptions): readonly Finding[] =>
        judge({ ...rest, config: { ...on(id), ...config, exemptions: as } });
      const found = exempted(exemptions).filter((f) => !others.has(f.rule));
      expect(found.length).toBeGreaterThan(0);
      for (const finding of found) {
        expect(finding).toMatchObject({ rule: id, exempt: { owner: of.exemption!.owner } });
      }
      const expired = exempted(
        exemptions.map((e) => (e.rule === id ? { ...e, expires: "2026-11-20" } : e)),
      ).filter((f) => f.rule === id);
      expect(expired.length).toBe(found.length);
      for (const finding of expired) {
        expect(finding.exempt).toBeUndefined();
        expect(finding.message).toContain("ended on 2026-11-20");
      }
    },
  );
});

const concerns = ({ resource }: Finding, { kind, name }: { kind: string; name: string }): boolean =>
  resource.kind === kind && resource.name === name;
