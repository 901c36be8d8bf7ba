import { listRows, statusOf, statusRows, unlisted } from "../../operations/backup/status";
import type { Backup } from "../../model/backup";
import { DATABASE_BACKUP } from "../support/shop";

/** As pgBackRest 2.45 says it, without what nobody reads. */
const backup = (repository: number, label: string, type: string, stop: number): object => ({
  archive: { start: "000000010000000000000005", stop: "000000010000000000000005" },
  database: { id: 1, "repo-key": repository },
  error: false,
  info: { delta: 23_065_882, repository: { delta: 2_842_560, size: 2_842_560 }, size: 23_065_882 },
  label,
  timestamp: { start: stop - 5, stop },
  type,
});

const FULL = 1_795_402_344;
const INCR = 1_795_402_355;

const info = (more: { backup?: object[]; second?: object } = {}): string =>
  JSON.stringify([
    {
      archive: [
        { database: { id: 1, "repo-key": 1 }, id: "15-1", max: "00000001000000000000003A" },
        { database: { id: 1, "repo-key": 2 }, id: "15-1", max: "000000010000000000000039" },
      ],
      backup: more.backup ?? [
        backup(1, "20261123-025219F", "full", FULL),
        backup(1, "20261123-025219F_20261123-025232I", "incr", INCR),
        backup(2, "20261123-025226F", "full", FULL + 6),
      ],
      name: "db",
      repo: [
        { key: 1, status: { code: 0, message: "ok" } },
        { key: 2, status: more.second ?? { code: 0, message: "ok" } },
      ],
    },
  ]);

/** As the database answers: until when its changes are archived, in seconds since 1970. */
const archived = (at: number, failing = false, { waits = true, up = 9_999 } = {}): string =>
  `{"at" : ${at}, "failing" : ${failing}, "waits" : ${waits}, "up" : ${up}, "timeline" : 1}\n`;

const ARCHIVED = archived(1_795_403_155.514381);

/** As `atalaya-restore drills` prints it. */
const drills = (more: object = {}): string =>
  JSON.stringify([
    {
      repository: "local",
      began: 1_795_402_790,
      ended: 1_795_402_800,
      ok: true,
      passed: 1_795_402_800,
      backup: "20261123-025219F",
      rtoSeconds: 1.495,
      rpoSeconds: 31,
      rows: 14,
      ...more,
    },
  ]);

const problems = (text: string, archiver: string, now: number): readonly string[] =>
  statusOf("shop", DATABASE_BACKUP, text, archiver, now).problems;

test("a database that is well: its newest backups, its WAL and until when it can be restored", () => {
  const status = statusOf("shop", DATABASE_BACKUP, info(), ARCHIVED, INCR + 60, drills());
  expect(status.problems).toEqual([]);
  expect(status.recoveryPoint).toBe("2026-11-23T03:05:55.514Z");
  expect(statusRows([status])).toEqual([
    [
      "shop/db",
      "local (not off-site)",
      "2026-11-23 02:52 incr",
      "2026-11-23 02:52",
      "2.7 MiB",
      "00000001000000000000003A",
      "2026-11-23T03:05:55",
      "2026-11-23 03:00 passed",
    ],
    [
      "shop/db",
      "offsite",
      "2026-11-23 02:52 full",
      "2026-11-23 02:52",
      "2.7 MiB",
      "000000010000000000000039",
      "2026-11-23T03:05:55",
      "none",
    ],
  ]);
  expect(listRows([status]).map((row) => row.slice(1, 4))).toEqual([
    ["local", "20261123-025219F_20261123-025232I", "incr"],
    ["local", "20261123-025219F", "full"],
    ["offsite", "20261123-025226F", "full"],
  ]);
});

test("a backup is late an hour after the next one was due, and not before", () => {
  const due = FULL + 6 + DATABASE_BACKUP.interval + 3_600;
  expect(problems(info(), archived(due), due)).toEqual([]);
  expect(problems(info(), archived(due), due + 1)).toEqual([
    "offsite: the newest backup ended 2026-11-23T02:52:30.000Z",
  ]);
});

test("a repository that cannot be read: its reason on one line, the other one as it is", () => {
  const message =
    "[FormatError] unable to load info file '/var/lib/pgbackrest/backup/db/backup.info'\nFormatError: z&XOLkLV";
  const only = [backup(1, "20261123-025219F", "full", FULL)];
  const text = info({ backup: only, second: { code: 99, message } });
  expect(problems(text, ARCHIVED, FULL)).toEqual([
    "offsite: [FormatError] unable to load info file '/var/lib/pgbackrest/backup/db/backup.info'",
  ]);
});

test("no backup yet, damaged pages, an archiver that fails", () => {
  const damaged = { ...backup(1, "20261123-025219F", "full", FULL), error: true };
  const text = info({ backup: [damaged], second: { code: 2, message: "no valid backups" } });
  expect(problems(text, '{"at":null,"failing":true,"waits":true,"up":60}', FULL)).toEqual([
    "changes do not get to every repository at present",
    "local: pages of the newest backup are damaged",
    "offsite: has no backup yet",
  ]);
});

