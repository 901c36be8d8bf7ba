import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { authorityPath, bucketPath, type BucketSecrets } from "../../components/backup/backup";
import { postgresConf } from "../../components/postgres/conf";
import {
  databaseOptions,
  optionsFile,
  repositoryKeys,
  repositoryOptions,
  type StanzaArgs,
} from "../../components/postgres/pgbackrest";
import { imageTag } from "../../images/catalog";
import type { S3Repository } from "../../model/backup";
import { fillText } from "../../model/text";
import { ARCHIVER_QUERY } from "../../operations/backup/status";
import { selfSigned } from "../support/certificates";
import { must, type Ran, run, start } from "../support/commands";
import { Containers, healthy, killIn, labelsIn, mounted } from "../support/containers";
import { describeInTime } from "../support/deadline";
import { measured } from "../support/measurements";
import { until } from "../support/poll";
import { BUILD_MS, versitygw } from "../manifests/tools";

/**
 * Backups of a real PostgreSQL to two real S3 servers over TLS, each with an authority of its own, by what the product
 * writes for pgBackRest (FV-06, PR-13). Faults of disks and of people: `backups.test.ts`.
 */
jest.setTimeout(600_000);

const containers = new Containers("s3");
const { id } = containers;

const image = imageTag("postgres");
const DATABASE = `${id}-db`;
const HOST = `${id}-host`;
const RESTORED = "/var/lib/restored";
const OF = { stack: "live", system: "shop" };
/** Of the test's machine, which has others to run. */
const SMALL = ["--network", id, "--cpus", "0.5", "--cap-drop", "ALL"];

const secret = (bytes: number): string => randomBytes(bytes).toString("hex");
const KEY = secret(24);
const LINK = secret(24);
const ADMIN = secret(16);
/** A value that stands in each row: to be found nowhere but there. */
const ROW = `row-${secret(12)}`;

