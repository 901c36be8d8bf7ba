import { type Config, loadConfig } from "../../../policies/engine/config";
import { evaluate } from "../../../policies/engine/evaluate";
import { defaultLevel, type Rule, type RuleArgs } from "../../../policies/engine/rule";
import { rules } from "../../../policies/rules";
import type { Subject } from "../../../policies/engine/subject";
import { FIXTURES, readCases, subjectsOf } from "../../../policies/tools/fixtures";
import { type Mutant, mutantsOf } from "../../../policies/tools/mutate";

/**
 * Whether fixtures would notice: each report of each rule is left out, each condition turned one way, and
 * some fixture has to see another result (AT-03).
 */
const ids = rules.map(({ id }) => id);
const now = new Date("2026-11-22T12:00:00Z");

interface Input {
  readonly subjects: readonly Subject[];
  readonly config: Config;
}

function inputsOf(rule: Rule): readonly Input[] {
  const levels = defaultLevel(rule) === "disabled" ? { [rule.id]: "mandatory" as const } : {};
  return FIXTURES.flatMap((file) => readCases(rule.id, file)).map((of) => ({
    subjects: subjectsOf(of),
    config: loadConfig({ ...of.config, levels: { ...levels, ...of.config?.levels } }, ids),
  }));
}

/** What the rule finds in its own fixtures, all together. */
const resultOf = (rule: Rule, inputs: readonly Input[]): string =>
  JSON.stringify(
    inputs.map(({ subjects, config }) => {
      try {
        const { findings, unchecked } = evaluate(subjects, config, { rules: [rule], now });
        return [
          findings.map(({ resource, path, message, mend }) => [resource.name, path, message, mend]),
          unchecked.map(({ path }) => path),
        ];
      } catch (error) {
        return String(error);
      }
    }),
  );

/** A rule's own fixtures, and what it finds in them. */
const judged = new Map(
  rules.map((rule) => {
    const inputs = inputsOf(rule);
    return [rule.id, { inputs, expected: resultOf(rule, inputs) }];
  }),
);

/** Mutants of a rule that no fixture notices, and how many there are. */
function survivors(rule: Rule, kind: Mutant["kind"]): { alive: readonly string[]; total: number } {
  const { inputs, expected } = judged.get(rule.id)!;
  const mutants = mutantsOf(rule.id, kind);
  const named = (changed: RuleArgs): Rule => ({ ...changed, id: rule.id, category: rule.category });
  const alive = mutants.filter((mutant) => resultOf(named(mutant.rule), inputs) === expected);
  return { alive: alive.map(({ what }) => `${rule.id} ${what}`), total: mutants.length };
}

test.each(rules)("a report of $id that is left out is noticed", (rule) => {
  expect(survivors(rule, "silent").alive).toEqual([]);
});

/** Of conditions that are turned one way; the rest is guards by kind, for the type checker, and shortcuts. */
const LEAST = 0.7;

/** `SHOW_SURVIVORS=1` lists those that nothing noticed. */
test("most conditions that are turned one way are noticed", () => {
  const all = rules.map((rule) => survivors(rule, "condition"));
  const alive = all.flatMap((one) => one.alive);
  const total = all.reduce((sum, one) => sum + one.total, 0);
  if (process.env["SHOW_SURVIVORS"] === "1") {
    process.stdout.write(`${alive.join("\n")}\n${alive.length} of ${total} were not noticed\n`);
  }
  expect(total).toBeGreaterThan(400);
  expect(1 - alive.length / total).toBeGreaterThan(LEAST);
});