test("changes are late after five minutes, whether attempts fail or it is only slow", () => {
  const at = INCR + 60;
  expect(problems(info(), archived(at), at + 300)).toEqual([]);
  const late = "changes since 2026-11-23T02:53:35.000Z are not in every repository";
  expect(problems(info(), archived(at), at + 301)).toEqual([late]);
  expect(problems(info(), archived(at, true), at + 301)).toEqual([
    "changes do not get to every repository at present",
    late,
  ]);
});

test("a server that was away has no changes of then: they are late by what it has written since", () => {
  const at = INCR + 60;
  const after = (of: { waits?: boolean; up?: number }): readonly string[] =>
    problems(info(), archived(at, false, of), at + 700);
  expect(after({ waits: false, up: 300 })).toEqual([]);
  expect(after({ waits: false, up: 301 })).toHaveLength(1);
  expect(after({ waits: true, up: 60 })).toHaveLength(1);
});

test.each([
  [
    "nobody answers",
    undefined,
    undefined,
    ["db-backup does not answer", "the database does not answer"],
  ],
  [
    "nonsense",
    "[]",
    "psql: error",
    ["db-backup does not say what it has", "the database does not answer"],
  ],
  ["no JSON at all", "\u0000", ARCHIVED, ["db-backup does not say what it has"]],
])("%s: said, and no recovery point is made up", (_, said, archiver, expected) => {
  const status = statusOf("shop", DATABASE_BACKUP, said, archiver, FULL);
  expect(status.problems).toEqual(expected);
  expect(status.recoveryPoint === undefined).toBe(archiver !== ARCHIVED);
  expect(status.repositories.map(({ backups }) => backups)).toEqual([[], []]);
});

test("a drill that failed, with its reason; one that is late by more than a day", () => {
  const daily = {
    ...DATABASE_BACKUP,
    drill: { schedule: "db-backup-drill", cron: "", interval: 86_400 },
  };
  const at = (now: number, more: object = {}): readonly string[] =>
    statusOf("shop", daily, info(), ARCHIVED, now, drills(more)).problems.filter((problem) =>
      problem.includes("drill"),
    );
  const passed = 1_795_402_800;
  expect(at(passed + 2 * 86_400)).toEqual([]);
  expect(at(passed + 2 * 86_400 + 1)).toEqual([
    "local: the last drill passed 2026-11-23T03:00:00.000Z",
  ]);
  expect(at(passed, { ok: false, reason: "tables or indexes are damaged; see above." })).toEqual([
    "local: the last drill failed: tables or indexes are damaged; see above.",
  ]);
  const [local, offsite] = statusOf("shop", daily, info(), ARCHIVED, passed, drills()).repositories;
  expect(local!.drill).toEqual({
    ok: true,
    ended: "2026-11-23T03:00:00.000Z",
    rtoSeconds: 1.495,
    rpoSeconds: 31,
  });
  expect(offsite!.drill).toBeUndefined();
});

test("a store whose backups are of one moment each is as old as the newest one, where that is oldest", () => {
  const snapshots: Backup = {
    ...DATABASE_BACKUP,
    component: "cache",
    tool: "restic",
    continuous: false,
  };
  const restic = JSON.stringify([
    {
      repo: [
        { key: 1, status: { code: 0, message: "ok" } },
        { key: 2, status: { code: 0, message: "ok" } },
      ],
      archive: [],
      backup: [
        backup(1, "319b880c", "full", FULL),
        backup(1, "c860ad4d", "full", FULL + 14_400),
        { ...backup(2, "d237bfae", "full", FULL + 6), error: true },
      ],
    },
  ]);
  const status = statusOf("shop", snapshots, restic, undefined, FULL + 14_500);
  expect(status.recoveryPoint).toBe(new Date((FULL + 1) * 1_000).toISOString());
  expect(status.problems).toEqual(["offsite: the repository is damaged"]);
  expect(statusRows([status]).map((row) => row[5])).toEqual(["no changes", "no changes"]);
  const without = JSON.stringify([{ repo: [], archive: [], backup: [] }]);
  expect(statusOf("shop", snapshots, without, undefined, FULL)).not.toHaveProperty("recoveryPoint");
});

test("who could not be asked, and a repository that cannot be read, are missing in the list, and said to be", () => {
  const why = "No instance of prod-shop-db-backup runs on this engine. DOCKER_HOST=ssh://…";
  const away = statusOf("shop", DATABASE_BACKUP, undefined, ARCHIVED, FULL, undefined, why);
  expect(away.problems).toEqual([`db-backup does not answer: ${why}`]);
  expect(away.unanswered).toBe(away.problems[0]);
  const second = { code: 99, message: "[FormatError] unable to load" };
  const half = statusOf("shop", DATABASE_BACKUP, info({ second }), ARCHIVED, FULL);
  const well = statusOf("shop", DATABASE_BACKUP, info(), ARCHIVED, FULL);
  expect(well).not.toHaveProperty("unanswered");
  expect(unlisted([away, half, well])).toEqual([
    `shop/db: db-backup does not answer: ${why}`,
    "shop/db: offsite: [FormatError] unable to load",
  ]);
});
