import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { parse } from "yaml";
import {
  alone,
  planRestore,
  restoredConfig,
  rivals,
  type RestoreWish,
  serving,
  withAttempt,
  withCopy,
  without,
} from "../../operations/backup/restore";
import type { BackupEntry, DatabaseStatus, RepositoryStatus } from "../../operations/backup/status";
import { setInStackFile } from "../../operations/setup/stack-file";
import { type Backup, NOTHING_RESTORED, type RestoredCopy } from "../../model/backup";
import { loadConfig } from "../../stack/config";
import { grupoGad } from "../../systems/grupo-gad";
import { DATABASE_BACKUP } from "../support/shop";

const plan: Backup = { ...DATABASE_BACKUP, cron: "17 * * * *", interval: 3_600 };

const backup = (label: string, ended: string, size = 2 ** 25): BackupEntry => ({
  label,
  type: "full",
  started: ended,
  ended,
  size,
  stored: size / 4,
  damaged: false,
});

const OLD = backup("20261120-030000F", "2026-11-20T03:00:00.000Z");
const NEW = backup("20261123-030000F", "2026-11-23T03:00:00.000Z");

const repository = (name: string, of: Partial<RepositoryStatus> = {}): RepositoryStatus => ({
  ...plan.repositories.find((r) => r.name === name)!,
  backups: [OLD, NEW],
  wal: "00000001000000000000003A",
  ...of,
});

const at = (of: Partial<DatabaseStatus> = {}): DatabaseStatus => ({
  system: "shop",
  component: "db",
  continuous: true,
  recoveryPoint: "2026-11-23T10:20:00.000Z",
  timeline: 1,
  repositories: [repository("local"), repository("offsite")],
  problems: [],
  ...of,
});

const NOW = Date.parse("2026-11-23T10:21:00Z");

const wish = (of: RestoreWish, status = at(), for_ = plan): ReturnType<typeof planRestore> =>
  planRestore(for_, status, of, NOW);

/** What is told, or what would be made. */
function told(of: ReturnType<typeof planRestore>): unknown {
  return "copy" in of ? of.copy : of.map(({ problem }) => problem);
}

test("latest, a moment, a restore point: from the first repository, by the newest backup before it", () => {
  const planned = wish({});
  expect(planned).toMatchObject({
    copy: { number: 1, target: "latest", from: "local", served: false },
    begins: { label: NEW.label },
    notes: [],
  });
  expect(wish({ to: "2026-11-23T02:59:59Z" })).toMatchObject({
    copy: { target: { time: "2026-11-23T02:59:59Z" } },
    begins: { label: OLD.label },
  });
  expect(wish({ to: "2026-11-23T04:00:00+01:00" })).toMatchObject({ begins: { label: NEW.label } });
  expect(wish({ toName: "before-migration", from: "offsite" })).toMatchObject({
    copy: { target: { name: "before-migration" }, from: "offsite" },
    notes: [expect.stringContaining("needs --set")],
  });
  expect(told(wish({ set: OLD.label }))).toMatchObject({ set: OLD.label });
});

