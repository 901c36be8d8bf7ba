import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUILD_MS, versitygw } from "../manifests/tools";
import { selfSigned } from "../support/certificates";
import { type Running, start } from "../support/commands";
import { describeInTime } from "../support/deadline";
import { measured } from "../support/measurements";
import type { Asked } from "../support/panels";
import { until } from "../support/poll";
import { Prometheus } from "../support/prometheus";
import { hostAddress, Swarm } from "../support/swarm";
import { freePorts, Workspace } from "../support/workspace";
import { backupCommands } from "./cases/backup-commands";
import { answered } from "./cases/dashboards";
import { loseDatabase, servedAgain } from "./cases/lost-volume";

jest.setTimeout(600_000);

/** A value that stands in each row: to be found nowhere but there. */
const ROW = `row-${randomBytes(12).toString("hex")}`;

/** A bucket on an S3 server of its own, which runs on this machine and keeps objects as files. */
class Bucket {
  readonly accessKey = `access${randomBytes(8).toString("hex")}`;
  readonly secretKey = randomBytes(20).toString("hex");
  private server: Running | undefined;

  constructor(
    readonly name: string,
    private readonly folder: string,
    private readonly program: string,
    readonly host: string,
    readonly port: number,
    private readonly certificate: string,
    key: string,
  ) {
    this.empty();
    writeFileSync(this.file("crt"), certificate);
    writeFileSync(this.file("key"), key, { mode: 0o600 });
  }

  /** As a stack's configuration names it, its keys aside. */
  get configuration(): object {
    const { host: endpoint, port, name, certificate: authority } = this;
    return { endpoint, port, bucket: `copies-${name}`, region: "here", pathStyle: true, authority };
  }

  get objects(): string {
    return join(this.folder, "objects", `copies-${this.name}`);
  }

  start(): void {
    this.server = start(
      this.program,
      [
        ...["--port", `${this.host}:${this.port}`, "--region", "here"],
        ...["--cert", this.file("crt"), "--key", this.file("key")],
        ...["posix", "--sidecar", this.file("meta"), this.file("objects")],
      ],
      {
        env: {
          ...process.env,
          ROOT_ACCESS_KEY: this.accessKey,
          ROOT_SECRET_KEY: this.secretKey,
        },
        timeoutMs: 3_600_000,
      },
    );
  }

  async stop(): Promise<void> {
    this.server?.signal("SIGKILL");
    await this.server?.ended;
  }

  /** As new, whatever it had. */
  empty(): void {
    for (const part of ["objects", "meta"]) {
      rmSync(this.file(part), { recursive: true, force: true });
    }
    mkdirSync(this.objects, { recursive: true });
    mkdirSync(this.file("meta"));
  }

  /** Paths of all objects. */
  names(): string[] {
    return readdirSync(this.objects, { recursive: true, encoding: "utf8" });
  }

  /** Everything that is in it, as one text. */
  content(): string {
    return readdirSync(this.objects, { recursive: true, withFileTypes: true, encoding: "utf8" })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"))
      .join("\n");
  }

  private file(name: string): string {
    return join(this.folder, name);
  }
}