/** One place: a server with one bucket. */
interface Place {
  readonly repository: S3Repository;
  /** The server's container. */
  readonly server: string;
  /** What its certificate is for. */
  readonly host: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

function place(name: string, of: Pick<S3Repository, "port" | "pathStyle">): Place {
  const endpoint = `s3.${name}.test`;
  const bucket = `copies-${name}`;
  const source = (key: string) => ({ kind: "configured", key }) as const;
  return {
    repository: {
      ...{ kind: "s3", name, endpoint, bucket, region: `region-${name}`, authority: "", ...of },
      ...{ accessKey: source(`${name}-access`), secretKey: source(`${name}-secret`) },
    },
    server: `${id}-${name}`,
    // As Amazon has it, the bucket is part of the name.
    host: of.pathStyle ? endpoint : `${bucket}.${endpoint}`,
    accessKey: `access${secret(8)}`,
    secretKey: secret(20),
  };
}

/** Both ways to name a bucket, and both ports: one given, one that nobody gave. */
const one = place("one", { port: 7443, pathStyle: true });
const two = place("two", {});
const places = [one, two];

const stanza: StanzaArgs = {
  database: "db",
  repository: "db-backup",
  dataPath: "/var/lib/postgresql/15/data",
  repositories: places.map(({ repository }) => repository),
};

/** The file of keys as the product writes it. */
function keysFile(secretKey = (of: Place): string => of.secretKey): string {
  const values = new Map([["cipher", KEY]]);
  for (const of of places) {
    values.set(`${of.repository.name}-access`, of.accessKey);
    values.set(`${of.repository.name}-secret`, secretKey(of));
  }
  const s3 = ({ name }: S3Repository): BucketSecrets => ({
    accessKey: `${name}-access`,
    secretKey: `${name}-secret`,
  });
  return fillText(repositoryKeys(stanza.repositories, { cipher: "cipher", s3 }), values);
}

const link = containers.file("link", LINK);
const admin = containers.file("admin", ADMIN);
const keys = containers.file("keys.conf", keysFile());
const WRONG = secret(20);
const wrong = containers.file(
  "wrong.conf",
  keysFile(() => WRONG),
);
const databaseConf = containers.file("database.conf", optionsFile(databaseOptions(stanza)));
const hostConf = containers.file(
  "host.conf",
  optionsFile(repositoryOptions({ ...stanza, ...OF, days: 7 })),
);
const serverConf = containers.file(
  "postgresql.conf",
  postgresConf({ memoryLimit: 2 ** 29, maxConnections: 50, stanza: "db" }),
);

/** The folder of a new volume of the image's belongs to its user. */
const BUCKETS = "/var/lib/pgbackrest";
/** Beside the buckets: where it stands, the server is not to run, and the number of its process. */
const ABSENT = `${BUCKETS}/absent`;
const PID = `${BUCKETS}/pid`;
/** Takes what room there is. */
const FILLER = `${BUCKETS}/filler`;

const certificateOf = ({ repository: { name } }: Place): string =>
  join(containers.folder, `${name}.crt`);

async function startServer(program: string, of: Place): Promise<void> {
  const { bucket, endpoint, name, pathStyle, port = 443, region } = of.repository;
  const { certificate, key } = await selfSigned(of.host);
  containers.file(`${name}.crt`, certificate);
  // Of a size, so that it can be full.
  await must("docker", [
    ...["volume", "create", "--opt", "type=tmpfs", "--opt", "device=tmpfs"],
    ...["--opt", "o=size=400m,uid=5432,gid=5432,mode=0750", of.server],
  ]);
  await must("docker", [
    ...["run", "-d", "--name", of.server, ...SMALL, "--network-alias", of.host, "--read-only"],
    ...["-v", `${of.server}:${BUCKETS}`, ...mounted(program, "/versitygw")],
    ...mounted(certificateOf(of), "/tls.crt"),
    ...mounted(containers.file(`${name}.key`, key), "/tls.key"),
    ...mounted(containers.file(`${name}-access`, of.accessKey), "/run/secrets/access"),
    ...mounted(containers.file(`${name}-secret`, of.secretKey), "/run/secrets/secret"),
    ...["--entrypoint", "bash", image, "-c"],
    "export ROOT_ACCESS_KEY=$(</run/secrets/access) ROOT_SECRET_KEY=$(</run/secrets/secret);" +
      ` mkdir -p ${BUCKETS}/objects/${bucket} ${BUCKETS}/meta; while :; do` +
      ` if [[ ! -e ${ABSENT} ]]; then /versitygw --port :${port} --cert /tls.crt --key /tls.key` +
      ` --region ${region}${pathStyle ? "" : ` --virtual-domain ${endpoint}`}` +
      ` posix --sidecar ${BUCKETS}/meta ${BUCKETS}/objects & echo $! >${PID}; wait; fi;` +
      " sleep 0.2; done",
  ]);
}

const DATA = ["-v", `${id}-data:/var/lib/postgresql`];

function startDatabase(): Promise<string> {
  return must("docker", [
    ...["run", "-d", "--name", DATABASE, ...SMALL, "--network-alias", "db", ...DATA],
    ...mounted(serverConf, "/etc/atalaya/postgresql.conf"),
    ...mounted(databaseConf, "/etc/pgbackrest/pgbackrest.conf"),
    ...[...mounted(admin, "/run/secrets/admin"), ...mounted(link, "/run/secrets/link")],
    ...["-e", "ADMIN_PASSWORD_FILE=/run/secrets/admin", "-e", "BACKUP_LINK_FILE=/run/secrets/link"],
    ...["-e", "BACKUP_STANZA=db", "-e", "BACKUP_IDENTITY=db", image, "serve"],
  ]);
}

/** What whoever reads repositories has. */
const reader = (): string[] => [
  ...mounted(hostConf, "/etc/pgbackrest/pgbackrest.conf"),
  ...mounted(keys, "/run/secrets/keys.conf"),
  ...places.flatMap((of) => mounted(certificateOf(of), authorityPath(of.repository))),
  ...["-e", "BACKUP_STANZA=db", "-e", "BACKUP_REPOSITORIES=one two"],
  ...["-e", "PGBACKREST_CONFIG_INCLUDE_PATH=/run/secrets"],
];

function startHost(): Promise<string> {
  return must("docker", [
    ...["run", "-d", "--name", HOST, ...SMALL, "--network-alias", "db-backup", ...reader()],
    ...["--tmpfs", `${RESTORED}:uid=5432,gid=5432,mode=0700,size=512m`],
    ...[...mounted(link, "/run/secrets/link"), ...mounted(wrong, "/run/wrong/keys.conf")],
    ...["-e", "BACKUP_LINK_FILE=/run/secrets/link", "-e", "BACKUP_IDENTITY=db-backup"],
    ...["-e", "BACKUP_METRICS_PORT=9854", "--entrypoint", "atalaya-backup", image, "serve"],
  ]);
}

const inHost = (...command: string[]): Promise<Ran> => run("docker", ["exec", HOST, ...command]);

const onHost = (...command: string[]): Promise<string> =>
  must("docker", ["exec", HOST, ...command]);

const PSQL = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "postgres"];

