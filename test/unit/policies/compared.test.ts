import { readFileSync } from "node:fs";
import { rulesOf } from "../../../bench/policies/compared/checks";
import { PAGE, publishedSection } from "../../../bench/policies/compared/published";
import { rules } from "../../../policies/rules";

/** What the page says of engines that do not run here (AT-03). */

/** Without what Prettier does to a page. */
const bare = (text: string): string =>
  text
    .replace(/ +\|/g, " |")
    .replace(/\| +/g, "| ")
    .replace(/-{3,}/g, "---")
    .replace(/\s+/g, " ")
    .trim();

test("the page has every published check, with our rule or a reason (npm run bench:policies -- published)", () => {
  const section = bare(publishedSection().join("\n\n"));
  const page = bare(readFileSync(PAGE, "utf8"));
  expect(page.slice(page.indexOf(section.slice(0, 40)))).toBe(section);
});

test("only rules that exist are named", () => {
  const ids = new Set(rules.map(({ id }) => id));
  expect([...rulesOf.values()].flat().filter((id) => !ids.has(id))).toEqual([]);
});
