import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { postgresConf } from "../../components/postgres/conf";
import {
  databaseOptions,
  optionsFile,
  repositoryOptions,
  type StanzaArgs,
} from "../../components/postgres/pgbackrest";
import { imageTag } from "../../images/catalog";
import { ARCHIVER_QUERY } from "../../operations/backup/status";
import { must, type Ran, run } from "../support/commands";
import { Containers, healthy, killIn, labelsIn, mounted } from "../support/containers";
import { describeInTime } from "../support/deadline";
import { measured } from "../support/measurements";
import { until } from "../support/poll";
import { noSecondTry } from "../support/second-try";

/**
 * Backups of a real PostgreSQL by the programs of our image, in plain containers that share a network and
 * nothing else (FV-06, PR-13): what an engine, a disk and a person do to them.
 */
jest.setTimeout(600_000);

const place = new Containers("backups");
const { id } = place;

const image = imageTag("postgres");
const KEY = randomBytes(24).toString("hex");
const LINK = randomBytes(24).toString("hex");
const ADMIN = randomBytes(16).toString("hex");
/** A value that stands in a row: to be found nowhere but there. */
const ROW = `row-${randomBytes(12).toString("hex")}`;

const DATABASE = `${id}-db`;
const HOST = `${id}-host`;
const LOCAL = "/var/lib/pgbackrest";
const SECOND = "/var/lib/second";
const RESTORED = "/var/lib/restored";

const stanza: StanzaArgs = {
  database: "db",
  repository: "db-backup",
  dataPath: "/var/lib/postgresql/15/data",
  repositories: [
    { kind: "local", name: "local", storage: "1 GiB" },
    // Another folder takes the place of a bucket: see PGBACKREST_REPO2_PATH below.
    { kind: "local", name: "second", storage: "1 GiB" },
  ],
};

const keysFile = (key: string): string =>
  `[global]\nrepo1-cipher-pass=${key}\nrepo2-cipher-pass=${key}\n`;

const databaseConf = place.file("database.conf", optionsFile(databaseOptions(stanza)));
const hostOptions = repositoryOptions({
  ...{ ...stanza, stack: "live", system: "shop", days: 7 },
  // Short, since a backup waits for its WAL for many times as long: see the full repository.
  walTimeout: 2,
});
const hostConf = place.file("host.conf", optionsFile(hostOptions));
const serverConf = place.file(
  "postgresql.conf",
  postgresConf({ memoryLimit: 2 ** 29, maxConnections: 50, stanza: "db" }),
);
const link = place.file("link", LINK);
const admin = place.file("admin", ADMIN);
const keys = place.file("keys.conf", keysFile(KEY));
const wrong = place.file("wrong.conf", keysFile("of-somebody-else"));

const DATA = ["-v", `${id}-data:/var/lib/postgresql`];

async function startDatabase(): Promise<void> {
  await must("docker", [
    ...["run", "-d", "--name", DATABASE, "--network", id, "--network-alias", "db", ...DATA],
    ...mounted(serverConf, "/etc/atalaya/postgresql.conf"),
    ...mounted(databaseConf, "/etc/pgbackrest/pgbackrest.conf"),
    ...[...mounted(admin, "/run/secrets/admin"), ...mounted(link, "/run/secrets/link")],
    ...["-e", "ADMIN_PASSWORD_FILE=/run/secrets/admin", "-e", "BACKUP_LINK_FILE=/run/secrets/link"],
    ...["-e", "BACKUP_STANZA=db", "-e", "BACKUP_IDENTITY=db", image, "serve"],
  ]);
  await healthy(DATABASE, "atalaya-postgres", "health");
}

/** On the database's volume, as root, while there is no server: `15` is where its data is. */
const onVolume = (script: string): Promise<string> =>
  must("docker", [
    ...["run", "--rm", ...DATA, "--user", "0", "--workdir", "/var/lib/postgresql"],
    ...["--entrypoint", "bash", image, "-c", script],
  ]);

