import { expectCode } from "../support/commands";
import { docker, labelled, Swarm } from "../support/swarm";
import { measured } from "../support/measurements";
import { expectNoOrphans } from "../support/orphans";
import { until } from "../support/poll";
import { type ConfigPatch, Workspace } from "../support/workspace";

jest.setTimeout(300_000);

/**
 * A small system of its own (`programs/links.ts`): database, cache, one consumer that stays and one
 * whose link is added, changed and withdrawn; a schedule; a migration.
 */
describe("a system whose links change", () => {
  let stack: Workspace;
  let engine: Swarm;
  const configure = (system: object): ConfigPatch => ({ links: system });

  beforeAll(async () => {
    stack = await Workspace.create({
      main: "test/live/programs/links.ts",
      config: { systems: ["links"], links: {} },
    });
    engine = new Swarm(stack.stack, "links");
  });

  afterAll(async () => {
    await stack?.remove();
  });

  /** Tables on which a role has a privilege, asked of the database itself. */
  const may = async (role: string, privilege: string): Promise<boolean> => {
    const [row] = await engine.sql(
      "db",
      "links",
      `SELECT has_table_privilege('${role}', 'public.items', '${privilege}')`,
    );
    return row?.[0] === "t";
  };
  const roles = async (): Promise<string[]> =>
    (
      await engine.sql(
        "db",
        "links",
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'links%' ORDER BY 1",
      )
    ).map(([name]) => name!);
  const cacheUsers = async (): Promise<string> => {
    const container = await engine.one("cache");
    const ran = await engine.exec(container, ["cat", "/data/users.acl"]);
    if (ran.code !== 0) throw new Error(ran.stderr);
    return ran.stdout;
  };
  const stores = async (): Promise<string[]> => [
    ...(await engine.ids("db")),
    ...(await engine.ids("cache")),
  ];

  test("the first up is killed half way; `atalaya up` finishes it and leaves no orphan (AT-04)", async () => {
    const running = stack.startUp();
    // Half way is where the database's own job is under way and nothing that needs it has begun.
    await until("a service is being created", { within: 90_000 }, async () =>
      (await labelled(stack.stack)).some((entry) => /^service .*-db-init-/.test(entry)),
    );
    running.signal("SIGKILL");
    expectCode(await running.ended, 137);

    const begun = Date.now();
    const again = await stack.atalaya("up");
    expect(`${again.stdout}${again.stderr}`).toContain("was interrupted");
    expectCode(again, 0);
    measured("up after a killed first up", { seconds: (Date.now() - begun) / 1_000 });
    await expectNoOrphans(stack, engine);
    expectCode(await stack.operate("preview", "--expect-no-changes"), 0);
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
    await stack.up(configure({ reports: ["read"] }));
    expect(await may("links_reports_a", "SELECT")).toBe(true);
    expect(await may("links_reports_a", "INSERT")).toBe(false);
    expect(await cacheUsers()).toMatch(/^user reports on .*~reports:\*/m);
    const status = await engine.script<number>(
      "reports",
      "return (await fetch('http://127.0.0.1:8000/api/v1/items')).status;",
    );
    expect(status).toBe(200);
    expect(await stores()).toEqual(before);
  });

  test("changed grants follow, while the consumer keeps its password (FV-10)", async () => {
    const before = await stores();
    await stack.up(configure({ reports: ["read", "write"] }));
    expect(await may("links_reports_a", "INSERT")).toBe(true);
    expect(await may("links_reports_a", "SELECT")).toBe(true);
    const status = await engine.script<number>(
      "reports",
      "return (await fetch('http://127.0.0.1:8000/api/v1/items')).status;",
    );
    expect(status).toBe(200);
    await stack.up(configure({ reports: ["write"] }));
    expect(await may("links_reports_a", "INSERT")).toBe(true);
    expect(await may("links_reports_a", "SELECT")).toBe(false);
    expect(await cacheUsers()).toMatch(/^user reports on .*~reports:\*/m);
    expect(await stores()).toEqual(before);
    expectCode(await stack.operate("preview", "--refresh", "--expect-no-changes"), 0);
  });

  test("a withdrawn link takes role, login and ACL user with it (FV-10)", async () => {
    const before = await stores();
    const passwords = await stack.output<{ links: Record<string, string> }>("passwords", true);
    await stack.up(configure({ reports: undefined }));
    expect((await roles()).filter((role) => role.includes("reports"))).toEqual([]);
    expect(await cacheUsers()).not.toMatch(/^user reports /m);
    expect(await stores()).toEqual(before);
    // Asked from where the way is open: the name and the password alone must not help.
    const code = await engine.script<string>(
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
    const before = await engine.ids("ledger");
    stack.configure(configure({ version: "two", failMigration: true }));
    const failed = await stack.operate("up");
    expect(failed.code).not.toBe(0);
    expect(failed.text).toMatch(/table_that_no_migration_makes/);
    measured("a failing migration is told after", { seconds: failed.milliseconds / 1_000 });
    expect(await engine.ids("ledger")).toEqual(before);

    // Without a change the next up tries again, instead of saying that there is nothing to do. The
    // command does not wait for the time of a job that has failed already.
    const again = await stack.atalaya("up");
    expect(again.code).toBe(1);
    expect(`${again.stdout}${again.stderr}`).toMatch(/table_that_no_migration_makes/);
    measured("a failing migration is told by atalaya up after", {
      seconds: Math.round(again.milliseconds / 1_000),
    });
    expect(await engine.ids("ledger")).toEqual(before);

    await stack.up(configure({ failMigration: false }));
    await engine.settled("ledger", 1);
    expect(await engine.ids("ledger")).not.toEqual(before);
    await expectNoOrphans(stack, engine);
  });

  test("a container over its memory limit dies alone; its service is whole again (PR-08)", async () => {
    const others = async (): Promise<string[]> => [
      ...(await stores()),
      ...(await engine.ids("clock")),
      ...(await engine.ids("clock-tick")),
    ];
    const before = await others();
    const [victim] = await engine.instances("ledger");
    const eaten = await engine.exec(victim!.target, [
      ...["curl", "-sS", "-m", "60", "-X", "POST"],
      "http://127.0.0.1:8000/test/eat-memory?mib=1024",
    ]);
    expect(eaten.code).not.toBe(0);
    const { value: state } = await until("the container is dead", { within: 30_000 }, async () => {
      const now = JSON.parse(
        await docker("inspect", "--format", "{{json .State}}", victim!.target),
      ) as { OOMKilled: boolean; Running: boolean; ExitCode: number };
      return now.Running ? undefined : now;
    });
    expect(state).toMatchObject({ OOMKilled: true, ExitCode: 137 });
    measured("a container over its memory limit", {
      serviceWholeAfterMs: await engine.settled("ledger", 1),
    });
    expect(await others()).toEqual(before);
  });

  test("a schedule runs by the clock (AT-02)", async () => {
    const count = async (): Promise<number> => {
      const [row] = await engine.sql(
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
});