/** A whole stack whose database is copied to two places off the machine's volumes (FV-06, PR-13, GG-03). */
describeInTime("GRUPO_GAD backed up to two buckets", 22, () => {
  const folder = mkdtempSync(join(tmpdir(), "atalaya-buckets-"));
  let near: Bucket;
  let far: Bucket;
  let stack: Workspace;
  let engine: Swarm;
  let prometheus: Prometheus;
  const { backup, done, status } = backupCommands(() => stack, "db");

  const sql = async (statement: string): Promise<string> =>
    (await engine.sql("db", "grupo_gad", statement)).map((row) => row.join("\t")).join("\n");

  /** Finishes a segment of WAL. @returns its name */
  const finished = (): Promise<string> => sql("SELECT pg_walfile_name(pg_switch_wal())");

  const holds = (of: Bucket, segment: string): boolean =>
    of.names().some((name) => name.includes("/archive/db/") && name.includes(segment));

  const inBoth = (segment: string, within = 60_000): Promise<unknown> =>
    until(`${segment} is in both buckets`, { within }, () =>
      Promise.resolve([near, far].every((of) => holds(of, segment))),
    );

  beforeAll(async () => {
    const program = await versitygw();
    const host = hostAddress();
    const [http, https, ...ports] = await freePorts(4);
    [near, far] = await Promise.all(
      ["near", "far"].map(async (name, i) => {
        const { certificate, key } = await selfSigned(host);
        const own = join(folder, name);
        return new Bucket(name, own, program, host, ports[i]!, certificate, key);
      }) as [Promise<Bucket>, Promise<Bucket>],
    );
    stack = await Workspace.create({
      config: {
        "grupo-gad": { ports: { http, https }, testHooks: true },
        backups: { s3: { near: near.configuration, far: far.configuration }, drill: "daily" },
        monitoring: "lean",
        observability: { interval: "15 s" },
      },
    });
    engine = new Swarm(stack.stack, "grupo-gad");
    prometheus = new Prometheus(new Swarm(stack.stack, "observability"));
    await stack.setSecret("grupo-gad.secrets.secretKey", randomBytes(32).toString("base64url"));
    for (const { name, accessKey, secretKey } of [near, far]) {
      await stack.setSecret(`backups.s3.${name}.accessKey`, accessKey);
      await stack.setSecret(`backups.s3.${name}.secretKey`, secretKey);
    }
    near.start();
    far.start();
    await stack.up();
  }, BUILD_MS + 600_000);

  afterAll(async () => {
    await stack?.remove();
    await near?.stop();
    await far?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("a backup by hand is in both, and changes get there by themselves", async () => {
    await sql("CREATE TABLE p (n int, what text, at timestamptz DEFAULT clock_timestamp())");
    await sql(`INSERT INTO p VALUES (0, '${ROW}')`);
    await done("now", "--type", "full");
    await inBoth(await finished());
    const { continuous, problems, repositories } = await status();
    expect({ continuous, problems }).toEqual({ continuous: true, problems: [] });
    expect(repositories.map(({ name }) => name).sort()).toEqual(["far", "near"]);
    for (const { backups } of repositories) {
      expect(backups.map(({ type }) => type)).toEqual(["full"]);
    }
  });

  test("the clock of the schedule starts a backup by the schedule's own line, and it gets to both", async () => {
    const counts = async (): Promise<number[]> =>
      (await status()).repositories.map(({ backups }) => backups.length);
    const before = await counts();
    const printed = await engine.byTheClock("db-backup-run");
    expect(printed).toContain("near: done");
    expect(printed).toContain("far: done");
    expect(printed).not.toContain("error running command");
    (await counts()).forEach((count, i) => expect(count).toBeGreaterThan(before[i]!));
  });

  test("the clock of the drills restores from both, checks it and tells", async () => {
    const begun = Date.now();
    await engine.byTheClock("db-backup-drill");
    const { repositories, problems } = await status();
    expect(problems).toEqual([]);
    expect(repositories).toHaveLength(2);
    for (const { drill } of repositories) {
      expect(drill).toMatchObject({ ok: true });
      expect(Date.parse(drill!.ended)).toBeGreaterThan(begun);
      expect(drill!.rtoSeconds).toBeLessThan(60);
    }
  });

  test("a drill that fails is told of, until one has passed again", async () => {
    const firing = 'ALERTS{alertname="DrillFailed",component="db",alertstate="firing"}';
    expect(await prometheus.ask(firing)).toEqual([]);
    // It demands rows that are not written yet.
    const failed = await engine.exec(await engine.one("db-backup-drill"), [
      ...["env", "DRILL_RPO=-1", "atalaya-restore", "drill"],
    ]);
    expect(failed.code).toBe(1);
    await until("both are told", { within: 90_000, every: 2_000 }, async () => {
      return (await prometheus.value(`count(${firing})`)) === "2";
    });
    await done("drill");
    await until("the alert is over", { within: 90_000, every: 2_000 }, async () => {
      return (await prometheus.ask(firing)).length === 0;
    });
  });

  test("each question of the panels of backups has an answer, about both (FV-07)", async () => {
    const cache = backupCommands(() => stack, "cache");
    await cache.done("now");
    await cache.done("drill");
    /** A line for each, also of what is empty before a first backup and a first drill. */
    const here = (question: Asked): Asked =>
      question.expr.includes("by (repository)")
        ? { ...question, expr: `count(${question.expr}) == 2`, mayBeEmpty: false }
        : question;
    const questions = await answered({
      ...{ stack, here, dashboard: "kind-backups" },
      ask: (query) => prometheus.ask(query),
    });
    // Of the database and of Redis, what both have in common and what is each one's own.
    expect(questions).toBeGreaterThanOrEqual(8);
  });

  test("one server away: the database notices nothing, the other one gets what is new, and it is told", async () => {
    await near.stop();
    const begun = Date.now();
    await sql(`INSERT INTO p VALUES (1, '${ROW}')`);
    const segment = await finished();
    expect(Date.now() - begun).toBeLessThan(10_000);
    const { milliseconds } = await until(
      "the other one has it",
      // Two rounds of eight tries of ten seconds each, at worst.
      { within: 200_000, every: 1_000 },
      () => Promise.resolve(holds(far, segment)),
    );
    const asked = Date.now();
    const told = await status();
    measured("buckets of a stack: one server away", {
      otherHasItSeconds: Math.round(milliseconds / 1_000),
      statusSeconds: Math.round((Date.now() - asked) / 1_000),
    });
    expect(told.problems.join("\n")).toContain("near");
    expect(told.problems.join("\n")).not.toContain("far:");
    // Somebody is told after ten minutes of it; until then it is pending, about this one alone.
    const own = 'alertname="BackupRepositoryAway",component="db"';
    const pending = `ALERTS{${own},repository="near",alertstate="pending"}`;
    await until("the alert is on its way", { within: 120_000, every: 2_000 }, async () => {
      return (await prometheus.value(pending)) === "1";
    });
    expect(await prometheus.value(`count(ALERTS{${own}})`)).toBe("1");
    near.start();
    await inBoth(segment, 120_000);
    await until("all is well", { within: 90_000, every: 2_000 }, async () => {
      return (await status()).problems.length === 0;
    });
    await until("the alert is over", { within: 90_000, every: 2_000 }, async () => {
      return (await prometheus.ask(`ALERTS{${own}}`)).length === 0;
    });
  });

  test("volume and one bucket lost: all is back from the other, up to the reported point, while it is away", async () => {
    for (let n = 100; n < 200; n++) await sql(`INSERT INTO p VALUES (${n}, '${ROW}')`);
    await inBoth(await finished());
    const { recoveryPoint } = await status();
    const known = Number(await sql(`SELECT max(n) FROM p WHERE at < '${recoveryPoint}'`));
    await near.stop();
    near.empty();
    const killed = await loseDatabase(engine, await engine.one("db"));
    const served = servedAgain(killed, () => sql("SELECT max(n) FROM p"));
    const [{ code, stderr }, rto] = await Promise.all([
      // Which one it takes it finds out by itself.
      backup("restore", "--serve", "--yes"),
      // An empty one takes its place; until then the backup that follows would wait for it for minutes.
      served.finally(() => near.start()),
    ]);
    measured("buckets of a stack: volume and one bucket lost", {
      rtoSeconds: Math.round(rto / 1_000),
      commandSeconds: Math.round((Date.now() - killed) / 1_000),
    });
    expect(rto).toBeLessThan(180_000);
    // It serves; that one repository got no backup of the new history is a failure all the same.
    expect(stderr).toMatch(/near: there is nothing of this database any more/);
    expect(stderr).toMatch(/runs on db-copy-\d/);
    expect(code).toBe(1);
    // The rows of the cases before this one.
    expect(known).toBeGreaterThanOrEqual(1);
    expect(Number(await sql("SELECT max(n) FROM p"))).toBeGreaterThanOrEqual(known);
    expect(await sql("SELECT count(*) FROM p WHERE n >= 100")).toBe("100");
    expect(await sql(`SELECT count(*) FROM p WHERE what <> '${ROW}'`)).toBe("0");
  });

  test("an empty bucket in the place of the lost one takes backups again after one command", async () => {
    const lacking = (await status()).problems;
    expect(lacking.join("\n")).toMatch(/near: missing stanza/);
    await done("prepare");
    await done("now");
    await inBoth(await finished());
    expect((await status()).problems).toEqual([]);
  });

  test("no key and no row is readable in a bucket, a description, a log or what was printed", async () => {
    expect(far.names().length).toBeGreaterThan(10);
    const told = await engine.told();
    const logs = await engine.logs();
    const texts = [
      ...[near, far].map((of) => of.content()),
      ...[...told, ...logs].map(({ text }) => text),
      stack.transcript,
      readFileSync(stack.configFile, "utf8"),
      await stack.pulumi("stack", "export", "--stack", stack.stack),
    ];
    const secrets = [ROW, ...[near, far].flatMap((of) => [of.secretKey, of.accessKey])];
    for (const text of texts) {
      for (const secret of secrets) expect(text.includes(secret)).toBe(false);
    }
    // The search finds what is there.
    expect(await sql("SELECT what FROM p LIMIT 1")).toBe(ROW);
  });

  test("with a wrong key up ends with the server's reason, and the database serves on", async () => {
    const before = await sql("SELECT count(*) FROM p");
    await stack.setSecret("backups.s3.far.secretKey", randomBytes(20).toString("hex"));
    const { code, stdout, stderr } = await stack.atalaya("up");
    expect(code).not.toBe(0);
    expect(`${stdout}${stderr}`).toMatch(/SignatureDoesNotMatch|403/);
    expect(await sql("SELECT count(*) FROM p")).toBe(before);
  });

  test("the right key back, and up goes through, though the failed one left secrets behind", async () => {
    await stack.setSecret("backups.s3.far.secretKey", far.secretKey);
    await stack.up();
    await done("now");
    await inBoth(await finished());
  });
});