function startHost(): Promise<string> {
  return must("docker", [
    ...["run", "-d", "--name", HOST, "--network", id, "--network-alias", "db-backup"],
    ...["-v", `${id}-local:${LOCAL}`, "--tmpfs", `${SECOND}:uid=5432,gid=5432,mode=0750,size=160m`],
    ...["--tmpfs", `${RESTORED}:uid=5432,gid=5432,mode=0700,size=512m`],
    ...mounted(hostConf, "/etc/pgbackrest/pgbackrest.conf"),
    ...[...mounted(keys, "/run/secrets/keys.conf"), ...mounted(link, "/run/secrets/link")],
    ...[...mounted(wrong, "/run/wrong/keys.conf"), "-v", `${id}-clock:/clock:ro`],
    ...["-e", "BACKUP_LINK_FILE=/run/secrets/link", "-e", "BACKUP_STANZA=db"],
    ...["-e", "BACKUP_IDENTITY=db-backup", "-e", "BACKUP_REPOSITORIES=local second"],
    ...["-e", "BACKUP_METRICS_PORT=9854", "-e", "PGBACKREST_CONFIG_INCLUDE_PATH=/run/secrets"],
    ...["-e", `PGBACKREST_REPO2_PATH=${SECOND}`],
    ...["--entrypoint", "atalaya-backup", image, "serve"],
  ]);
}

const inHost = (...command: string[]): Promise<Ran> => run("docker", ["exec", HOST, ...command]);

/** The same, as root: what a disk or a person does behind pgBackRest's back. */
const behind = (script: string): Promise<string> =>
  must("docker", ["exec", "--user", "0", HOST, "bash", "-c", script]);

const onHost = (...command: string[]): Promise<string> =>
  must("docker", ["exec", HOST, ...command]);

const sql = (statement: string, database = "postgres"): Promise<string> =>
  must("docker", [
    ...["exec", DATABASE, "psql", "-XAt", "-v", "ON_ERROR_STOP=1", "-U", "postgres"],
    ...["-d", database, "-c", statement],
  ]);

/** Asks what was restored. */
const restored = (statement: string): Promise<string> =>
  onHost("psql", "-XAt", "-h", "/tmp", "-p", "5440", "-U", "postgres", "-c", statement);

/** What the last drill of a repository found. */
interface Drill {
  readonly repository: string;
  readonly ok: boolean;
  /** When the last one passed that did, in seconds since 1970. */
  readonly passed: number | null;
  readonly reason?: string;
  readonly rows?: number;
  readonly rtoSeconds?: number;
  readonly rpoSeconds?: number;
}

/** Labels of the complete backups in a repository. */
const labels = async (repository: 1 | 2): Promise<string[]> =>
  labelsIn(await onHost("atalaya-backup", "info"), repository);

/** Waits until everything committed so far is in every repository. */
async function archived(within: number): Promise<number> {
  const segment = await sql("SELECT pg_walfile_name(pg_switch_wal())");
  const { milliseconds } = await until(`${segment} is archived`, { within }, async () => {
    return (await sql(`SELECT last_archived_wal >= '${segment}' FROM pg_stat_archiver`)) === "t";
  });
  return milliseconds;
}

