import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defaultLevel, type Rule, type RuleArgs, SEVERITIES } from "../engine/rule";
import { POLICIES } from "./fixtures";

/** What `npm run policies:docs` writes, from the rules' own folders; a test says when it is stale. */
export interface Generated {
  readonly file: string;
  readonly text: string;
}

const ROOT = join(POLICIES, "..");

/** Ids of all rules, from the folders that hold one. */
export function ruleIds(): string[] {
  const folders = (of: string): string[] =>
    readdirSync(of, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== "node_modules")
      .map(({ name }) => name);
  return folders(POLICIES)
    .flatMap((category) =>
      folders(join(POLICIES, category))
        .filter((name) => readdirSync(join(POLICIES, category, name)).includes("rule.ts"))
        .map((name) => `${category}/${name}`),
    )
    .sort();
}

/** The index of the rules: static imports, so that a pack can be bundled and starts at once. */
export function index(ids: readonly string[]): Generated {
  const variable = (id: string): string =>
    id.replace(/[/-](\w)/g, (_, letter: string) => letter.toUpperCase());
  const text = `// Written by \`npm run policies:docs\` from the folders of the rules: do not edit.
import type { Rule, RuleArgs } from "./engine/rule";
${ids.map((id) => `import { rule as ${variable(id)} } from "./${id}/rule";`).join("\n")}

const named = (id: string, rule: RuleArgs): Rule => ({
  ...rule,
  id,
  category: id.split("/")[0]!,
});

/** Every rule, by its id. */
export const rules: readonly Rule[] = [
${ids.map((id) => `  named("${id}", ${variable(id)}),`).join("\n")}
];
`;
  return { file: join(POLICIES, "rules.ts"), text };
}

/** What each category is about, in the order of the page. */
const CATEGORIES: Readonly<Record<string, string>> = {
  resources: "Resources",
  secrets: "Secrets",
  pods: "Pods and containers",
  images: "Images",
  reliability: "Reliability",
  network: "Network",
  rbac: "Access to the cluster's API",
  metadata: "Metadata",
  operations: "Operations: what only the whole stack shows",
  policies: "The policies themselves",
};

export function docs(rules: readonly Rule[]): Generated {
  const table = (category: string): string =>
    rules
      .filter((rule) => rule.category === category)
      .map(
        (rule) =>
          `### \`${rule.id}\`\n\n${rule.title}. ${facts(rule)}\n\n${rule.why}\n\nFix: ${rule.fix}.\n\nAlso known as: ${rule.references.join("; ")}.\n`,
      )
      .join("\n");
  const missing = rules.find(({ category }) => !(category in CATEGORIES));
  if (missing !== undefined) throw new Error(`${missing.id}: its category has no title`);
  const text = `# Policies

Written by \`npm run policies:docs\` from the rules' own folders in \`policies/\`: do not edit.

${rules.length} rules. How they are enforced, configured and exempted: [policies/README.md](../policies/README.md).

| rule | what holds | severity | level |
| --- | --- | --- | --- |
${rules.map((rule) => `| [\`${rule.id}\`](#${anchor(rule.id)}) | ${rule.title} | ${rule.severity} | ${level(rule)} |`).join("\n")}

${Object.entries(CATEGORIES)
  .filter(([category]) => rules.some((rule) => rule.category === category))
  .map(([category, title]) => `## ${title}\n\n${table(category)}`)
  .join("\n")}`;
  return { file: join(ROOT, "docs", "policies.md"), text };
}

const anchor = (id: string): string => id.replaceAll("/", "");

const level = (rule: RuleArgs): string =>
  `${defaultLevel(rule)}${rule.environments === undefined ? "" : ` (${rule.environments.join(", ")})`}`;

function facts(rule: Rule): string {
  const source = readFileSync(join(POLICIES, rule.id, "rule.ts"), "utf8");
  const mends = /\bmend: /.test(source) ? " Can be mended by `remediate`." : "";
  const whole = rule.stack === undefined ? "" : " Judged over the whole stack.";
  return `Severity ${rule.severity}; ${level(rule)}.${whole}${mends}`;
}

function main(): void {
  const { file, text } = index(ruleIds());
  if (readFile(file) !== text) writeFileSync(file, text);
  // Only now: the index that was there may name a rule that is gone.
  // eslint-disable-next-line @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports
  const { rules } = require("../rules") as typeof import("../rules");
  const page = docs(rules);
  writeFileSync(page.file, page.text);
  process.stdout.write(
    `${rules.length} rules: ${SEVERITIES.map((s) => `${rules.filter((r) => r.severity === s).length} ${s}`).join(", ")}\n`,
  );
}

function readFile(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

if (require.main === module) main();