const sql = (statement: string): Promise<string> =>
  must("docker", ["exec", DATABASE, ...PSQL, "-c", statement]);

/** Asks what was restored beside the repositories' host. */
const restored = (statement: string): Promise<string> =>
  onHost(...PSQL, "-h", "/tmp", "-p", "5440", "-c", statement);

/** Restores one repository to a target, looks, and takes it away again. */
async function lookedAt(
  of: Place,
  target: string,
  look: (ask: typeof restored) => Promise<void>,
): Promise<void> {
  const path = `${RESTORED}/looked-at`;
  await onHost("atalaya-restore", "into", path, target, `--repo=${places.indexOf(of) + 1}`);
  expect(await onHost("atalaya-restore", "look", path)).toContain("every table and index is sound");
  await look(restored);
  await onHost("pg_ctl", "-D", path, "stop", "-s");
  await onHost("rm", "-rf", path);
}

/** Labels of the complete backups in a place's bucket. */
const labels = async (of: Place): Promise<string[]> =>
  labelsIn(await onHost("atalaya-backup", "info"), places.indexOf(of) + 1);

/** Finishes a segment of WAL. @returns its name */
const finished = (): Promise<string> => sql("SELECT pg_walfile_name(pg_switch_wal())");

/** Waits until a segment is in every repository. */
async function archived(segment: string, within: number): Promise<number> {
  const { milliseconds } = await until(`${segment} is archived`, { within }, async () => {
    return (await sql(`SELECT last_archived_wal >= '${segment}' FROM pg_stat_archiver`)) === "t";
  });
  return milliseconds / 1_000;
}

/** Whether a segment stands in a place's bucket. */
const holds = async (of: Place, segment: string): Promise<boolean> =>
  (await objects(of)).some((name) => name.includes(`/archive/db/`) && name.includes(segment));

/** Everything in a place's bucket, as the server keeps it on its disk. */
async function objects(of: Place): Promise<string[]> {
  const bucket = `${BUCKETS}/objects/${of.repository.bucket}`;
  return (await behind(of, `cd ${bucket} && find . -type f`)).split("\n").map((n) => n.slice(1));
}

/** On the disk of a server, whether it runs or not. */
const behind = (of: Place, script: string): Promise<string> =>
  must("docker", [
    ...["run", "--rm", "--network", "none", "-v", `${of.server}:${BUCKETS}:ro`],
    ...["--entrypoint", "bash", image, "-c", script],
  ]);