describeInTime("backups of PostgreSQL in plain containers", 10, () => {
  beforeAll(async () => {
    await place.open({ internal: true });
    // A program of Debian's that tells others another time.
    await must("docker", [
      ...["run", "--rm", "--user", "0", "-v", `${id}-clock:/clock`, "--entrypoint", "bash", image],
      "-ec",
      "cd /tmp && apt-get -qq update && apt-get -qq download libfaketime" +
        " && dpkg -x libfaketime_*.deb . && cp usr/lib/*/faketime/libfaketime.so.1 /clock/",
    ]);
    await must("docker", ["run", "--rm", ...DATA, image, "init"]);
    await startHost();
    await startDatabase();
    await healthy(HOST, "atalaya-backup", "health");
    await onHost("atalaya-backup", "prepare");
    await sql(`CREATE TABLE p (n int, at timestamptz DEFAULT clock_timestamp(), what text)`);
    await sql(`INSERT INTO p VALUES (0, DEFAULT, '${ROW}')`);
    await sql(
      `CREATE TABLE filler AS SELECT g, md5(g::text) AS s FROM generate_series(1, 300000) g`,
    );
  });

  // What a case has restored goes with its server, also where it failed: the next one wants the room and the port.
  afterEach(() =>
    onHost(
      ...["bash", "-c"],
      `for pid in ${RESTORED}/*/postmaster.pid; do [[ ! -e $pid ]] || pg_ctl -D "\${pid%/*}" -m immediate -s stop; done; rm -rf ${RESTORED}/*`,
    ),
  );

  afterAll(() => place.close());

  describe("backups of a database that is written to", () => {
    // Backups and rows of a first try would be counted, too.
    noSecondTry();

    test("the first run is full in each repository, the next one is not", async () => {
      await onHost("atalaya-backup", "run");
      await onHost("atalaya-backup", "run");
      for (const repository of [1, 2] as const) {
        const found = await labels(repository);
        expect(found).toHaveLength(2);
        expect(found[0]).toMatch(/F$/);
        expect(found[1]).toMatch(/_.*[DI]$/);
      }
    });

    test("a restore to between two transactions has exactly the first", async () => {
      await sql("INSERT INTO p VALUES (1)");
      await sleep(1_100);
      const between = await sql("SELECT clock_timestamp()");
      await sleep(1_100);
      await sql("INSERT INTO p VALUES (2)");
      await archived(60_000);
      const path = `${RESTORED}/between`;
      await onHost("atalaya-restore", "into", path, `time:${between}`);
      expect(await onHost("atalaya-restore", "look", path)).toContain(
        "every table and index is sound",
      );
      expect(await restored("SELECT array_agg(n ORDER BY n) FROM p WHERE n BETWEEN 1 AND 2")).toBe(
        "{1}",
      );
      const again = await inHost("atalaya-restore", "into", path);
      expect(again.code).toBe(1);
      expect(again.stderr).toContain("is not empty");
    });

    test("a restore to a named point has what was committed before it, and nothing after", async () => {
      await sql("INSERT INTO p VALUES (10)");
      await sql("SELECT pg_create_restore_point('before-release')");
      await sql("INSERT INTO p VALUES (11)");
      await archived(60_000);
      const path = `${RESTORED}/named`;
      await onHost("atalaya-restore", "into", path, "name:before-release");
      expect(await onHost("atalaya-restore", "look", path)).toContain(
        "every table and index is sound",
      );
      const rows = "SELECT array_agg(n ORDER BY n) FROM p WHERE n BETWEEN 10 AND 11";
      expect(await restored(rows)).toBe("{10}");
      expect(await sql(rows)).toBe("{10,11}");
      // A name that nobody gave is no place to stop at: what was restored does not start.
      const other = `${RESTORED}/unnamed`;
      await onHost("pg_ctl", "-D", path, "-m", "immediate", "-s", "stop");
      await onHost("rm", "-rf", path);
      await onHost("atalaya-restore", "into", other, "name:nobody-gave-it");
      const looked = await inHost("atalaya-restore", "look", other);
      expect(looked.code).toBe(1);
      expect(looked.stderr).toContain("no restore point of that name");
    });

    test("the volume is lost under writes every 100 ms: all is there up to the recovery point, at most 60 s are not", async () => {
      const writing = run("docker", [
        ...["exec", DATABASE, "bash", "-c"],
        `i=1000; while psql -Xq -U postgres -c "INSERT INTO p VALUES ($i)"; do i=$((i + 1)); sleep 0.1; done`,
      ]);
      await sleep(70_000);
      const point = await sql("SELECT last_archived_wal FROM pg_stat_archiver");
      const { at: reported } = JSON.parse(await sql(ARCHIVER_QUERY)) as { at: number };
      const before = Number(await sql(`SELECT max(n) FROM p WHERE at < to_timestamp(${reported})`));
      await must("docker", ["kill", "--signal", "KILL", DATABASE]);
      await writing;
      const killed = Date.now();
      await must("docker", ["rm", DATABASE]);
      // Aside rather than away: it comes back for what follows.
      await onVolume("mv 15 lost");
      try {
        const path = `${RESTORED}/lost`;
        const begun = Date.now();
        await onHost("atalaya-restore", "into", path);
        await onHost("atalaya-restore", "look", path);
        const rto = Date.now() - begun;
        const last = Number(await restored("SELECT max(n) FROM p"));
        const at = new Date(await restored("SELECT max(at) FROM p")).getTime();
        measured("backups: volume lost", {
          rtoSeconds: Math.round(rto / 100) / 10,
          rpoSeconds: Math.round((killed - at) / 100) / 10,
        });
        expect(before).toBeGreaterThan(1_000);
        expect(last).toBeGreaterThanOrEqual(before);
        // Nothing in between is missing.
        expect(await restored("SELECT count(*) = max(n) - 999 FROM p WHERE n >= 1000")).toBe("t");
        expect(killed - at).toBeLessThanOrEqual(60_000);
        expect(rto).toBeLessThan(60_000);
        expect(point).toMatch(/^[0-9A-F]{24}$/);
      } finally {
        await onVolume("mv lost 15");
        await startDatabase();
      }
    });
  });

  test("the recovery point is before the first change that waits, whatever went out last", async () => {
    /** Files of changes go out by name: those before this one do, as if the repositories were there for a moment. */
    const upTo = (name: string): Promise<string> =>
      must("docker", ["exec", DATABASE, "bash", "-c", `echo ${name} >/tmp/up-to`]);
    const point = async (): Promise<number> =>
      (JSON.parse(await sql(ARCHIVER_QUERY)) as { at: number }).at;
    await upTo("0");
    await sql(
      `ALTER SYSTEM SET archive_command = '[ "%f" "<" "$(cat /tmp/up-to)" ] && pgbackrest --stanza=db archive-push %p'`,
    );
    try {
      await sql("SELECT pg_reload_conf()");
      // The backup's own file is named after the first segment, so that it goes out before the second one.
      const said = await sql(`SELECT pg_walfile_name(pg_backup_start('by hand', true));
        INSERT INTO p VALUES (5); SELECT pg_switch_wal();
        SELECT extract(epoch FROM clock_timestamp()); SELECT pg_sleep(3);
        INSERT INTO p VALUES (6); SELECT lsn FROM pg_backup_stop(false)`);
      const [first] = said.split("\n") as [string];
      const waits = Number(/^\d+\.\d+$/m.exec(said)![0]);
      await upTo(`${first}.z`);
      await until("the backup's own file is out", { within: 90_000 }, async () =>
        (await sql("SELECT last_archived_wal FROM pg_stat_archiver")).startsWith(`${first}.`),
      );
      expect(await point()).toBeLessThan(waits);
      expect(await point()).toBeGreaterThan(waits - 60);
      // What is out may be removed, and then nothing says any more when it ended.
      await sql("CHECKPOINT");
      expect(await point()).toBeLessThan(waits);
      expect(await point()).toBeGreaterThan(waits - 60);
    } finally {
      await sql("ALTER SYSTEM RESET archive_command");
      await sql("SELECT pg_reload_conf()");
    }
    await archived(90_000);
    expect(await point()).toBeGreaterThan(Date.now() / 1_000 - 60);
  });

  test("one repository away: the other one has everything, and it catches up by itself", async () => {
    await behind(`chmod 000 ${SECOND}`);
    try {
      await sql("INSERT INTO p VALUES (3)");
      const segment = await sql("SELECT pg_walfile_name(pg_switch_wal())");
      await until("the first repository has it", { within: 60_000 }, async () =>
        (await behind(`find ${LOCAL}/archive -name '${segment}-*'`)).includes(segment),
      );
      const ran = await inHost("atalaya-backup", "now", "incr");
      expect(ran.code).toBe(1);
      expect(ran.stdout).toContain("local: done");
      expect(ran.stderr).toContain("no backup in: second");
      const metrics = await onHost("curl", "-fsS", "http://127.0.0.1:9854/metrics");
      expect(metrics).toContain('atalaya_backup_repository_ok{repository="local"} 1');
      expect(metrics).toContain('atalaya_backup_repository_ok{repository="second"} 0');
    } finally {
      await behind(`chmod 750 ${SECOND}`);
    }
    measured("backups: a repository is back", { seconds: (await archived(90_000)) / 1_000 });
    await onHost("atalaya-backup", "now", "incr");
  });

  // pgBackRest 2.45 loses the thread of its protocol where a repository breaks off in the middle of a file, so that
  // nothing gets to the others either: see docs/decisions/0018-backups-of-postgresql.md.
  test("a full repository stops all archiving, loudly; with room again everything goes out by itself", async () => {
    const seconds = Number(hostOptions["global:backup"]!["archive-timeout"]);
    await behind(`head -c 1G /dev/zero > ${SECOND}/filler || true`);
    try {
      await sql("INSERT INTO p VALUES (4)");
      const ran = await inHost("atalaya-backup", "now", "full");
      expect(ran.code).toBe(1);
      expect(`${ran.stdout}${ran.stderr}`).toContain(
        `was not archived before the ${seconds * 1_000}ms timeout`,
      );
      expect(await sql("SELECT last_failed_time > last_archived_time FROM pg_stat_archiver")).toBe(
        "t",
      );
    } finally {
      await behind(`rm ${SECOND}/filler`);
    }
    await archived(90_000);
    await onHost("atalaya-backup", "now", "incr");
  });

  test("another encryption key reads nothing and breaks nothing", async () => {
    const other = ["--config-include-path=/run/wrong", "--stanza=db", "--repo=1"];
    const made = await inHost("pgbackrest", ...other, "backup");
    expect(made.code).not.toBe(0);
    expect(`${made.stdout}${made.stderr}`).toContain("unable to load info file");
    const got = await inHost(
      ...["pgbackrest", ...other, "--reset-pg1-host", `--pg1-path=${RESTORED}/x`, "restore"],
    );
    expect(`${got.stdout}${got.stderr}`).toContain("no backup set found to restore");
    await onHost("atalaya-backup", "now", "incr");
  });

  test("a backup that is cut off is in no list, and the next one is whole", async () => {
    const before = await labels(1);
    const cut = inHost("pgbackrest", "--stanza=db", "--repo=1", "--type=full", "backup");
    await until("it writes", { within: 30_000, every: 50 }, async () =>
      (await behind(`ls ${LOCAL}/backup/db`))
        .split("\n")
        .some((name) => name.endsWith("F") && !before.includes(name)),
    );
    await killIn(HOST, "pgbackrest --stanza=db --repo=1 --type=full backup");
    expect((await cut).code).not.toBe(0);
    expect(await labels(1)).toEqual(before);
    // Its workers have the lock until they have noticed that nobody is there any more.
    const { milliseconds } = await until("its lock is free", { within: 60_000, every: 500 }, () =>
      onHost("pgbackrest", "--stanza=db", "--repo=1", "--type=full", "backup"),
    );
    measured("backups: again after one that was cut off", { seconds: milliseconds / 1_000 });
    expect(await labels(1)).toHaveLength(before.length + 1);
  });

  test("of two at once one goes on and the other says why not", async () => {
    const command = ["pgbackrest", "--stanza=db", "--repo=1", "--type=full", "backup"];
    const first = inHost(...command);
    await sleep(700);
    const second = await inHost(...command);
    expect(second.code).toBe(50);
    expect(`${second.stdout}${second.stderr}`).toContain("unable to acquire lock");
    expect((await first).code).toBe(0);
  });

  test("a damaged backup is refused; the one before it leads to the same moment", async () => {
    await onHost("pgbackrest", "--stanza=db", "--repo=1", "--type=full", "backup");
    const [older, newer] = (await labels(1)).filter((label) => label.endsWith("F")).slice(-2);
    const files = `${LOCAL}/backup/db/${newer}`;
    const largest = await behind(
      `ls -S ${files}/bundle/* $(find ${files} -name '*.zst') | head -1`,
    );
    await behind(
      `cp '${largest}' /tmp/whole && printf '\\xff\\xff' | dd of='${largest}' bs=1 seek=70000 conv=notrunc status=none`,
    );
    try {
      const damaged = await inHost(
        ...["atalaya-restore", "into", `${RESTORED}/damaged`, "latest"],
        ...[`--set=${newer}`, "--repo=1"],
      );
      expect(damaged.code).toBe(1);
      expect(`${damaged.stdout}${damaged.stderr}`).toContain("does not match expected checksum");
      const path = `${RESTORED}/older`;
      await onHost("rm", "-rf", `${RESTORED}/damaged`);
      await onHost("atalaya-restore", "into", path, "latest", `--set=${older}`, "--repo=1");
      await onHost("atalaya-restore", "look", path);
      const rows = "SELECT array_agg(n ORDER BY n) FROM p WHERE n < 1000";
      expect(await restored(rows)).toBe(await sql(rows));
    } finally {
      await behind(`cat /tmp/whole > '${largest}'`);
    }
  });

  describe("a drill", () => {
    const FOLDER = `${RESTORED}/drill`;
    /** Runs one, of the first repository alone unless told otherwise. */
    const drill = async (settings: Readonly<Record<string, string>> = {}): Promise<Ran> => {
      await onHost("mkdir", "-p", FOLDER);
      const env = { DRILL_FOLDER: FOLDER, BACKUP_REPOSITORIES: "local", ...settings };
      return run("docker", [
        "exec",
        ...Object.entries(env).flatMap(([name, value]) => ["-e", `${name}=${value}`]),
        ...[HOST, "atalaya-restore", "drill"],
      ]);
    };
    const inFolder = (command: string): Promise<string> =>
      must("docker", [
        ...["exec", "-e", `DRILL_FOLDER=${FOLDER}`, HOST, "atalaya-restore", command],
      ]);
    const found = async (): Promise<readonly Drill[]> =>
      JSON.parse(await inFolder("drills")) as readonly Drill[];

    beforeAll(async () => {
      await until(
        "there are rows to compare",
        { within: 200_000 },
        async () => (await sql("SELECT count(*) >= 4 FROM sentinel", "atalaya")) === "t",
      );
      await archived(60_000);
    });

    test("restores from each repository and says how long it took, and what is not there", async () => {
      const ran = await drill({ BACKUP_REPOSITORIES: "local second" });
      expect(ran).toMatchObject({ code: 0 });
      const drills = await found();
      expect(drills.map(({ repository, ok }) => [repository, ok])).toEqual([
        ["local", true],
        ["second", true],
      ]);
      for (const { rows, rtoSeconds, rpoSeconds } of drills) {
        expect(rows).toBeGreaterThanOrEqual(4);
        expect(rtoSeconds).toBeLessThan(60);
        expect(rpoSeconds).toBeLessThanOrEqual(120);
      }
      measured("backups: drill of PostgreSQL", { rtoSeconds: drills[0]!.rtoSeconds! });
      expect(await inFolder("metrics")).toContain(
        'atalaya_restore_drill_ok{repository="second"} 1',
      );
    });

    /** What is wrong, what the drill says of it, and what puts it right again. */
    const WRONG: readonly {
      readonly what: string;
      readonly reason: string;
      readonly settings?: Readonly<Record<string, string>>;
      readonly breaks?: string;
      readonly mends?: string;
    }[] = [
      {
        what: "the service's own question finds nothing",
        reason: "the smoke query found nothing",
        settings: { SMOKE_QUERY: "SELECT 1 FROM p WHERE n = -1", SMOKE_DATABASE: "postgres" },
      },
      {
        what: "what was written last is older than it may be",
        reason: "is not in the repository",
        settings: { DRILL_RPO: "-1" },
      },
      {
        what: "a row that the server wrote is missing",
        reason: "rows that the server wrote every minute are missing",
        breaks:
          "CREATE TABLE kept AS SELECT * FROM sentinel ORDER BY n OFFSET 1 LIMIT 1; DELETE FROM sentinel WHERE n IN (SELECT n FROM kept)",
        mends: "INSERT INTO sentinel SELECT * FROM kept; DROP TABLE kept",
      },
      {
        what: "an index does not say what its table does",
        reason: "tables or indexes are damaged",
        breaks: `CREATE FUNCTION f(n bigint) RETURNS bigint IMMUTABLE LANGUAGE sql AS 'SELECT n';
          CREATE INDEX twisted ON sentinel (f(n::bigint));
          CREATE OR REPLACE FUNCTION f(n bigint) RETURNS bigint IMMUTABLE LANGUAGE sql AS 'SELECT n + 1'`,
        mends: "DROP INDEX twisted; DROP FUNCTION f",
      },
    ];

    test.each(WRONG)("fails where $what", async ({ reason, settings, breaks, mends }) => {
      try {
        if (breaks !== undefined) {
          await sql(breaks, "atalaya");
          await archived(60_000);
        }
        const ran = await drill(settings);
        expect(ran.code).toBe(1);
        const [of] = await found();
        expect(of).toMatchObject({ repository: "local", ok: false, passed: null });
        expect(of!.reason).toContain(reason);
        expect(await inFolder("metrics")).toContain(
          'atalaya_restore_drill_ok{repository="local"} 0',
        );
      } finally {
        if (mends !== undefined) {
          await sql(mends, "atalaya");
          await archived(60_000);
        }
      }
    });

    test("that is killed has not passed, and the one before it stays the last that did", async () => {
      expect(await drill()).toMatchObject({ code: 0 });
      const [before] = await found();
      const ran = drill();
      await until("its process is there", { within: 20_000, every: 20 }, async () => {
        await killIn(HOST, "/bin/bash /usr/local/bin/atalaya-restore one-drill");
        return (await Promise.race([ran, sleep(10)])) !== undefined;
      });
      expect((await ran).code).toBe(1);
      const [of] = await found();
      expect(of).toMatchObject({ ok: false, passed: before!.passed });
      expect(of!.reason).not.toBe("");
      expect(await drill()).toMatchObject({ code: 0 });
    });
  });

  test("pgBackRest's end beside the server is killed: it is back, and the server did not notice", async () => {
    const started = await sql("SELECT pg_postmaster_start_time()");
    await killIn(DATABASE, "pgbackrest server");
    await until(
      "it lets somebody in again",
      { within: 30_000 },
      async () => (await inHost("pgbackrest", "--stanza=db", "check")).code === 0,
    );
    expect(await sql("SELECT pg_postmaster_start_time()")).toBe(started);
  });

  test("another secret between the two ends is let in by nobody", async () => {
    const ran = await inHost(
      ...["bash", "-c"],
      "mv /tmp/atalaya-backup /tmp/kept; printf other > /tmp/link; " +
        "BACKUP_LINK_FILE=/tmp/link atalaya-backup now incr; code=$?; " +
        "rm -rf /tmp/atalaya-backup; mv /tmp/kept /tmp/atalaya-backup; exit $code",
    );
    expect(ran.code).toBe(1);
    expect(`${ran.stdout}${ran.stderr}`).toContain("unable to verify certificate");
  });

  test("no key and no row is readable in a repository, a log, a command line or a description", async () => {
    const readable = await behind(
      `grep -rlaF -e '${ROW}' -e '${KEY}' -e '${LINK}' ${LOCAL} ${SECOND} || true`,
    );
    expect(readable).toBe("");
    const working = inHost("pgbackrest", "--stanza=db", "--repo=1", "--type=full", "backup");
    await sleep(700);
    const seen = [
      await must("docker", ["top", HOST, "-eo", "pid,args"]),
      await must("docker", ["top", DATABASE, "-eo", "pid,args"]),
      await must("docker", ["inspect", HOST, DATABASE]),
    ];
    await working;
    for (const container of [HOST, DATABASE]) {
      const { stdout, stderr } = await run("docker", ["logs", container]);
      seen.push(stdout, stderr);
    }
    for (const secret of [KEY, LINK, ADMIN, ROW]) expect(seen.join("\n")).not.toContain(secret);
  });

  test("what is older than it is kept goes, with the WAL that only it needs; the rest can be restored (GG-13)", async () => {
    /** The oldest segment of WAL in the first repository. */
    const oldest = async (): Promise<string> =>
      (
        await behind(`ls ${LOCAL}/archive/db/*/* | grep -oE '^[0-9A-F]{24}' | sort | head -1`)
      ).trim();
    const full = async (): Promise<number> => {
      await onHost("pgbackrest", "--stanza=db", "--repo=1", "--type=full", "backup");
      return Date.now();
    };
    const before = await labels(1);
    await full();
    const second = await full();
    await sleep(10_000);
    await full();
    const wal = await oldest();
    // It is seven days after a moment between the second and the third for whoever runs by Debian's libfaketime, and seven
    // are kept: the third is younger, the second the newest of those that are not, and so needed for what came in between.
    const later = 7 * 86_400 - Math.round((Date.now() - second - 5_000) / 1_000);
    await must("docker", [
      ...["exec", "-e", "LD_PRELOAD=/clock/libfaketime.so.1", "-e", `FAKETIME=+${later}`],
      ...[HOST, "pgbackrest", "--stanza=db", "--repo=1", "expire"],
    ]);
    const after = await labels(1);
    expect(after).toHaveLength(2);
    expect(after.filter((label) => before.includes(label))).toEqual([]);
    expect((await oldest()) > wal).toBe(true);
    const path = `${RESTORED}/oldest`;
    await onHost("atalaya-restore", "into", path, "latest", `--set=${after[0]}`, "--repo=1");
    expect(await onHost("atalaya-restore", "look", path)).toContain(
      "every table and index is sound",
    );
    expect(await restored("SELECT count(*) FROM p")).toBe(await sql("SELECT count(*) FROM p"));
  });

  test("a database that was made anew under an old name does not touch the old one's backups", async () => {
    const before = await labels(1);
    await must("docker", ["stop", DATABASE]);
    await must("docker", ["rm", DATABASE]);
    await onVolume("rm -rf 15");
    await must("docker", ["run", "--rm", ...DATA, image, "init"]);
    await startDatabase();
    const ran = await inHost("atalaya-backup", "prepare");
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain("hold backups of another database of that name");
    expect(await labels(1)).toEqual(before);
  });
});
