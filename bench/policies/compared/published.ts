import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { grouped, link, plain, rulesOf, table, unexplained, whyNot } from "./checks";

/** Where the comparison is written. */
export const PAGE = join(__dirname, "..", "..", "..", "docs", "policies-compared.md");

const TITLE = "## By their published checks";

interface List {
  readonly name: string;
  /** Where it is published, and of which day it is. */
  readonly source: string;
  readonly checks: Readonly<Record<string, string>>;
}

/**
 * Engines that do not run here, by what they publish of themselves: which of their checks we have, which not, and
 * why.
 * @throws where a check is neither ours nor has a reason
 */
export function publishedSection(): string[] {
  const lists = parse(readFileSync(join(__dirname, "published.yaml"), "utf8")) as Readonly<
    Record<string, List>
  >;
  return [
    TITLE,
    "Their own words, from their own lists (`bench/policies/compared/published.yaml`); `npm run bench:policies -- " +
      "published` writes this part anew.",
    ...Object.entries(lists).flatMap(([key, list]) => listSection(key, list)),
  ];
}

function listSection(key: string, { name, source, checks }: List): string[] {
  const all = Object.entries(checks).map(([id, title]) => ({
    check: key === "CIS" ? id : `${key} ${id}`,
    title,
  }));
  unexplained(all);
  const have = all.filter(({ check }) => rulesOf.has(check));
  const without = all.filter(({ check }) => !rulesOf.has(check));
  return [
    `### ${name}`,
    `${source}. Of ${all.length} checks ${have.length} are ours as well.`,
    table(
      ["check", "what it asks", "our rule"],
      have.map(({ check, title }) => [
        plain(check),
        title,
        [...new Set(rulesOf.get(check))].map(link).join(", "),
      ]),
    ),
    ...(without.length === 0
      ? []
      : [
          "Those that we do not have:",
          table(
            ["checks", "why not"],
            [...grouped(without, ({ check }) => whyNot(check)!)].map(([reason, of]) => [
              of.map(({ check }) => plain(check)).join(", "),
              reason,
            ]),
          ),
        ]),
  ];
}

/** Writes sections as the page, as our other pages are written. */
export async function writePage(sections: readonly string[]): Promise<void> {
  // Only here: what merely compares the page with its sources needs none of it.
  const { format, resolveConfig } = await import("prettier");
  const options = await resolveConfig(PAGE);
  writeFileSync(PAGE, await format(sections.join("\n\n"), { ...options, filepath: PAGE }));
  console.error(`written: ${PAGE}`);
}

/** Writes that part of the page alone, for which nothing has to be built. */
export async function published(): Promise<void> {
  const [before = ""] = readFileSync(PAGE, "utf8").split(`\n${TITLE}\n`);
  await writePage([before.trimEnd(), ...publishedSection()]);
}
