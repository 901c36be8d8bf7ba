import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ATTACKS, NOT_STOPPED } from "../live/waf/attacks";
import { HONEST } from "../live/waf/honest";
import { sentRows, wafPage } from "../live/waf/page";
import type { WafRequest } from "../live/waf/request";

/** The requests themselves; what becomes of them is a live test's business. */
describe("what the firewall is tried with (PR-12)", () => {
  test.each([
    ["attacks", ATTACKS],
    ["attacks that pass", NOT_STOPPED],
    ["honest requests", HONEST],
  ] as const)("%s have names of their own, and are all different", (_what, requests) => {
    const classed = (r: WafRequest): string => `${"class" in r ? String(r.class) : ""}: ${r.name}`;
    const sent = ({ name: _, ...rest }: WafRequest): string => JSON.stringify(rest);
    expect(new Set(requests.map(classed)).size).toBe(requests.length);
    expect(new Set(requests.map(sent)).size).toBe(requests.length);
  });

  test("there are 60 attacks and more over 10 classes and more, and 60 honest requests and more", () => {
    expect(ATTACKS.length).toBeGreaterThanOrEqual(60);
    expect(new Set(ATTACKS.map((attack) => attack.class)).size).toBeGreaterThanOrEqual(10);
    expect(HONEST.length).toBeGreaterThanOrEqual(60);
  });

  test("docs/waf.md has each of them, in order (UPDATE_GOLDEN=1 with the live test writes it)", () => {
    const none = (requests: readonly WafRequest[]): { status: number; rules: number[] }[] =>
      requests.map(() => ({ status: 0, rules: [] }));
    const expected = wafPage({
      attacks: none(ATTACKS),
      notStopped: none(NOT_STOPPED),
      honest: none(HONEST),
    });
    const page = readFileSync(join(__dirname, "..", "..", "docs", "waf.md"), "utf8");
    expect(sentRows(page)).toEqual(sentRows(expected));
  });
});
