import fc from "fast-check";
import { LOG_LEVELS, type LogFilter, logql } from "../../model/logs";
import { type Found, understand } from "../support/played-logql";

/** The played Loki of the live tests understands what `atalaya logs` asks, and nothing else (PR-04). */
const SOME = ["", "a", "a|b", ".+", "A", 'q"\\', "ñ\n"];
const some = fc.constantFrom(...SOME);

const found: fc.Arbitrary<Found> = fc.record({
  labels: fc.record({
    system: some,
    service: some,
    level: fc.constantFrom(...LOG_LEVELS, "unknown"),
  }),
  attributes: fc.record({ session_id: some, user: some, request_id: some }, { requiredKeys: [] }),
  line: fc.array(some).map((parts) => parts.join(" ")),
});

const filter: fc.Arbitrary<LogFilter> = fc.record(
  {
    system: some.filter((name) => name !== ""),
    services: fc.uniqueArray(some, { minLength: 1, maxLength: 3 }),
    level: fc.constantFrom(...LOG_LEVELS),
    session: some,
    user: some,
    request: some,
    grep: some,
  },
  { requiredKeys: ["system"] },
);

/** What the options of `atalaya logs` mean. */
const fits = (of: Found, asked: LogFilter): boolean =>
  of.labels["system"] === asked.system &&
  (asked.services ?? [of.labels["service"]]).includes(of.labels["service"]!) &&
  (asked.level === undefined ||
    (LOG_LEVELS.slice(0, LOG_LEVELS.indexOf(asked.level) + 1) as string[]).includes(
      of.labels["level"]!,
    )) &&
  of.line.includes(asked.grep ?? "") &&
  Object.entries({
    session_id: asked.session,
    user: asked.user,
    request_id: asked.request,
  }).every(([name, wanted]) => wanted === undefined || (of.attributes[name] ?? "") === wanted);

test("it gives what was asked for, whatever is typed", () => {
  fc.assert(
    fc.property(found, filter, (of, asked) => {
      expect(understand(logql(asked))(of)).toBe(fits(of, asked));
    }),
    { numRuns: 2_000 },
  );
  const of: Found = { labels: { system: "pronto" }, attributes: {}, line: "" };
  expect(understand(logql({}))(of)).toBe(true);
});

test("an attribute is no label", () => {
  const of: Found = { labels: { system: "pronto" }, attributes: { user: "ana" }, line: "" };
  expect(understand('{user="ana", system="pronto"}')(of)).toBe(false);
  expect(understand('{system="pronto"} | user="ana"')(of)).toBe(true);
});

test.each([
  "",
  "{}",
  '{system=""}',
  '{system=~".*"}',
  '{system!="pronto"}',
  '{system="pronto"} != "a"',
  '{system="pronto"} |~ "a"',
  '{system="pronto"} | json',
  '{system="pronto"} | user=~"a.*"',
  'rate({system="pronto"}[5m])',
  '{system="pronto"}[5m]',
  "{system=`pronto`}",
  '{system="pronto"',
  '{system="pronto"} |= "a" or "b"',
])("%j is refused", (query) => {
  expect(() => understand(query)).toThrow();
});