test.each<[string, RestoreWish, Partial<DatabaseStatus>, string[]]>([
  ["no moment", { to: "yesterday" }, {}, ["--to: “yesterday” is no moment"]],
  ["no zone", { to: "2026-11-23T10:15:00" }, {}, ["--to: “2026-11-23T10:15:00” is no moment"]],
  [
    "no such day",
    { to: "2026-02-30T10:00:00Z" },
    {},
    ["--to: “2026-02-30T10:00:00Z” is no moment: no calendar has 2026-02-30"],
  ],
  [
    "the future",
    { to: "2026-11-24T00:00:00Z" },
    {},
    ["--to: 2026-11-24T00:00:00Z has not come yet"],
  ],
  [
    "after the newest WAL",
    { to: "2026-11-23T10:20:30Z" },
    {},
    [
      "--to: changes are archived up to 2026-11-23T10:20:00.000Z, and 2026-11-23T10:20:30Z is after that",
    ],
  ],
  [
    "before the oldest backup",
    { to: "2026-11-19T00:00:00Z" },
    {},
    [
      "local: its oldest backup ended 2026-11-20T03:00:00.000Z, and 2026-11-19T00:00:00Z is before that",
      "offsite: its oldest backup ended 2026-11-20T03:00:00.000Z, and 2026-11-19T00:00:00Z is before that",
    ],
  ],
  ["no such repository", { from: "away" }, {}, ["--from: there is no repository “away”"]],
  [
    "no such backup",
    { set: "20200101-000000F", from: "local" },
    {},
    ["local: has no backup 20200101-000000F"],
  ],
  [
    "two targets, a name that is none, and a label that is none",
    { to: "latest", toName: "a'b", set: "../x" },
    {},
    [
      "--to and --to-name exclude each other",
      "--to-name: “a'b” is no restore point",
      "--set: “../x” is no backup's label",
      "local: has no backup ../x",
      "offsite: has no backup ../x",
    ],
  ],
  [
    "a repository that is away or has another key, and one that is empty",
    {},
    {
      repositories: [
        repository("local", { backups: [] }),
        repository("offsite", { backups: [], unreadable: "[FormatError] unable to load info" }),
      ],
    },
    ["local: has no backup", "offsite: cannot be read: [FormatError] unable to load info"],
  ],
  [
    "nobody who could say what there is",
    {},
    {
      unanswered: "db-backup does not answer: DOCKER_HOST=ssh://…",
      repositories: [repository("local", { backups: [] })],
    },
    ["db-backup does not answer: DOCKER_HOST=ssh://…"],
  ],
  [
    "a volume that is too small",
    {},
    { repositories: [repository("local", { backups: [backup(NEW.label, NEW.ended, 2 ** 30)] })] },
    ["the volume would have 1024.0 MiB, the database needs 1190.4 MiB"],
  ],
])("%s: told before anything is made", (_, of, status, expected) => {
  expect(told(wish(of, at(status)))).toEqual(expected);
});

test("a repository that is of no use does not keep the other one from being used", () => {
  const away = repository("local", { backups: [], unreadable: "gone" });
  const status = at({ repositories: [away, repository("offsite")] });
  expect(told(wish({}, status))).toMatchObject({ from: "offsite" });
});

test("a database that is away: it can be restored, and what nobody could check is said", () => {
  const { system, component, continuous, repositories, problems } = at();
  const away = { system, component, continuous, repositories, problems };
  expect(wish({ to: "2026-11-23T10:20:30Z" }, away)).toMatchObject({
    copy: { target: { time: "2026-11-23T10:20:30Z" } },
    notes: [expect.stringContaining("does not answer")],
  });
});

test("after a way back the restore follows the database's own history, not the newer one", () => {
  const newer = repository("local", { wal: "000000020000000000000041" });
  expect(told(wish({}, at({ repositories: [newer] })))).toMatchObject({ timeline: 1 });
  expect(told(wish({}, at({ repositories: [newer], timeline: 2 })))).not.toHaveProperty("timeline");
  // Nobody to ask: the newest backup says it.
  const { system, component, continuous, problems } = at();
  const away = (timeline: number): DatabaseStatus => ({
    ...{ system, component, continuous, problems },
    repositories: [{ ...newer, backups: [OLD, { ...NEW, timeline }] }],
  });
  expect(told(wish({}, away(1)))).toMatchObject({ timeline: 1 });
  expect(told(wish({}, away(2)))).not.toHaveProperty("timeline");
});

