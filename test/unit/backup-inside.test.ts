import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { atOnceOn, insideOf } from "../../operations/backup/inside";

/** Of the stack's configuration. */
let platform = "swarm";
let engine: string | undefined;
jest.mock("../../operations/setup/stack-file", () => ({
  configuredPlatform: () => platform,
  configuredEngine: () => engine,
  readStackFile: () => ({}),
}));

/** Waits of this many milliseconds were asked for; none is waited for. */
const waits: number[] = [];
jest.mock("node:timers/promises", () => ({
  setTimeout: (wait: number) => Promise.resolve(waits.push(wait)),
}));

/** What a person is told. */
const said: string[] = [];
jest.mock("../../operations/output", () => ({ say: (line: string) => void said.push(line) }));

/** Commands of `atalaya backup` run where a stack's containers are. */
describe("on a Swarm", () => {
  const folder = mkdtempSync(join(tmpdir(), "atalaya-inside-"));
  const { PATH, DOCKER_HOST } = process.env;

  beforeAll(() => {
    // Only the engine "ssh://volumes" and the one of no address run a container.
    const file = join(folder, "docker");
    writeFileSync(
      file,
      `#!/bin/sh
case "$1 \${DOCKER_HOST-none}" in
  "ps ssh://volumes" | "ps none") echo c1 ;;
  "ps ssh://away") exit 7 ;;
  exec*) echo "$2 on \${DOCKER_HOST-none}: $3" ;;
esac
`,
    );
    chmodSync(file, 0o755);
    process.env.PATH = `${folder}${delimiter}${PATH}`;
  });
  afterAll(() => {
    process.env.PATH = PATH;
    if (DOCKER_HOST === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = DOCKER_HOST;
    rmSync(folder, { recursive: true });
  });

  test.each([
    ["this machine's", undefined, undefined, "none"],
    ["the one that somebody names", undefined, "ssh://volumes", "ssh://volumes"],
    ["the stack's", "ssh://volumes", undefined, "ssh://volumes"],
    ["the stack's, whichever else is named", "ssh://volumes", "ssh://manager", "ssh://volumes"],
    ["the node that is named beside it", "ssh://manager", "ssh://volumes", "ssh://volumes"],
  ])("engine: %s", async (_, own, named, expected) => {
    engine = own;
    if (named === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = named;
    const { stdout } = await insideOf("dev")("shop", "db-backup", ["atalaya-backup"]);
    expect(stdout).toBe(`c1 on ${expected}: atalaya-backup\n`);
  });

  test("what runs nowhere is told with what to do, an engine's own failure as it is", async () => {
    delete process.env.DOCKER_HOST;
    engine = "ssh://manager";
    await expect(insideOf("dev")("shop", "db-backup", [])).rejects.toThrow(
      "No instance of dev-shop-db-backup runs on this engine.",
    );
    engine = "ssh://away";
    expect((await insideOf("dev")("shop", "db-backup", [])).code).toBe(7);
  });
});

/** A schedule at once, as a job made of it. */
describe("on Kubernetes", () => {
  const folder = mkdtempSync(join(tmpdir(), "atalaya-inside-"));
  const { PATH } = process.env;
  beforeAll(() => {
    platform = "kubernetes";
    process.env.PATH = `${folder}${delimiter}${PATH}`;
  });
  beforeEach(() => {
    waits.length = 0;
    said.length = 0;
    pods = [];
    events = [];
  });
  afterAll(() => {
    process.env.PATH = PATH;
    rmSync(folder, { recursive: true });
  });

  /** What the cluster has of the job, beside it. */
  let pods: readonly object[] = [];
  let events: readonly object[] = [];

  /**
   * Runs a schedule; kubectl gives these answers when it is asked for the job, the last one ever after.
   * @returns what came of it, and what kubectl was called with
   */
  async function ran(
    schedule: string,
    ...answers: readonly string[]
  ): Promise<{ code: number; stderr: string; lines: string[]; calls: string[][]; made: string }> {
    const log = join(folder, "calls");
    const made = join(folder, "made");
    writeFileSync(log, "");
    const looks = answers.map(
      (answer, i) => `${i === answers.length - 1 ? "*" : i + 1}) ${answer} ;;`,
    );
    const file = join(folder, "kubectl");
    writeFileSync(
      file,
      `#!/bin/sh
echo "$@" >>"${log}"
case "$*" in
  *" get job "*)
    case $(grep -c " get job " "${log}") in
      ${looks.join("\n      ")}
    esac ;;
  *" get pods "*) echo '${JSON.stringify({ items: pods })}' ;;
  *" get events "*) echo '${JSON.stringify({ items: events })}' ;;
  *" --dry-run=client "*) echo '${JSON.stringify(JOB)}' ;;
  *" create "*) cat >"${made}" ;;
  *" logs "*) printf 'one\\ntwo\\n' ;;
esac
`,
    );
    chmodSync(file, 0o755);
    const lines: string[] = [];
    const command = ["atalaya-backup", "it's now"];
    const run = atOnceOn("prod")("shop", schedule, command, (line) => lines.push(line));
    const { code, stderr } = await run;
    const calls = readFileSync(log, "utf8").trim().split("\n");
    return {
      code,
      stderr,
      lines,
      calls: calls.map((call) => call.split(" ")),
      made: readFileSync(made, "utf8"),
    };
  }

  /** As kubectl draws it from the schedule. */
  const JOB = {
    kind: "Job",
    spec: { template: { spec: { containers: [{ name: "c", command: ["run"], env: [1] }] } } },
  };

  const RUNS = 'echo \'{"status":{"active":1}}\'';
  const DONE = 'echo \'{"status":{"succeeded":1}}\'';
  const FAILED = 'echo \'{"status":{"failed":1}}\'';
  const AWAY = "exit 7";

  test.each([
    ["done", [RUNS, RUNS, DONE], 0, 2],
    ["failed", [FAILED], 1, 0],
    ["done while the cluster was away for a moment", [RUNS, AWAY, AWAY, RUNS, DONE], 0, 4],
  ])("%s: its lines, its code, and the job is taken away", async (_, answers, code, looked) => {
    const found = await ran("db-backup-run", ...answers);
    expect(found).toMatchObject({ code, lines: ["one", "two"] });
    expect(waits).toEqual(new Array(looked).fill(2_000));
    expect(found.calls.at(-1)).toContain("delete");
  });

  test("a cluster that stays away is told as it is, after half a minute", async () => {
    const found = await ran("db-backup-run", RUNS, AWAY);
    expect(found).toMatchObject({ code: 7, lines: [] });
    expect(waits).toHaveLength(1 + 15);
    expect(found.calls.at(-1)).toContain("delete");
  });

  const pending = (status: object): object => ({ status: { phase: "Pending", ...status } });

  test.each<[string, readonly object[], readonly object[], string]>([
    [
      "no room",
      [
        pending({
          conditions: [
            { type: "PodScheduled", status: "False", message: "0/3 nodes: Insufficient memory" },
          ],
        }),
      ],
      [],
      "not scheduled: 0/3 nodes: Insufficient memory",
    ],
    [
      "no image",
      [
        pending({
          containerStatuses: [
            {
              ready: true,
              restartCount: 0,
              state: { waiting: { reason: "ErrImagePull", message: "401" } },
            },
          ],
        }),
      ],
      [],
      "ErrImagePull; 401",
    ],
    [
      "no pod, by the quota",
      [],
      [{ message: "one" }, { message: "exceeded quota: shop" }],
      "exceeded quota: shop",
    ],
    ["no pod, and nobody knows why", [], [], "it has no pod"],
  ])("one that does not start is told of after half a minute, once: %s", async (_, of, on, why) => {
    [pods, events] = [of, on];
    const { code } = await ran("db-backup-run", ...new Array<string>(31).fill(RUNS), DONE);
    expect(code).toBe(0);
    expect(said).toEqual([expect.stringMatching(/^db-backup-run-now-\w+ has not started yet: /)]);
    expect(said[0]).toContain(why);
    said.length = 0;
    await ran("db-backup-run", ...new Array<string>(14).fill(RUNS), DONE);
    expect(said).toEqual([]);
  });

  test("one that runs for long is let run, and nothing is told", async () => {
    pods = [{ status: { phase: "Running" } }];
    await ran("db-backup-run", ...new Array<string>(31).fill(RUNS), DONE);
    expect(said).toEqual([]);
  });

  test("one whose time is over has failed, also where it never had a pod", async () => {
    const message = "Job was active longer than specified deadline";
    const late = {
      status: { conditions: [{ type: "Failed", reason: "DeadlineExceeded", message }] },
    };
    const found = await ran("db-backup-run", RUNS, `echo '${JSON.stringify(late)}'`);
    expect(found).toMatchObject({ code: 1, stderr: message });
  });

  test("the job is as the schedule has it, but for what it runs", async () => {
    const { made } = await ran("db-backup-run", DONE);
    const container = { name: "c", command: ["atalaya-backup", "it's now"], env: [1] };
    expect(JSON.parse(made)).toEqual({
      ...JOB,
      spec: { template: { spec: { containers: [container] } } },
    });
  });

  test("a job's name is a name, however long that of its schedule is, and nobody else's", async () => {
    // The longest that a CronJob may have.
    const schedule = `${"a".repeat(48)}-run`;
    const names = new Set<string>();
    for (let i = 0; i < 3; i += 1) {
      const { calls } = await ran(schedule, DONE);
      // All but the one that makes it, from what was drawn.
      const used = calls.flatMap((call) => call.find((word) => word.includes("-now-")) ?? []);
      expect(used).toHaveLength(calls.length - 1);
      expect(new Set(used.map((name) => name.replace("job/", ""))).size).toBe(1);
      names.add(used[0]!);
    }
    expect(names.size).toBe(3);
    for (const name of names) expect(name).toMatch(/^(?=.{1,63}$)[a-z][a-z0-9-]*[a-z0-9]$/);
  });
});
