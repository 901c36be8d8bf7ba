import { DATABASE_BACKUP } from "../support/shop";
import {
  type BackupChangeOptions,
  discard,
  list,
  restore,
  switchTo,
} from "../../operations/commands/backup";
import { Interrupted, UserError } from "../../operations/errors";
import type { StateResource } from "../../operations/stack/recovery-plan";
import { NOTHING_RESTORED, type Restored, type RestoredCopy } from "../../model/backup";

/** What the stack's file has, and what was written there, in order. */
let restored: Restored;
let written: unknown[];
/** What `up` does. */
let bringUp: () => Promise<void>;
/** What the state has afterwards; undefined where it cannot be read. */
let resources: readonly StateResource[] | undefined;
/** Whether `up` has begun. */
let begun: boolean;
/** What the state has that the stack's file does not know of. */
let forgotten: UserError | undefined;
/** What comes of a command in the schedule's container, and which were asked for. */
let backUp: () => Promise<{ code: number; stdout: string; stderr: string }>;
let asked: (readonly string[])[];
/** Why no container can be asked. */
let away: UserError | undefined;
/** What Pulumi was called with. */
let called: (readonly string[])[];

jest.mock("../../operations/commands/up", () => ({
  bringUp: () => {
    begun = true;
    return bringUp();
  },
}));
jest.mock("../../operations/setup/prepare", () => ({
  checkStackName: () => undefined,
  prepare: () => Promise.resolve({}),
}));
jest.mock("../../operations/stack/copies", () => ({
  ...jest.requireActual<object>("../../operations/stack/copies"),
  refuseForgotten: () => {
    if (forgotten) throw forgotten;
  },
}));
jest.mock("../../operations/setup/described", () => ({
  describedStack: () => ({
    systems: [{ name: "shop", backups: [{ ...DATABASE_BACKUP, restored }] }],
  }),
}));
jest.mock("../../operations/setup/stack-file", () => ({
  configuredPlatform: () => "swarm",
  configuredStateFolder: () => undefined,
  setInStackFile: (_root: string, _stack: string, _path: unknown, value: unknown) =>
    void written.push(value),
}));
jest.mock("../../operations/stack/workspace", () => ({
  openStack: () => Promise.resolve({}),
  deploymentOf: () =>
    begun && resources === undefined
      ? Promise.reject(new Error("away"))
      : Promise.resolve({ resources: resources ?? [] }),
}));
jest.mock("../../operations/process", () => ({
  ...jest.requireActual<object>("../../operations/process"),
  must: (_command: string, args: readonly string[]) => Promise.resolve(void called.push(args)),
}));
jest.mock("../../operations/backup/inside", () => ({
  insideOf: () => (_system: string, _workload: string, command: readonly string[]) =>
    away
      ? Promise.reject(away)
      : Promise.resolve({ code: 0, stdout: command[1] === "info" ? INFO : "", stderr: "" }),
  atOnceOn: () => (_system: string, schedule: string, command: readonly string[]) => {
    asked.push([schedule, ...command]);
    return backUp();
  },
}));

const INFO = JSON.stringify([
  {
    repo: [1, 2].map((key) => ({ key, status: { code: 0, message: "ok" } })),
    archive: [],
    backup: [
      {
        label: "20261123-030000F",
        type: "full",
        error: false,
        database: { "repo-key": 1 },
        timestamp: { start: 1_795_402_340, stop: 1_795_402_344 },
        info: { size: 2 ** 20, repository: { size: 2 ** 18 } },
      },
    ],
  },
]);

const OPTIONS: BackupChangeOptions = { stack: "prod", yes: true };
const copy = (number: number, served = false): RestoredCopy => ({
  ...{ number, target: "latest", from: "local", served },
});

const urn = (type: string, name: string): string => `urn:pulumi:prod::atalaya::${type}::${name}`;
const resource = (type: string, name: string, more: object = {}): StateResource => ({
  ...{ urn: urn(type, name), type },
  ...more,
});
const VOLUME = resource("docker:index/volume:Volume", "shop-volume-db-copy-1-data", {
  protect: true,
});
const CLAIM = resource(
  "kubernetes:core/v1:PersistentVolumeClaim",
  "shop-persistentvolumeclaim-db-copy-1-data",
  { protect: true },
);
const JOB = resource("docker:index/service:Service", "shop-service-db-copy-1-restore-0a1b2c3d4e");
const KUBE_JOB = "shop-job-db-copy-1-restore-0a1b2c3d4e";