describe("backups of several histories", () => {
  const on = (timeline: number, time: string): BackupEntry => ({
    ...backup(`20261123-${time.replaceAll(":", "")}F`, `2026-11-23T${time}.000Z`),
    timeline,
  });
  const [nine, ten, eleven] = [on(1, "09:17:00"), on(1, "10:17:00"), on(1, "11:17:00")];
  const second = on(2, "12:06:00");
  const has = (...backups: BackupEntry[]): DatabaseStatus =>
    at({
      timeline: 2,
      recoveryPoint: "2026-11-23T13:00:00.000Z",
      repositories: [repository("local", { backups, wal: "000000020000000000000041" })],
    });
  const one: RestoredCopy = {
    ...{ number: 1, target: { time: "2026-11-23T10:14:59Z" }, from: "local", served: true },
  };
  const switched: Backup = { ...plan, restored: { copies: [one], serves: 1 } };
  const to = (moment: string, status: DatabaseStatus, of = switched, set?: string): unknown =>
    told(
      planRestore(
        of,
        status,
        { to: `2026-11-23T${moment}Z`, ...(set === undefined ? {} : { set }) },
        Date.parse("2026-11-23T13:01:00Z"),
      ),
    );

  test("one of the history that was left is not begun with, where it ended after the fork", () => {
    const all = has(nine, ten, eleven, second);
    expect(to("12:03:00", all)).toMatchObject({ set: nine.label });
    // The newest before the target leads there by itself.
    expect(to("12:30:00", all)).not.toHaveProperty("set");
    expect(to("10:00:00", all)).not.toHaveProperty("set");
    // Whoever names one gets it.
    expect(to("12:03:00", all, switched, eleven.label)).toMatchObject({ set: eleven.label });
    expect(to("12:03:00", has(ten, eleven, second))).toEqual([
      "local: no backup before that leads to the database's own history (timeline 2)",
    ]);
  });

  test("nor one of the history that the database came back from", () => {
    const back: Backup = { ...plan, restored: { copies: [one], serves: 0 } };
    const status = { ...has(nine, eleven, second), timeline: 1 };
    expect(to("12:50:00", status, back)).toMatchObject({ set: eleven.label, timeline: 1 });
  });

  test("where nobody says when they parted, the newest before the target is taken", () => {
    const latest: Backup = {
      ...plan,
      restored: { copies: [{ ...one, target: "latest" }], serves: 1 },
    };
    expect(to("12:03:00", has(nine, eleven, second), latest)).not.toHaveProperty("set");
  });
});

test("of copies that would begin the same history one may serve", () => {
  const copy = (number: number, served = false): RestoredCopy => ({
    ...{ number, target: "latest", from: "local", served },
  });
  expect(rivals({ copies: [copy(1), copy(2)], serves: 0 }, 2)).toEqual([1]);
  expect(rivals({ copies: [copy(1, true), copy(2)], serves: 0 }, 2)).toEqual([]);
  expect(rivals({ copies: [copy(1, true), copy(2)], serves: 0 }, 1)).toEqual([]);
  expect(rivals({ copies: [copy(1), copy(2, true)], serves: 2 }, 0)).toEqual([]);
  // What it runs on began its history long ago.
  expect(rivals({ copies: [copy(1)], serves: 1 }, 2)).toEqual([]);
});

test("what is restored has a number of its own", () => {
  const copy: RestoredCopy = { number: 4, target: "latest", from: "local", served: true };
  const again = wish({}, at(), { ...plan, restored: { copies: [copy], serves: 4 } });
  expect(told(again)).toMatchObject({ number: 5 });
});

