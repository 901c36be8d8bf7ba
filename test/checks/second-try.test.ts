import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  countsOf,
  failuresOf,
  filesThatFailed,
  type JestResults,
  unsteadyOf,
} from "../../operations/testing/results";
import { SECOND_TRY } from "../../operations/testing/suites";
import { root } from "../../operations/project";
import { run } from "../support/commands";

/** What `atalaya test --retry` has a slow suite do, by a real run of jest with that suite's own configuration (AT-04). */
jest.setTimeout(120_000);

const folder = mkdtempSync(join(tmpdir(), "atalaya-second-try-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Cases that write down that they ran; those named `late` pass at their second try. */
const CASES = `
  const { appendFileSync } = require("node:fs");
  const { noSecondTry } = require(${JSON.stringify(join(root, "test", "support", "second-try"))});
  const tried = {};
  const name = (of, late, never) => test(of, () => {
    appendFileSync(${JSON.stringify(join(folder, "ran"))}, of + "\\n");
    tried[of] = (tried[of] ?? 0) + 1;
    if (never || (late && tried[of] < 2)) throw new Error(of + " met a machine that stood still");
  });
  describe("one system", () => {
    name("first");
    name("late", true);
    describe("whose cases see what the first try did", () => {
      noSecondTry();
      name("once", true);
    });
    name("never", true, true);
    describe("inner", () => name("late too", true));
  });
  describe("without its set-up", () => {
    beforeAll(() => { throw new Error("no set-up"); });
    name("not run");
  });
`;

interface Project {
  readonly displayName: string;
  readonly setupFilesAfterEnv?: readonly string[];
}

const projects = (): readonly Project[] =>
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  (require(join(root, "jest.config.js")) as { projects: Project[] }).projects;

/** Runs the cases as those of the live suite. @returns what jest says, and the names of what ran in that order */
async function runLive(env: NodeJS.ProcessEnv): Promise<[JestResults, string[]]> {
  writeFileSync(join(folder, "cases.test.js"), CASES);
  writeFileSync(join(folder, "ran"), "");
  const live = projects().find(({ displayName }) => displayName === "live");
  const here = { rootDir: root, roots: [folder], testMatch: [join(folder, "*.test.js")] };
  const file = join(folder, "results.json");
  const jest = join(root, "node_modules", "jest", "bin", "jest.js");
  const config = JSON.stringify({ ...live, ...here });
  await run(process.execPath, [jest, "--config", config, "--json", `--outputFile=${file}`], {
    cwd: root,
    env: { ...process.env, FORCE_COLOR: "0", ...env },
  });
  const ran = readFileSync(join(folder, "ran"), "utf8").trim().split("\n");
  return [JSON.parse(readFileSync(file, "utf8")) as JestResults, ran];
}

test("a case that fails is tried once more at once, before those that build on it", async () => {
  const [results, ran] = await runLive({ [SECOND_TRY]: "1" });
  expect(ran).toEqual([
    ...["first", "late", "late", "once", "never", "never", "late too", "late too"],
  ]);
  expect(countsOf(results)).toMatchObject({ passed: 3, failed: 3 });
  expect(unsteadyOf(results).map((line) => line.split("\n").slice(0, 2))).toEqual([
    ["one system late", "  Error: late met a machine that stood still"],
    ["one system inner late too", "  Error: late too met a machine that stood still"],
  ]);
  expect(failuresOf(results).map((line) => line.split("\n")[0])).toEqual([
    "one system whose cases see what the first try did once",
    "one system never",
    "without its set-up not run",
  ]);
  // What is left to the second run of the file.
  expect(filesThatFailed(results)).toEqual([join(folder, "cases.test.js")]);
});

test("nothing is tried again without --retry, nor in a suite that is quick", async () => {
  const [results, ran] = await runLive({ [SECOND_TRY]: undefined });
  expect(ran).toEqual(["first", "late", "once", "never", "late too"]);
  expect(countsOf(results)).toMatchObject({ passed: 1, failed: 5 });
  expect(unsteadyOf(results)).toEqual([]);
  const slow = projects().filter(({ setupFilesAfterEnv = [] }) =>
    setupFilesAfterEnv.some((file) => file.endsWith("/second-try.ts")),
  );
  expect(slow.map(({ displayName }) => displayName)).toEqual(["live", "cluster"]);
});