beforeEach(() => {
  restored = NOTHING_RESTORED;
  written = [];
  called = [];
  resources = [];
  begun = false;
  forgotten = undefined;
  asked = [];
  backUp = () => Promise.resolve({ code: 0, stdout: "", stderr: "" });
  away = undefined;
  bringUp = () => Promise.resolve();
  jest.spyOn(process.stderr, "write").mockReturnValue(true);
});
afterEach(() => jest.restoreAllMocks());

const failed = async (work: Promise<void>): Promise<UserError> =>
  work.then(
    () => {
      throw new Error("it did not fail");
    },
    (error: unknown) => error as UserError,
  );

describe("a copy that is to serve counts as one that the database ran on from the beginning", () => {
  const SERVED = { serves: 1, copies: { "1": { to: "latest", from: "local", served: true } } };
  const TAKEN_BACK = { serves: 0, copies: { "1": { to: "latest", from: "local" } } };

  beforeEach(() => {
    bringUp = () => {
      expect(written).toEqual([SERVED]);
      return Promise.reject(
        new UserError("The engine rolled back shop-api.", "Correct the cause."),
      );
    };
  });

  test.each<[string, readonly StateResource[] | undefined]>([
    ["where another service failed after the restore", [VOLUME, JOB]],
    ["on Kubernetes as well", [CLAIM, resource("kubernetes:batch/v1:Job", KUBE_JOB)]],
    ["where nobody knows", undefined],
  ])("%s: it stays one, and nobody is told to take it away", async (_, state) => {
    resources = state;
    const { problem, fix } = await failed(restore({ ...OPTIONS, serve: true }));
    expect(problem).toBe("The engine rolled back shop-api.");
    expect(fix).toContain("may run on db-copy-1 by now");
    expect(fix).toContain("`npx atalaya up -s prod` goes on where it stopped");
    expect(fix).toContain("backup now -s prod --system shop --component db");
    expect(fix).not.toMatch(/discard|switch/);
    expect(written).toEqual([SERVED]);
    expect(called).toEqual([]);
  });

  test.each<[string, readonly StateResource[]]>([
    ["its job failed", [VOLUME]],
    [
      "its job failed, on Kubernetes, which keeps it",
      [CLAIM, resource("kubernetes:batch/v1:Job", KUBE_JOB, { initErrors: ["it failed"] })],
    ],
  ])("where %s the database never ran on it, and it can be taken away", async (_, state) => {
    resources = state;
    const { fix } = await failed(restore({ ...OPTIONS, serve: true }));
    expect(fix).toContain(
      "npx atalaya backup discard -s prod --system shop --component db --copy 1",
    );
    expect(fix).not.toContain("switch");
    expect(written).toEqual([SERVED, TAKEN_BACK]);
    // Else Pulumi would refuse to take the volume away.
    expect(called).toEqual([["state", "unprotect", state[0]!.urn, "--yes", "--stack", "prod"]]);
  });

  test("interrupted, nothing is written any more, and not the same command goes on", async () => {
    bringUp = () => Promise.reject(new Interrupted("SIGINT", 2));
    const { fix } = await failed(restore({ ...OPTIONS, serve: true }));
    expect(fix).toContain("`npx atalaya up -s prod` goes on where it stopped");
    expect(written).toEqual([SERVED]);
  });

  test("one beside the database that fails can be taken away at once", async () => {
    bringUp = () => Promise.reject(new UserError("It failed.", "Look."));
    const { fix } = await failed(restore(OPTIONS));
    expect(fix).toContain("backup discard -s prod --system shop --component db --copy 1");
    expect(called).toEqual([]);
  });
});

test("the copy that a database leaves is one that it ran on, whatever the file says of it", async () => {
  restored = { copies: [copy(1)], serves: 1 };
  await switchTo({ ...OPTIONS, copy: 0 });
  expect(written).toEqual([
    { serves: 0, copies: { "1": { to: "latest", from: "local", served: true } } },
  ]);
});

