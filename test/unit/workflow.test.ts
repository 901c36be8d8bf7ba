import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

interface Job {
  readonly if?: string;
  readonly environment?: string;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly "timeout-minutes"?: number;
  readonly steps: readonly {
    readonly uses?: string;
    readonly run?: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly with?: Readonly<Record<string, unknown>>;
  }[];
}

interface Workflow {
  readonly on: unknown;
  readonly permissions: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

const ROOT = join(__dirname, "..", "..");
const FOLDER = join(ROOT, ".github", "workflows");
const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  readonly scripts: Readonly<Record<string, string>>;
};
const workflows = readdirSync(FOLDER).map((name) => {
  const text = readFileSync(join(FOLDER, name), "utf8");
  return { name, text, workflow: parse(text) as Workflow };
});
const jobs = workflows.flatMap(({ workflow }) => Object.entries(workflow.jobs));
const CREDENTIAL = /secrets\.|id-token|environment/;

/** What actionlint, which the suite `checks` runs, has no rule for. */
describe("the workflows of this repository (AT-04, PR-09)", () => {
  test("every action is the commit of a version, which stands beside it", () => {
    const lines = workflows.flatMap(({ text }) => text.split("\n"));
    const uses = lines.filter((line) => /\buses:/.test(line));
    expect(uses.length).toBeGreaterThan(5);
    expect(
      uses.filter((line) => !/uses: [\w.-]+\/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line)),
    ).toEqual([]);
  });

  test("nothing is allowed but reading; no token stays in a checkout", () => {
    for (const { workflow } of workflows) {
      expect(workflow.permissions).toEqual({ contents: "read" });
      // That one would run a stranger's code with our credentials.
      expect(JSON.stringify(workflow.on)).not.toContain("pull_request_target");
    }
    const checkouts = jobs
      .flatMap(([, { steps }]) => steps)
      .filter(({ uses }) => uses?.startsWith("actions/checkout@"));
    expect(checkouts.length).toBe(jobs.length);
    for (const { with: given } of checkouts) expect(given?.["persist-credentials"]).toBe(false);
  });

  test("a fork gets every job that needs no credential, and no other", () => {
    const [withCredential, without] = [true, false].map((wanted) =>
      jobs.filter(([, job]) => CREDENTIAL.test(JSON.stringify(job)) === wanted),
    );
    expect(withCredential!.map(([name]) => name)).toEqual(["preview"]);
    for (const [, job] of withCredential!) {
      expect(job.if).toContain(
        "github.event.pull_request.head.repo.full_name == github.repository",
      );
      expect(job.environment).toBeDefined();
    }
    expect(without!.map(([name]) => name)).toEqual([
      ...["code", "unit", "suites", "repository", "policies", "manifests"],
    ]);
    for (const [, job] of without!) expect(job).not.toHaveProperty("if");
  });

  test.each(jobs)("job %s is scripts of package.json, in bounded time", (_, job) => {
    expect(job["timeout-minutes"]).toBeGreaterThan(0);
    const commands = job.steps.flatMap(({ run }) => run ?? []).join("\n");
    const called = [...commands.matchAll(/\bnpm run (?:--silent )?([\w:]+)/g)].map(
      ([, name]) => name!,
    );
    expect(called.filter((name) => !(name in scripts))).toEqual([]);
    expect([...called, ...(/\bnpm test\b/.test(commands) ? ["test"] : [])]).not.toEqual([]);
  });
});
