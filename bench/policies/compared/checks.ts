import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { rules } from "../../../policies/rules";

/** What each check of another engine is with us: a rule that names it, or a reason why there is none. */
export const listed = parse(readFileSync(join(__dirname, "checks.yaml"), "utf8")) as {
  readonly same: Readonly<Record<string, string>>;
  readonly without: Readonly<Record<string, string>>;
  readonly differs: Readonly<Record<string, string>>;
  readonly stands: Readonly<Record<string, string>>;
};

/** Checks that we do not have, by a pattern of their ids, and why. */
const reasons = Object.entries(listed.without).map(([pattern, reason]) => ({
  matches: new RegExp(`^(?:${pattern})$`),
  reason,
}));

export const whyNot = (check: string): string | undefined =>
  reasons.find(({ matches }) => matches.test(check))?.reason;

/** Who has a name of their own before each of their checks. */
const PREFIX = /^(?:(?:kube-score|polaris|kube-linter|Kyverno|NSA) )?/;

/** Rules by each check of another engine that they name. */
export const rulesOf = new Map<string, string[]>(
  Object.entries(listed.same).map(([check, by]) => [check, by.split(", ")]),
);
for (const { id, references } of rules) {
  for (const reference of references) {
    const [prefix] = PREFIX.exec(reference)!;
    for (const name of reference.slice(prefix.length).split(", ")) {
      const check = `${prefix}${name.replace(/ \(.*\)$/, "")}`;
      rulesOf.set(check, [...(rulesOf.get(check) ?? []), id]);
    }
  }
}

/** @throws where a check is neither ours nor has a reason */
export function unexplained(checks: readonly { check: string; title: string }[]): void {
  const without = checks.filter(({ check }) => !rulesOf.has(check) && whyNot(check) === undefined);
  if (without.length === 0) return;
  const list = without.map(({ check, title }) => `  ${check}: ${title}`).join("\n");
  throw new Error(`neither a rule names these checks, nor does checks.yaml say why:\n${list}`);
}

export const plain = (check: string): string => check.replace(PREFIX, "");

export const link = (id: string): string => `[${id}](policies.md#${id.replaceAll("/", "")})`;

export function grouped<T, K>(
  all: readonly T[],
  keyOf: (one: T) => K,
): ReadonlyMap<K, readonly T[]> {
  const groups = new Map<K, T[]>();
  for (const one of all) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return groups;
}

export const table = (
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string =>
  [head, head.map(() => "---"), ...rows]
    .map((row) => `| ${row.map((cell) => String(cell).replaceAll("|", "\\|")).join(" | ")} |`)
    .join("\n");