describe("what the configuration says afterwards", () => {
  const first: RestoredCopy = { number: 1, target: "latest", from: "local", served: false };

  test("beside, then in the database's place, then the way back; the copy that served stays", () => {
    const beside = withCopy(NOTHING_RESTORED, first, false);
    expect(beside).toEqual({ copies: [first], serves: 0, beside: 1 });
    const served = serving(alone(beside), 1);
    expect(served).toEqual({ copies: [{ ...first, served: true }], serves: 1 });
    expect(serving(served, 0)).toEqual({ copies: [{ ...first, served: true }], serves: 0 });
    // From the beginning: whatever ends it may be too late.
    expect(withCopy(NOTHING_RESTORED, first, true)).toEqual(served);
    expect(withAttempt(NOTHING_RESTORED, first)).toEqual({ copies: [first], serves: 0 });
    expect(serving({ copies: [first], serves: 1 }, 0)).toEqual(serving(served, 0));
    expect(without(beside, 1)).toEqual(NOTHING_RESTORED);
  });

  test("is read back as it was, by what reads the stack's file (property)", () => {
    const copy = fc.record({
      target: fc.oneof(
        fc.constant("latest" as const),
        fc
          .date({ min: new Date(0), max: new Date("2100-01-01"), noInvalidDate: true })
          .map((date) => ({ time: date.toISOString() })),
        fc.stringMatching(/^[A-Za-z0-9][\w.-]{0,62}$/).map((name) => ({ name })),
      ),
      from: fc.constant("local"),
      served: fc.boolean(),
    });
    const folder = mkdtempSync(join(tmpdir(), "atalaya-restored-"));
    const head = "# mine\nconfig:\n  # why\n  atalaya:backups:\n    local: {}\n";
    fc.assert(
      fc.property(fc.array(copy, { minLength: 1, maxLength: 3 }), (copies) => {
        writeFileSync(join(folder, "Pulumi.x.yaml"), head);
        const numbered = copies.map((c, i): RestoredCopy => ({ number: i + 1, ...c }));
        const restored = { copies: numbered, serves: 1 };
        const path = ["atalaya:backups", "restored", "grupo-gad", "db"];
        const undo = setInStackFile(folder, "x", path, restoredConfig(restored));
        const text = readFileSync(join(folder, "Pulumi.x.yaml"), "utf8");
        expect(text).toContain("# mine\n");
        expect(text).toContain("# why\n");
        // A bare moment is no text to Pulumi.
        for (const [, value] of text.matchAll(/to: (.*)/g))
          expect(value).toMatch(/^("\d.*"|latest)$/);
        const { config } = parse(text) as { config: Record<string, unknown> };
        const values = { backups: JSON.stringify(config["atalaya:backups"]) };
        const { backups } = loadConfig({ values, isSecret: () => false }, [grupoGad]);
        expect(backups?.restored).toEqual({ "grupo-gad": { db: restored } });
        undo();
        expect(readFileSync(join(folder, "Pulumi.x.yaml"), "utf8")).toBe(head);
      }),
      { numRuns: 50 },
    );
    rmSync(folder, { recursive: true });
  });
});

describe("a store whose backups are of one moment each", () => {
  const snapshots: Backup = { ...plan, component: "cache", tool: "restic", continuous: false };
  const one = (label: string, started: string): BackupEntry => ({
    ...backup(label, started.replace(":00.", ":04.")),
    started,
  });
  const old = one("319b880c", "2026-11-23T03:17:00.000Z");
  const newer = one("d237bfae", "2026-11-23T07:17:00.000Z");
  const status = at({
    continuous: false,
    repositories: [repository("local", { backups: [old, newer] })],
  });

  test("the backup is all that is restored, so it is named; what came after it is said to be lost", () => {
    expect(wish({}, status, snapshots)).toMatchObject({
      copy: { target: "latest", from: "local", set: "d237bfae" },
      notes: ["as of 2026-11-23T07:17:00.000Z: what changed after that is in no backup"],
    });
  });

  test("a moment leads to the newest backup of before it, however long after it that is", () => {
    const to = (moment: string): unknown => told(wish({ to: moment }, status, snapshots));
    expect(to("2026-11-23T07:16:59Z")).toMatchObject({ set: "319b880c" });
    // It was not over then: what came after may be in it.
    expect(to("2026-11-23T07:17:02Z")).toMatchObject({ set: "319b880c" });
    expect(to("2026-11-23T07:17:04Z")).toMatchObject({ set: "d237bfae" });
    expect(to("2026-11-23T10:20:30Z")).toMatchObject({ set: "d237bfae" });
    expect(to("2026-11-23T03:00:00Z")).toEqual([
      "local: its oldest backup ended 2026-11-23T03:17:04.000Z, and 2026-11-23T03:00:00Z is before that",
    ]);
  });

  test("there are no restore points, and it needs room twice", () => {
    expect(told(wish({ toName: "before" }, status, snapshots))).toEqual([
      "--to-name: only PostgreSQL has restore points",
    ]);
    const large = { ...snapshots, storage: 2 ** 26 };
    expect(told(wish({}, status, large))).toEqual([
      "the volume would have 64.0 MiB, the database needs 128.0 MiB",
    ]);
  });
});
