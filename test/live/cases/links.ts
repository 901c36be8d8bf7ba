import { expectCode } from "../../support/commands";
import { measured } from "../../support/measurements";
import { expectNoOrphans } from "../../support/orphans";
import { until } from "../../support/poll";
import type { ConfigPatch } from "../../support/workspace";
import type { Live } from "./context";

/** The program that these cases deploy. */
export const LINKS_PROGRAM = "test/live/programs/links.ts";

/** What a stack of that program begins with. */
export const LINKS_CONFIG: ConfigPatch = { systems: ["links"], links: {} };

/**
 * A small system of its own: database, cache, one consumer that stays and one whose link is added, changed and
 * withdrawn; a schedule; a migration. The first case makes it.
 * @param options.lasting workloads beside the stores that nothing in here may restart
 */
export function links(live: Live, options: { lasting: readonly string[] }): void {
  const configure = (system: object): ConfigPatch => ({ links: system });

  /** Whether a role has a privilege on the table, asked of the database itself. */
  const may = async (role: string, privilege: string): Promise<boolean> => {
    const [row] = await live.engine.sql(
      "db",
      "links",
      `SELECT has_table_privilege('${role}', 'public.items', '${privilege}')`,
    );
    return row?.[0] === "t";
  };
  const roles = async (): Promise<string[]> =>
    (
      await live.engine.sql(
        "db",
        "links",
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'links%' ORDER BY 1",
      )
    ).map(([name]) => name!);
  const cacheUsers = async (): Promise<string> => {
    const container = await live.engine.one("cache");
    const ran = await live.engine.exec(container, ["cat", "/data/users.acl"]);
    if (ran.code !== 0) throw new Error(ran.stderr);
    return ran.stdout;
  };
  const stores = async (): Promise<string[]> => [
    ...(await live.engine.ids("db")),
    ...(await live.engine.ids("cache")),
  ];
  /** Status of what a consumer answers itself, which it takes from the database. */
  const items = (consumer: string): Promise<number> =>
    live.engine.script<number>(
      consumer,
      "return (await fetch('http://127.0.0.1:8000/api/v1/items')).status;",
    );

  test("the first up is killed half way; `atalaya up` finishes it and leaves no orphan (AT-04)", async () => {
    const running = live.stack.startUp();
    // Half way is where the database's own job is under way and nothing that needs it has begun.
    await until("the database's job is being created", { within: 90_000 }, async () =>
      (await live.engine.left()).some((entry) => /^(?:service|Job) .*\bdb-init-/.test(entry)),
    );
    running.signal("SIGKILL");
    expectCode(await running.ended, 137);

    const begun = Date.now();
    const again = await live.stack.atalaya("up");
    expect(`${again.stdout}${again.stderr}`).toContain("was interrupted");
    expectCode(again, 0);
    measured("up after a killed first up", { seconds: (Date.now() - begun) / 1_000 });
    await expectNoOrphans(live.stack, live.engine);
    expectCode(await live.stack.operate("preview", "--expect-no-changes"), 0);
  });

  test("a consumer has a role and an ACL user of its own, with its grants alone (FV-10)", async () => {
    expect(await roles()).toEqual([
      "links_ledger",
      "links_ledger_a",
      "links_ledger_migrate",
      "links_ledger_migrate_a",
      "links_owner",
    ]);
    expect(await may("links_ledger_a", "INSERT")).toBe(true);
    expect(await may("links_ledger_a", "TRUNCATE")).toBe(false);
    expect(await cacheUsers()).toMatch(/^user ledger on /m);
    expect(await cacheUsers()).not.toMatch(/^user reports /m);
  });

  test("an added link brings its role, grants and ACL user; no store is restarted (FV-10)", async () => {
    const before = await stores();
    await live.stack.up(configure({ reports: ["read"] }));
    expect(await may("links_reports_a", "SELECT")).toBe(true);
    expect(await may("links_reports_a", "INSERT")).toBe(false);
    expect(await cacheUsers()).toMatch(/^user reports on .*~reports:\*/m);
    expect(await items("reports")).toBe(200);
    const own = await live.engine.exec(await live.engine.one("reports"), ["ls", "/run/secrets"]);
    expect(own.stdout.trim().split("\n")).toEqual([
      "cache-reports-password",
      "db-reports-password",
    ]);
    expect(await stores()).toEqual(before);
  });

  test("changed grants follow both ways, while the consumer keeps its password (FV-10)", async () => {
    const before = await stores();
    const password = async (): Promise<string> => {
      const file = ["cat", "/run/secrets/db-reports-password"];
      return (await live.engine.exec(await live.engine.one("reports"), file)).stdout;
    };
    const first = await password();
    await live.stack.up(configure({ reports: ["write"] }));
    expect((await password()) === first).toBe(true);
    const answers = await live.engine.script<string[]>(
      "reports",
      `const { Client } = require("pg");
       const client = new Client({ host: process.env.DATABASE_HOST, database: process.env.DATABASE_NAME,
         user: process.env.DATABASE_USER,
         password: require("node:fs").readFileSync(process.env.DATABASE_PASSWORD_FILE, "utf8").trim() });
       await client.connect();
       const say = (text) => client.query(text).then(() => "done", (error) => error.code);
       return [await say("INSERT INTO items (name) VALUES ('by hand')"),
         await say("SELECT count(*) FROM items")];`,
    );
    // 42501: insufficient privilege.
    expect(answers).toEqual(["done", "42501"]);
    expect(await cacheUsers()).toMatch(/^user reports on .*~reports:\*/m);
    expect(await stores()).toEqual(before);
    expectCode(await live.stack.operate("preview", "--refresh", "--expect-no-changes"), 0);
  });

  test("a withdrawn link takes role, login and ACL user with it (FV-10)", async () => {
    const before = await stores();
    const passwords = await live.stack.output<{ links: Record<string, string> }>("passwords", true);
    await live.stack.up(configure({ reports: undefined }));
    expect((await roles()).filter((role) => role.includes("reports"))).toEqual([]);
    expect(await cacheUsers()).not.toMatch(/^user reports /m);
    expect(await stores()).toEqual(before);
    // Its secrets, its account, its way through the network.
    await until("nothing of it is left", { within: 15_000 }, async () =>
      (await live.engine.left()).every((entry) => !entry.includes("reports")),
    );
    // Asked from where the way is open: the name and the password alone must not help.
    const code = await live.engine.script<string>(
      "ledger",
      `const { Client } = require("pg");
       const client = new Client({ host: "db", database: "links", user: "links_reports_a",
         password: ${JSON.stringify(passwords.links["db-reports-password"])} });
       try { await client.connect(); return "in"; } catch (error) { return error.code; }`,
    );
    // 28P01: wrong user or password.
    expect(code).toBe("28P01");
  });

  test("a failing migration fails up with the SQL error and the old version serves on (GG-02)", async () => {
    const before = await live.engine.ids("ledger");
    live.stack.configure(configure({ version: "two", failMigration: true }));
    const failed = await live.stack.operate("up");
    expect(failed.code).not.toBe(0);
    expect(failed.text).toMatch(/table_that_no_migration_makes/);
    measured("a failing migration is told after", { seconds: failed.milliseconds / 1_000 });
    expect(await live.engine.ids("ledger")).toEqual(before);

    // Without a change the next up tries again, instead of saying that there is nothing to do. The
    // command does not wait for the time of a job that has failed already.
    const again = await live.stack.atalaya("up");
    expect(again.code).toBe(1);
    expect(`${again.stdout}${again.stderr}`).toMatch(/table_that_no_migration_makes/);
    measured("a failing migration is told by atalaya up after", {
      seconds: Math.round(again.milliseconds / 1_000),
    });
    expect(await live.engine.ids("ledger")).toEqual(before);

    await live.stack.up(configure({ failMigration: false }));
    await live.engine.settled("ledger", 1);
    expect(await live.engine.ids("ledger")).not.toEqual(before);
    await expectNoOrphans(live.stack, live.engine);
  });

  test("a container over its memory limit dies alone; its service is whole again (PR-08)", async () => {
    const others = async (): Promise<string[]> => [
      ...(await stores()),
      ...(await Promise.all(options.lasting.map((name) => live.engine.ids(name)))).flat(),
    ];
    const before = await others();
    const [victim] = await live.engine.instances("ledger");
    const eaten = await live.engine.exec(victim!.target, [
      ...["curl", "-sS", "-m", "60", "-X", "POST"],
      "http://127.0.0.1:8000/test/eat-memory?mib=1024",
    ]);
    expect(eaten.code).not.toBe(0);
    const { value: ended } = await until("the container is dead", { within: 30_000 }, () =>
      live.engine.ended(victim!),
    );
    expect(ended).toEqual({ outOfMemory: true, exitCode: 137 });
    measured("a container over its memory limit", {
      serviceWholeAfterMs: await live.engine.settled("ledger", 1),
    });
    expect(await others()).toEqual(before);
  });

  test("a schedule runs by the clock (AT-02)", async () => {
    const count = async (): Promise<number> => {
      const [row] = await live.engine.sql(
        "db",
        "links",
        "SELECT count(*) FROM items WHERE name = 'it''s a tick'",
      );
      return Number(row?.[0]);
    };
    const { value } = await until("a tick", { within: 75_000, every: 2_000 }, async () => {
      const ticks = await count();
      return ticks > 0 && ticks;
    });
    expect(value).toBeGreaterThan(0);
  });
}