describeInTime("backups of PostgreSQL to S3 servers, in plain containers", 14, () => {
  beforeAll(async () => {
    const program = await versitygw();
    await containers.open({ internal: true });
    for (const of of places) await startServer(program, of);
    await must("docker", ["run", "--rm", ...DATA, image, "init"]);
    await startHost();
    await startDatabase();
    await healthy(DATABASE, "atalaya-postgres", "health");
    await healthy(HOST, "atalaya-backup", "health");
    await onHost("atalaya-backup", "prepare");
    await sql("CREATE TABLE p (n int, what text)");
    await sql(`INSERT INTO p VALUES (0, '${ROW}')`);
    await sql(`CREATE TABLE w (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz DEFAULT clock_timestamp(), what text DEFAULT '${ROW}')`);
    await sql(
      `CREATE TABLE filler AS SELECT g, md5(g::text) AS s FROM generate_series(1, 300000) g`,
    );
  }, BUILD_MS);

  afterAll(() => containers.close());

  test("both buckets get a stanza and WAL over TLS, a full backup, and then one that builds on it", async () => {
    await onHost("atalaya-backup", "run");
    await onHost("atalaya-backup", "run");
    for (const of of places) {
      const found = await labels(of);
      expect(found.map((label) => label.at(-1))).toEqual(["F", expect.stringMatching(/[DI]/)]);
      // The stack's and the system's own part of the bucket, and nothing else.
      const names = await objects(of);
      expect(names.length).toBeGreaterThan(5);
      expect(names.filter((name) => !name.startsWith(`${bucketPath(OF)}/`))).toEqual([]);
    }
  });

  test("a restore to between two transactions has exactly the first, from either bucket", async () => {
    await sql("INSERT INTO p VALUES (1)");
    await sleep(1_100);
    const between = await sql("SELECT clock_timestamp()");
    await sleep(1_100);
    await sql("INSERT INTO p VALUES (2)");
    await archived(await finished(), 60_000);
    for (const of of places) {
      await lookedAt(of, `time:${between}`, async (ask) => {
        expect(await ask("SELECT array_agg(n ORDER BY n) FROM p")).toBe("{0,1}");
      });
    }
  });

  test("the volume is destroyed under rows every 100 ms: all is there up to the recovery point, at most 60 s are not", async () => {
    const writing = start("docker", ["exec", "-i", DATABASE, ...PSQL], {
      input:
        "INSERT INTO w DEFAULT VALUES RETURNING n, pg_walfile_name(pg_current_wal_insert_lsn()), extract(epoch FROM at) \\watch 0.1\n",
    });
    await sleep(70_000);
    const reported = (JSON.parse(await sql(ARCHIVER_QUERY)) as { at: number }).at;
    const segment = await sql("SELECT last_archived_wal FROM pg_stat_archiver");
    await must("docker", ["kill", "--signal", "KILL", DATABASE]);
    const killed = Date.now() / 1_000;
    /** What the writer was told is written, when, and the segment in which the next thing is. */
    const written = [
      ...(await writing.ended).stdout.matchAll(/^(\d+)\|([0-9A-F]{24})\|([\d.]+)$/gm),
    ].map(([, n, wal, at]) => ({ n: Number(n), wal: wal as string, at: Number(at) }));
    await must("docker", ["rm", DATABASE]);
    await must("docker", ["volume", "rm", `${id}-data`]);
    const begun = Date.now();
    // As the job of a restored volume does it: it has the repositories, and no way to any database.
    await must("docker", [
      ...["run", "--rm", ...SMALL, ...reader(), ...DATA],
      ...["-e", "RESTORE_TARGET=latest", "-e", "RESTORE_REPOSITORY=one"],
      ...["--entrypoint", "atalaya-restore", image, "build"],
    ]);
    await startDatabase();
    await healthy(DATABASE, "atalaya-postgres", "health");
    const rto = (Date.now() - begun) / 1_000;
    const [count, last, at] = (
      await sql("SELECT count(*), max(n), extract(epoch FROM max(at)) FROM w")
    )
      .split("|")
      .map(Number) as [number, number, number];
    measured("backups with S3: volume lost", {
      rtoSeconds: Math.round(rto * 10) / 10,
      rpoSeconds: Math.round((killed - at) * 10) / 10,
      written: written.length,
      back: count,
      reportedAheadSeconds: Math.round((reported - at) * 10) / 10,
    });
    expect(written.length).toBeGreaterThan(400);
    expect(count).toBe(last);
    // A row is in no later segment than what was written after it.
    const due = written.filter(
      (_, i) => written[i + 1] !== undefined && written[i + 1]!.wal <= segment,
    );
    expect(due.length).toBeGreaterThan(100);
    expect(last).toBeGreaterThanOrEqual(due.at(-1)!.n);
    // Nothing that is older than what was reported is missing.
    const promised = written.filter((row) => row.at < reported);
    expect(promised.length).toBeGreaterThan(100);
    expect(last).toBeGreaterThanOrEqual(promised.at(-1)!.n);
    expect(killed - at).toBeLessThanOrEqual(60);
    expect(rto).toBeLessThan(60);
    // It goes on from there, with the same repositories. pgBackRest makes no stanza while WAL is on its way (050).
    await archived(await finished(), 60_000);
    await onHost("atalaya-backup", "prepare");
    await onHost("atalaya-backup", "now", "incr");
  });

  /** How a server can be away, and how it comes back. */
  const AWAY = {
    "refuses connections": {
      away: ({ server }: Place) =>
        must("docker", ["exec", server, "bash", "-c", `touch ${ABSENT}; kill $(<${PID})`]),
      back: ({ server }: Place) => must("docker", ["exec", server, "rm", ABSENT]),
    },
    "does not answer": {
      away: ({ server }: Place) => must("docker", ["pause", server]),
      back: ({ server }: Place) => must("docker", ["unpause", server]),
    },
  };
  const HOW = Object.keys(AWAY) as (keyof typeof AWAY)[];

  test("a wrong key of the buckets is refused, clearly, and breaks nothing", async () => {
    /** WAL comes by itself meanwhile. */
    const backups = async (of: Place): Promise<string[]> =>
      (await objects(of)).filter((name) => name.includes("/backup/db/")).sort();
    const before = await Promise.all(places.map(backups));
    const ran = await inHost(
      ...["env", "PGBACKREST_CONFIG_INCLUDE_PATH=/run/wrong", "atalaya-backup", "now", "incr"],
    );
    const said = `${ran.stdout}${ran.stderr}`;
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain("no backup in: one two");
    expect(said).toContain("SignatureDoesNotMatch");
    for (const value of [WRONG, ...places.map((of) => of.secretKey)])
      expect(said).not.toContain(value);
    expect(await Promise.all(places.map(backups))).toEqual(before);
    await onHost("atalaya-backup", "now", "incr");
  });

  test("a server that another authority vouches for is not talked to", async () => {
    const ran = await inHost(
      ...["pgbackrest", "--stanza=db", "--repo=1", "--io-timeout=1", "repo-ls"],
      `--repo1-storage-ca-file=${authorityPath(two.repository)}`,
    );
    expect(ran.code).not.toBe(0);
    expect(`${ran.stdout}${ran.stderr}`).toContain("unable to verify certificate");
  });

  test.each(HOW)(
    "one S3 server %s for a while: the database does not notice, and all goes out by itself",
    async (how) => {
      const { away, back } = AWAY[how];
      await away(two);
      const begun = Date.now();
      await sql(`INSERT INTO p VALUES (3, '${how}')`);
      const segment = await finished();
      expect(Date.now() - begun).toBeLessThan(5_000);
      await sleep(20_000);
      expect(await holds(two, segment)).toBe(false);
      await back(two);
      measured(`backups with S3: one server ${how}`, {
        caughtUpSeconds: await archived(segment, 120_000),
      });
      for (const of of places) expect(await holds(of, segment)).toBe(true);
      await onHost("atalaya-backup", "now", "incr");
    },
  );

  test.each(HOW.slice(1))(
    "one S3 server %s for long: the other one gets everything within minutes, and its backup",
    async (how) => {
      const { away, back } = AWAY[how];
      await away(two);
      await sql(`INSERT INTO p VALUES (4, '${how}')`);
      const segment = await finished();
      const { milliseconds } = await until(
        "the other one has it",
        // A round of tries takes eight times ten seconds, and another one may be under way.
        { within: 200_000, every: 1_000 },
        () => holds(one, segment),
      );
      expect(await holds(two, segment)).toBe(false);
      measured(`backups with S3: one server ${how} for long`, {
        otherHasItSeconds: milliseconds / 1_000,
      });
      // The one that is away would take pgBackRest's own eight minutes.
      await onHost("pgbackrest", "--stanza=db", "--repo=1", "--type=incr", "backup");
      await lookedAt(one, "latest", async (ask) => {
        expect(await ask(`SELECT count(*) FROM p WHERE what = '${how}' AND n = 4`)).toBe("1");
      });
      const asked = Date.now();
      expect(await onHost("atalaya-backup", "metrics")).toMatch(
        /repository_ok\{repository="one"\} 1\n.*repository_ok\{repository="two"\} 0\n/s,
      );
      // Prometheus waits ten.
      expect(Date.now() - asked).toBeLessThan(10_000);
      const lookedUp = Date.now();
      await onHost("atalaya-backup", "info");
      // Four times five seconds, on a busy machine.
      expect(Date.now() - lookedUp).toBeLessThan(40_000);
      await back(two);
      await archived(segment, 120_000);
      expect(await holds(two, segment)).toBe(true);
      await onHost("atalaya-backup", "now", "incr");
    },
  );

  test.each(HOW.slice(0, 1))(
    "both S3 servers, each %s: the database goes on and keeps its WAL, and all goes out by itself",
    async (how) => {
      const { away, back } = AWAY[how];
      for (const of of places) await away(of);
      const begun = Date.now();
      const segments: string[] = [];
      for (const n of [10, 11, 12]) {
        await sql(`INSERT INTO p VALUES (${n}, '${how}')`);
        segments.push(await finished());
      }
      expect(Date.now() - begun).toBeLessThan(15_000);
      await until("it is told", { within: 150_000, every: 1_000 }, async () => {
        const said = JSON.parse(await sql(ARCHIVER_QUERY)) as { failing: boolean };
        return said.failing;
      });
      const waiting = await sql(
        "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'",
      );
      expect(Number(waiting)).toBeGreaterThanOrEqual(3);
      for (const of of places) await back(of);
      measured(`backups with S3: both servers, each ${how}`, {
        caughtUpSeconds: await archived(segments.at(-1)!, 120_000),
      });
      for (const of of places) {
        for (const segment of segments) expect(await holds(of, segment)).toBe(true);
        await lookedAt(of, "latest", async (ask) => {
          expect(await ask(`SELECT count(*) FROM p WHERE what = '${how}' AND n >= 10`)).toBe("3");
        });
      }
    },
  );

  const FULL = ["pgbackrest", "--stanza=db", "--type=full", "backup"];

  test("a bucket that takes no more: the database goes on, the other bucket gets all, and it catches up by itself", async () => {
    const inServer = (...command: string[]): Promise<string> =>
      must("docker", ["exec", two.server, ...command]);
    await inServer("bash", "-c", `head -c 1G /dev/zero >${FILLER} || true`);
    let segment: string;
    let otherHasItSeconds: number;
    try {
      const begun = Date.now();
      await sql("INSERT INTO p VALUES (20, 'full')");
      segment = await finished();
      expect(Date.now() - begun).toBeLessThan(5_000);
      const { milliseconds } = await until(
        "the other one has it",
        { within: 60_000, every: 1_000 },
        () => holds(one, segment),
      );
      otherHasItSeconds = milliseconds / 1_000;
      const ran = await inHost(...FULL, "--repo=2", "--archive-timeout=20");
      expect(ran.code).not.toBe(0);
      expect(`${ran.stdout}${ran.stderr}`).toContain("was not archived before the 20000ms timeout");
      expect(await holds(two, segment)).toBe(false);
    } finally {
      await inServer("rm", FILLER);
    }
    measured("backups with S3: a full bucket", {
      otherHasItSeconds,
      caughtUpSeconds: await archived(segment, 120_000),
    });
    for (const of of places) expect(await holds(of, segment)).toBe(true);
    await onHost("atalaya-backup", "now", "incr");
  });

  test("a backup to a bucket that is cut off is in no list, and the next one is whole", async () => {
    const before = await labels(two);
    const folder = `${BUCKETS}/objects/${two.repository.bucket}/${bucketPath(OF)}/backup/db`;
    const begun = async (): Promise<string[]> =>
      (await must("docker", ["exec", two.server, "ls", folder])).split("\n");
    const known = await begun();
    const cut = inHost(...FULL, "--repo=2");
    await until("it writes", { within: 60_000, every: 20 }, async () =>
      (await begun()).some((name) => !known.includes(name)),
    );
    await killIn(HOST, "pgbackrest .*backup");
    expect((await cut).code).not.toBe(0);
    expect(await labels(two)).toEqual(before);
    await until("its lock is free", { within: 60_000, every: 500 }, () =>
      onHost(...FULL, "--repo=2"),
    );
    expect(await labels(two)).toHaveLength(before.length + 1);
  });

  test("of two backups to a bucket at once one goes on and the other says why not", async () => {
    const first = inHost(...FULL, "--repo=2");
    await sleep(700);
    const second = await inHost(...FULL, "--repo=2");
    expect(second.code).toBe(50);
    expect(`${second.stdout}${second.stderr}`).toContain("unable to acquire lock");
    expect((await first).code).toBe(0);
  });

  test("a damaged object is refused; the backup before it leads to the same moment", async () => {
    const [older, newer] = (await labels(two)).filter((label) => label.endsWith("F")).slice(-2);
    await archived(await finished(), 60_000);
    const folder = `${BUCKETS}/objects/${two.repository.bucket}`;
    const largest = await behind(
      two,
      `ls -S $(find ${folder} -path '*/${newer}/*' -type f) | head -1`,
    );
    const inServer = (script: string): Promise<string> =>
      must("docker", ["exec", two.server, "bash", "-c", script]);
    await inServer(
      `cp '${largest}' ${FILLER} && printf '\\xff\\xff' | dd of='${largest}' bs=1 seek=70000 conv=notrunc status=none`,
    );
    try {
      const damaged = await inHost(
        ...["atalaya-restore", "into", `${RESTORED}/damaged`, "latest"],
        ...[`--set=${newer}`, "--repo=2"],
      );
      expect(damaged.code).toBe(1);
      expect(`${damaged.stdout}${damaged.stderr}`).toContain("does not match expected checksum");
      await onHost("rm", "-rf", `${RESTORED}/damaged`);
      const path = `${RESTORED}/older`;
      await onHost("atalaya-restore", "into", path, "latest", `--set=${older}`, "--repo=2");
      await onHost("atalaya-restore", "look", path);
      const rows = "SELECT array_agg(n ORDER BY n) FROM p";
      expect(await restored(rows)).toBe(await sql(rows));
      await onHost("pg_ctl", "-D", path, "stop", "-s");
      await onHost("rm", "-rf", path);
    } finally {
      await inServer(`cat ${FILLER} >'${largest}' && rm ${FILLER}`);
    }
  });

  test("no key and no row is readable in a bucket, a log, a command line or a description", async () => {
    const secrets = [
      ...[KEY, LINK, ADMIN, ROW, WRONG],
      ...places.flatMap(({ accessKey, secretKey }) => [accessKey, secretKey]),
    ];
    for (const of of places) {
      // All that is kept there is encrypted, whatever is in it: that is how OpenSSL's encryption begins.
      const bucket = `${BUCKETS}/objects/${of.repository.bucket}`;
      const plain = await behind(
        of,
        `cd ${bucket} && find . -type f -size +0 | while read -r f; do [[ $(head -c 8 "$f") == Salted__ ]] || echo "$f"; done`,
      );
      expect(plain).toBe("");
      const words = secrets.flatMap((word) => ["-e", word]).join(" ");
      expect(await behind(of, `grep -rlaF ${words} ${BUCKETS} || true`)).toBe("");
    }
    const working = inHost("pgbackrest", "--stanza=db", "--repo=1", "--type=full", "backup");
    const all = [HOST, DATABASE, ...places.map(({ server }) => server)];
    await sleep(1_500);
    const seen = [await must("docker", ["inspect", ...all])];
    for (const name of all) seen.push(await must("docker", ["top", name, "-eo", "pid,args"]));
    expect(seen.join("\n")).toContain("--type=full backup");
    expect((await working).code).toBe(0);
    for (const name of all) {
      const { stdout, stderr } = await run("docker", ["logs", name]);
      seen.push(stdout, stderr);
    }
    for (const value of secrets) expect(seen.join("\n")).not.toContain(value);
  });
});