test("a switch goes on by the command that goes on", async () => {
  restored = { copies: [copy(1)], serves: 0, beside: 1 };
  const steps = jest.fn().mockRejectedValue(new UserError("It failed.", "Look."));
  bringUp = steps;
  const first = await failed(switchTo({ ...OPTIONS, copy: 1 }));
  expect(first.fix).toBe("Look.\nRun this again: it goes on where it stopped.");
  steps.mockResolvedValueOnce(undefined);
  const second = await failed(switchTo({ ...OPTIONS, copy: 1 }));
  expect(second.fix).toContain("Look.\n`npx atalaya up -s prod` goes on where it stopped.");
});

test("nobody takes away what the database runs on, marked or not", async () => {
  restored = { copies: [copy(1)], serves: 1 };
  expect((await failed(discard({ ...OPTIONS, copy: 1 }))).problem).toContain("ran on copy 1");
  expect(written).toEqual([]);
});

test("what was to serve and never came to it can be taken away, by what the state says", async () => {
  restored = { copies: [copy(1, true)], serves: 0 };
  resources = [VOLUME, JOB];
  expect((await failed(discard({ ...OPTIONS, copy: 1 }))).problem).toContain("ran on copy 1");
  // Another database's copy of that number is no copy of this one.
  const other = "shop-service-orders-db-copy-1-restore-0a1b2c3d4e";
  resources = [VOLUME, resource("docker:index/service:Service", other)];
  restored = { copies: [copy(1, true)], serves: 1 };
  const { fix } = await failed(discard({ ...OPTIONS, copy: 1 }));
  expect(fix).toContain("switch -s prod --system shop --component db --copy 0 --no-up");
  restored = { copies: [copy(1, true)], serves: 0 };
  await discard({ ...OPTIONS, copy: 1 });
  expect(called).toEqual([["state", "unprotect", VOLUME.urn, "--yes", "--stack", "prod"]]);
  expect(written).toEqual([{ serves: 0, copies: {} }]);
});

test("a file that does not know of an earlier restore is refused before it is changed", async () => {
  forgotten = new UserError("shop/db was restored.", "Take the file.");
  expect(await failed(restore({ ...OPTIONS, serve: true }))).toBe(forgotten);
  restored = { copies: [copy(1)], serves: 0 };
  expect(await failed(switchTo({ ...OPTIONS, copy: 1 }))).toBe(forgotten);
  expect(written).toEqual([]);
});

test("whoever does not wait for the first backup is not told to restore again", async () => {
  backUp = () => Promise.reject(new Interrupted("SIGINT", 2));
  const { fix } = await failed(restore({ ...OPTIONS, serve: true }));
  expect(fix).toContain("It serves already");
  expect(fix).toContain("npx atalaya backup now -s prod --system shop --component db");
});

test.each<[string, typeof backUp]>([
  ["that fails", () => Promise.resolve({ code: 1, stdout: "", stderr: "[055]: offsite" })],
  ["that nobody can make here", () => Promise.reject(new UserError("[055]: offsite", "There."))],
])("a new history without its first backup, %s, is told, and is a failure", async (_, answer) => {
  backUp = answer;
  const said = jest.spyOn(process.stderr, "write");
  try {
    await restore({ ...OPTIONS, serve: true });
    expect(process.exitCode).toBe(1);
    const text = said.mock.calls.map(([line]) => String(line)).join("");
    expect(text).toContain("[055]: offsite");
    expect(text).toContain("may follow another history than the database's");
    expect(text).toContain("`npx atalaya backup now -s prod --system shop --component db`");
    expect(text).toContain("shop/db runs on db-copy-1");
    expect(asked).toEqual([["db-backup-run", "atalaya-backup", "now", "incr"]]);
  } finally {
    process.exitCode = 0;
  }
});

test("who answers for the backups is on another node: said with what to do, not taken for no backup", async () => {
  away = new UserError("No instance of prod-shop-db-backup runs here.", "DOCKER_HOST=ssh://…");
  const reason =
    "db-backup does not answer: No instance of prod-shop-db-backup runs here. DOCKER_HOST";
  expect((await failed(restore(OPTIONS))).fix).toContain(reason);
  const said = jest.spyOn(process.stderr, "write");
  jest.spyOn(process.stdout, "write").mockReturnValue(true);
  try {
    await list(OPTIONS);
    expect(process.exitCode).toBe(1);
    expect(said.mock.calls.map(([line]) => String(line)).join("")).toContain(`shop/db: ${reason}`);
  } finally {
    process.exitCode = 0;
  }
});
