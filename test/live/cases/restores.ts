import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expectCode, type Ran } from "../../support/commands";
import type { Engine } from "../../support/engine";
import { measured } from "../../support/measurements";
import { until } from "../../support/poll";
import type { Workspace } from "../../support/workspace";
import { backupCommands } from "./backup-commands";
import { servedAgain } from "./lost-volume";

/** The stack's backups for these cases. */
export const BACKED_UP = { local: { storage: "1 GiB" }, drill: "daily" };

/** GRUPO_GAD, backed up, on an engine. */
export interface BackedUp {
  readonly stack: Workspace;
  readonly engine: Engine;
  /**
   * Destroys the database's volume with all that is on it, and ends its server.
   * @returns when the server was ended, in milliseconds since 1970
   */
  readonly lose: (db: string) => Promise<number>;
}

/**
 * Restores of a whole system's database by the commands that a person has, and by the engine alone (FV-06, PR-13,
 * GG-03). In this order: each goes on from what the one before left.
 */
export function restores(of: () => BackedUp): void {
  const { backup, done, status } = backupCommands(() => of().stack, "db");

  const container = async (workload: string): Promise<string> => {
    await of().engine.one(workload, 60_000);
    return (await of().engine.ids(workload))[0]!;
  };

  const sql = async (statement: string, workload = "db", database = "grupo_gad"): Promise<string> =>
    (await of().engine.sql(workload, database, statement)).map((row) => row.join("\t")).join("\n");

  const inside = async (workload: string, script: string): Promise<Ran> =>
    of().engine.exec(await of().engine.one(workload), ["bash", "-c", script]);

  const rows = (workload?: string): Promise<string> =>
    sql("SELECT array_agg(n ORDER BY n) FROM p WHERE n < 100", workload);

  /** Waits until everything committed so far is in the repository. */
  const archived = async (): Promise<void> => {
    const segment = await sql("SELECT pg_walfile_name(pg_switch_wal())");
    await until(
      `${segment} is archived`,
      { within: 60_000 },
      async () =>
        (await sql(`SELECT last_archived_wal >= '${segment}' FROM pg_stat_archiver`)) === "t",
    );
  };

  /** Where the stack's own state is copied to. */
  const copies = (): string => join(of().stack.folder, "..", "copies");

  const apiIsWell = async (): Promise<void> => {
    await until("the API is well", { within: 60_000 }, async () =>
      (await of().engine.instances("api")).every(({ well }) => well),
    );
  };

  test("a backup by hand is there, and changes get there", async () => {
    await sql("CREATE TABLE p (n int, at timestamptz DEFAULT clock_timestamp())");
    await done("now", "--type", "full");
    await archived();
    const { continuous, problems, recoveryPoint, repositories } = await status();
    expect({ continuous, problems }).toEqual({ continuous: true, problems: [] });
    expect(repositories[0]!.backups.map(({ type }) => type)).toEqual(["full"]);
    expect(Date.now() - Date.parse(recoveryPoint!)).toBeLessThan(60_000);
  });

  test("a drill by hand passes in a container of its own, and is told of", async () => {
    await sql("INSERT INTO p VALUES (0)");
    await until(
      "the server has written a row",
      { within: 90_000 },
      async () => Number(await sql("SELECT count(*) FROM sentinel", "db", "atalaya")) > 0,
    );
    await archived();
    await done("drill");
    const { repositories, problems } = await status();
    expect(problems).toEqual([]);
    expect(repositories[0]!.drill).toMatchObject({ ok: true });
    measured(`restores on ${of().engine.name}: a drill`, {
      rtoSeconds: repositories[0]!.drill!.rtoSeconds!,
      rpoSeconds: repositories[0]!.drill!.rpoSeconds!,
    });
  });

  test("the clocks start a backup and a drill by their schedules' own lines", async () => {
    const { engine } = of();
    const before = (await status()).repositories[0]!;
    await engine.byTheClock("db-backup-run");
    await engine.byTheClock("db-backup-drill");
    const after = (await status()).repositories[0]!;
    expect(after.backups.length).toBeGreaterThan(before.backups.length);
    expect(after.drill).toMatchObject({ ok: true });
    expect(Date.parse(after.drill!.ended)).toBeGreaterThan(Date.parse(before.drill!.ended));
  });

  test("what cannot be restored is told before anything is made", async () => {
    const before = await of().engine.left();
    for (const [args, expected] of [
      [["--to", "2020-01-01T00:00:00Z"], "its oldest backup ended"],
      [["--to", "2100-01-01T00:00:00Z"], "has not come yet"],
      [["--from", "away"], "there is no repository “away”"],
      [["--set", "20200101-000000F"], "has no backup 20200101-000000F"],
    ] as const) {
      const ran = await backup("restore", ...args);
      expect(ran.code).toBe(1);
      expect(ran.stderr).toContain(expected);
    }
    expect(await of().engine.left()).toEqual(before);
  });

  test("the stack's own state is copied after what changes it, to a folder that has to be there", async () => {
    const { stack } = of();
    stack.configure({ backups: { state: copies() } });
    const refused = await stack.atalaya("up");
    expectCode(refused, 3);
    expect(refused.stderr).toContain(`There is no folder ${copies()}`);
    mkdirSync(copies());
    for (const said of [true, false]) {
      const ran = await stack.atalaya("up");
      expectCode(ran, 0);
      expect(ran.stderr.includes("are copied: ")).toBe(said);
      expect(readdirSync(copies())).toHaveLength(1);
    }
  });

  test("to between two transactions, beside: exactly the first, and nobody notices", async () => {
    await sql("INSERT INTO p VALUES (1)");
    await sleep(1_100);
    const between = new Date(
      await sql(
        "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')",
      ),
    ).toISOString();
    // A recovery point is a whole second, and one before the last of what it stands on was written.
    await sleep(2_100);
    await sql("INSERT INTO p VALUES (2)");
    await archived();
    const before = await Promise.all(["db", "api", "bot", "db-backup"].map(container));
    const begun = Date.now();
    await done("restore", "--to", between, "--yes");
    measured(`restores on ${of().engine.name}: a copy beside`, {
      seconds: Math.round((Date.now() - begun) / 1_000),
    });
    expect(readdirSync(copies())).toHaveLength(2);
    expect(await rows("db-copy-1")).toBe("{0,1}");
    expect(await rows()).toBe("{0,1,2}");
    expect(await Promise.all(["db", "api", "bot", "db-backup"].map(container))).toEqual(before);
  });

  test("lost rows go back from the copy, by what the page of operations says", async () => {
    await sql("DELETE FROM p WHERE n = 1");
    const copied = await inside(
      "db-copy-1",
      `psql -XAtq -U postgres -d grupo_gad -c "COPY (SELECT * FROM p WHERE n = 1) TO STDOUT" |
       PGPASSWORD=$(cat "$ADMIN_PASSWORD_FILE") psql -Xq -h db -U postgres -d grupo_gad -c "COPY p FROM STDIN"`,
    );
    expectCode(copied, 0);
    expect(await rows()).toBe("{0,1,2}");
  });

  test("the copy takes the database's place, and the way back is open", async () => {
    const { engine } = of();
    const [api] = await engine.instances("api");
    await done("switch", "--copy", "1", "--yes");
    expect(await rows()).toBe("{0,1}");
    expect(await engine.instances("db-copy-1")).toEqual([]);
    // The same consumers, with the same passwords.
    expect((await engine.instances("api")).map(({ id }) => id)).toContain(api!.id);
    await apiIsWell();
    await sql("INSERT INTO p VALUES (3)");
    await archived();
    await done("now");
    await done("switch", "--copy", "0", "--yes");
    expect(await rows()).toBe("{0,1,2}");
    await sql("INSERT INTO p VALUES (4)");
    await archived();
    expect((await status()).problems).toEqual([]);
    const refused = await backup("discard", "--copy", "1", "--yes");
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("ran on copy 1");
  });

  test("a file that does not know of the restore is refused, and the database stays as it is", async () => {
    const { engine, stack } = of();
    const known = readFileSync(stack.configFile, "utf8");
    const before = await engine.ids("db");
    stack.configure({ backups: { restored: undefined } });
    try {
      for (const command of ["up", "preview"] as const) {
        const refused = await stack.atalaya(command);
        expectCode(refused, 2);
        expect(refused.stderr).toContain("grupo-gad/db was restored and ran on copy 1");
      }
    } finally {
      writeFileSync(stack.configFile, known);
    }
    expect(await engine.ids("db")).toEqual(before);
  });

  test("a restore that fails before the cut leaves the database alone, and is taken away by one command", async () => {
    const { engine } = of();
    const before = await engine.ids("db");
    const ran = await backup("restore", "--serve", "--to-name", "nobody-gave-it", "--yes");
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(/backup discard .* --copy 2/);
    expect(await engine.ids("db")).toEqual(before);
    await done("discard", "--copy", "2", "--yes");
    expect(await rows()).toBe("{0,1,2,4}");
    expect(await engine.ids("db")).toEqual(before);
  });

  test("the volume is lost under writes every 100 ms: all is back up to the recovery point", async () => {
    const { engine, lose } = of();
    const writing = inside(
      "db",
      `i=1000; while psql -Xq -U postgres -d grupo_gad -c "INSERT INTO p VALUES ($i)"; do i=$((i + 1)); sleep 0.1; done`,
    );
    await sleep(70_000);
    const { recoveryPoint } = await status();
    const known = Number(await sql(`SELECT max(n) FROM p WHERE at < '${recoveryPoint}'`));
    const killed = await lose(await engine.one("db"));
    await writing;
    // Consumers have their rows before the command is done: it makes the new history's first backup after that.
    const served = servedAgain(killed, () => sql("SELECT max(n) FROM p"));
    await Promise.all([done("restore", "--serve", "--yes"), served]);
    const rto = await served;
    const at = new Date(await sql("SELECT max(at) FROM p")).getTime();
    measured(`restores on ${engine.name}: volume lost, by the command`, {
      rtoSeconds: Math.round(rto / 1_000),
      commandSeconds: Math.round((Date.now() - killed) / 1_000),
      rpoSeconds: Math.round((killed - at) / 1_000),
    });
    // Seen: 28 s on Kubernetes, 41 s on Swarm, beside other work.
    expect(rto).toBeLessThan(60_000);
    expect(Number(await sql("SELECT max(n) FROM p"))).toBeGreaterThanOrEqual(known);
    expect(await sql("SELECT count(*) = max(n) - 999 FROM p WHERE n >= 1000")).toBe("t");
    expect(await rows()).toBe("{0,1,2,4}");
    expect(killed - at).toBeLessThanOrEqual(60_000);
    await apiIsWell();
    await archived();
    expect((await status()).problems).toEqual([]);
    await done("drill");
  });

  test("a second up changes nothing, and no secret was printed", async () => {
    const { stack } = of();
    const again = await stack.operate("up");
    expect(again.changes["create"]).toBeUndefined();
    expect(again.changes["update"]).toBeUndefined();
    const secrets = await stack.output<Record<string, Record<string, string>>>("passwords", true);
    const values = Object.values(secrets["grupo-gad"] ?? {});
    expect(values.length).toBeGreaterThan(10);
    for (const value of values) expect(stack.transcript.includes(value)).toBe(false);
  });
}
