import { readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { optionsFile } from "../../components/postgres/pgbackrest";
import { Postgres } from "../../components/postgres/postgres";
import { Redis } from "../../components/redis/redis";
import { in_, System } from "../../components/system";
import type {
  BackupHours,
  BackupsArgs,
  DrillEvery,
  RepositoryArgs,
  Restored,
} from "../../model/backup";
import { ProblemsError } from "../../model/problems";
import type { SystemModel } from "../../model/system";
import { fillText, secretsOf } from "../../model/text";
import { kubernetes } from "../../platforms/kubernetes/kubernetes";
import { swarm } from "../../platforms/swarm/swarm";
import { loadConfig, type RawConfig } from "../../stack/config";
import { describeStack } from "../../stack/describe";
import { systems } from "../../systems";
import { grupoGad } from "../../systems/grupo-gad";
import { BACKUPS, IMAGES } from "../support/systems";
import { ROOT } from "../support/workspace";

/** A shop with a database that says nothing of backups, and a cache. */
function shop(backups: Partial<BackupsArgs> | undefined, observed = false): SystemModel {
  const system = new System("shop", {
    images: IMAGES,
    surroundings: swarm.surroundings,
    observed,
    ...(backups === undefined ? {} : { backups: { ...BACKUPS, ...backups } }),
  });
  new Postgres("db", { version: 15, storage: "1 GiB" }, in_(system));
  new Redis("cache", { version: 7, memory: "64 MiB", use: "cache" }, in_(system));
  return system.describe();
}

const one = <T extends { name: string }>(items: readonly T[], name: string): T =>
  items.find((item) => item.name === name)!;

/** Options as pgBackRest would read them: a section's name, a dot, the key. */
function options(model: SystemModel, file: string): Record<string, string> {
  let section = "";
  const found: Record<string, string> = {};
  for (const line of one(model.files, file)
    .content.split("\n")
    .filter((l) => l !== "")) {
    const header = /^\[(.*)\]$/.exec(line);
    if (header) section = header[1]!;
    else
      found[`${section}.${line.slice(0, line.indexOf("="))}`] = line.slice(line.indexOf("=") + 1);
  }
  return found;
}

function problems(of: () => unknown): string[] {
  try {
    of();
  } catch (error) {
    if (error instanceof ProblemsError) return error.problems.map((p) => `${p.path}: ${p.message}`);
    throw error;
  }
  return [];
}

describe("a database of a stack with backups (FV-06, PR-13)", () => {
  const model = shop({});
  const server = one(model.workloads, "db");
  const host = one(model.workloads, "db-backup");
  const schedule = one(model.schedules, "db-backup-run");

  test("is backed up with nothing written of it; a cache is not", () => {
    expect(model.backups).toEqual([
      {
        component: "db",
        workload: "db-backup",
        schedule: "db-backup-run",
        tool: "pgBackRest",
        continuous: true,
        cron: "17 3,7,11,15,19,23 * * *",
        interval: 14_400,
        storage: 2 ** 30,
        drill: { schedule: "db-backup-drill", cron: "47 4 2 * *", interval: 31 * 86_400 },
        restored: { copies: [], serves: 0 },
        repositories: [
          { name: "local", place: "volume db-backup-repository", offsite: false },
          { name: "offsite", place: "s3://copies/prod/shop", offsite: true },
        ],
      },
    ]);
    expect(shop(undefined).backups).toEqual([]);
  });

  test("has no key of a repository and no way out: those who copy have", () => {
    const keys = ["db-backup-keys", "db-backup-key", "db-backup-offsite-secret-key"];
    expect(server.secrets.filter(({ secret }) => keys.includes(secret))).toEqual([]);
    const out = model.links.filter(({ provider }) => provider === "db-backup-offsite");
    expect(out.map(({ consumer }) => consumer).sort()).toEqual([
      "db-backup",
      "db-backup-drill",
      "db-backup-prepare",
      "db-backup-run",
    ]);
    expect(options(model, "db-backup-database-conf")["global.repo2-s3-bucket"]).toBeUndefined();
  });

  test("is reached by pgBackRest's port alone, in both directions, and lets in one client", () => {
    const of = (port: number): string[] =>
      model.links.filter((l) => l.ports.includes(port)).map((l) => `${l.consumer} → ${l.provider}`);
    expect(of(8432)).toEqual(["db → db-backup", "db-backup-prepare → db", "db-backup-run → db"]);
    const database = options(model, "db-backup-database-conf");
    expect(database["global.tls-server-auth"]).toBe("db-backup=db");
    expect(database["global.repo1-host"]).toBe("db-backup");
    expect(database["global.repo2-host"]).toBe("db-backup");
    const copies = options(model, "db-backup-conf");
    expect(copies["global.tls-server-auth"]).toBe("db=db");
    expect(copies["db.pg1-host"]).toBe("db");
  });

  test("has a key of its own, which is generated and stays", () => {
    expect(one(model.secrets, "db-backup-key").source).toEqual({
      kind: "generated",
      length: 64,
      protect: true,
    });
    const { source } = one(model.secrets, "db-backup-keys");
    const text = source.kind === "derived" ? source.content : "";
    const values = new Map(secretsOf(text).map((name) => [name, `<${name}>`]));
    expect(fillText(text, values).split("\n")).toEqual([
      "[global]",
      "repo1-cipher-pass=<db-backup-key>",
      "repo2-cipher-pass=<db-backup-key>",
      "repo2-s3-key=<db-backup-offsite-access-key>",
      "repo2-s3-key-secret=<db-backup-offsite-secret-key>",
      "",
    ]);
    for (const { content } of model.files) expect(content).not.toContain("pass=");
  });

  test("says so to policies, on both platforms", () => {
    expect(server.facts).toEqual({
      backup: "17 3,7,11,15,19,23 * * *",
      backupOffsite: "s3://copies/prod/shop",
      restoreDrill: "47 4 2 * *",
    });
    const site = { stack: "prod", images: { front: IMAGES.front } };
    const { objects } = swarm.lower(model, site);
    expect(objects.find(({ key }) => key === "service:db")).toMatchObject({
      labels: {
        "atalaya.component": "db",
        "atalaya.dev/backup": "17 3,7,11,15,19,23 * * *",
        "atalaya.dev/backup-offsite": "s3://copies/prod/shop",
        "atalaya.dev/restore-drill": "47 4 2 * *",
      },
    });
    const cluster = kubernetes.lower(model, {
      stack: "prod",
      entrance: { type: "load-balancer" },
      verticalAutoscaler: false,
    });
    expect(cluster.objects.find(({ key }) => key === "StatefulSet:db")!.manifest.metadata).toEqual(
      expect.objectContaining({
        annotations: {
          "atalaya.dev/backup": "17 3,7,11,15,19,23 * * *",
          "atalaya.dev/backup-offsite": "s3://copies/prod/shop",
          "atalaya.dev/restore-drill": "47 4 2 * *",
        },
      }),
    );
  });

  test("a copy on a volume alone is not said to be off-site", () => {
    const local = shop({ repositories: BACKUPS.repositories.slice(0, 1) });
    expect(one(local.workloads, "db").facts).toEqual({
      backup: "17 3,7,11,15,19,23 * * *",
      restoreDrill: "47 4 2 * *",
    });
    expect(local.externals).toEqual([]);
  });

  test("WAL waits a short time for a bucket that is away where there is another place, a backup does not", () => {
    const of = (more: Partial<BackupsArgs>): (string | undefined)[] => {
      const found = options(shop(more), "db-backup-conf");
      return [
        found["global.io-timeout"],
        found["global:archive-push.io-timeout"],
        // Of a backup, for its WAL.
        found["global:backup.archive-timeout"],
      ];
    };
    expect(of({})).toEqual([undefined, "10", "220"]);
    expect(of({ walTimeout: "20 s" })).toEqual([undefined, "20", "380"]);
    expect(of({ repositories: BACKUPS.repositories.slice(1) })).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("server, job and schedule share the volume, and nobody shares the database's", () => {
    const repository = { volume: "db-backup-repository", path: "/var/lib/pgbackrest" };
    const drill = { volume: "db-backup-drill", path: "/var/lib/atalaya-drill" };
    for (const part of [schedule, one(model.jobs, "db-backup-prepare")]) {
      expect(part.volumes).toEqual([repository]);
    }
    expect(host.volumes).toEqual([repository, drill]);
    expect(one(model.schedules, "db-backup-drill").volumes).toEqual([repository, drill]);
    expect(one(model.volumes, "db-backup-repository")).toMatchObject({
      access: "shared",
      protect: true,
    });
    const users = [...model.workloads, ...model.jobs, ...model.schedules]
      .filter((r) => r.volumes.some(({ volume }) => volume === "db-data"))
      .map(({ name }) => name);
    expect(users).toEqual(["db", "db-init"]);
  });

  test("numbers are shown where somebody looks", () => {
    const watched = shop({}, true);
    expect(one(watched.workloads, "db-backup").ports).toContainEqual({
      name: "metrics",
      port: 9854,
    });
    expect(watched.scrapes).toContainEqual({
      component: "db",
      workload: "db-backup",
      port: 9854,
      path: "/metrics",
    });
    expect(host.ports).toEqual([{ name: "backup", port: 8432 }]);
  });

  test.each([
    [1, 3, "17 * * * *"],
    [4, 3, "17 3,7,11,15,19,23 * * *"],
    [6, 22, "17 4,10,16,22 * * *"],
    [24, 0, "17 0 * * *"],
  ] as const)("every %i h from %i o'clock: %s", (every, from, cron) => {
    expect(one(shop({ every: every as BackupHours, from }).schedules, "db-backup-run").cron).toBe(
      cron,
    );
  });

  test("a run that hangs ends before a day without a backup is told, and so lets the next one begin (Kubernetes)", () => {
    const { objects } = kubernetes.lower(model, {
      stack: "prod",
      entrance: { type: "load-balancer" },
      verticalAutoscaler: false,
    });
    const clocks = objects.filter(({ key }) => key.startsWith("CronJob:"));
    expect(clocks.map(({ key }) => key)).toEqual([
      "CronJob:db-backup-run",
      "CronJob:db-backup-drill",
    ]);
    for (const { manifest } of clocks) {
      expect(manifest).toMatchObject({
        spec: {
          concurrencyPolicy: "Forbid",
          jobTemplate: { spec: { activeDeadlineSeconds: 12 * 3_600 } },
        },
      });
    }
  });
});

describe("what is typed stays a value", () => {
  test("whatever it is: read back as it was, or refused (property)", () => {
    const hostile = fc.constantFrom(
      "\nrepo1-cipher-type=none",
      "a\r\n[db]",
      " a",
      "a\u2028b",
      "a=b",
      "#a",
    );
    const text = fc.oneof(fc.string(), fc.string({ unit: "binary" }), hostile);
    let refused = 0;
    fc.assert(
      fc.property(fc.record({ endpoint: text, bucket: text, region: text }), (given) => {
        let file: string;
        try {
          file = optionsFile({ global: given });
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
          refused += 1;
          return;
        }
        const lines = file.split(/[\n\r\u2028]/);
        expect(lines).toHaveLength(5);
        const read = lines.slice(1, 4).map((line) => /^([^=]*)=(.*)$/.exec(line.trim())!.slice(1));
        expect(Object.fromEntries(read)).toEqual(given);
      }),
      { numRuns: 1_000 },
    );
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThan(1_000);
  });

  test("all that is wrong comes at once, with its place", () => {
    const s3 = (of: object): RepositoryArgs => ({ ...BACKUPS.repositories[1]!, ...of });
    const found = problems(() =>
      shop({
        repositories: [
          s3({ endpoint: "https://s3.example.org" }),
          s3({ name: "b", bucket: "a\nb" }),
          s3({ name: "c" }),
          s3({ name: "d", endpoint: "S3.eu-west-1.amazonaws.com" }),
          s3({ name: "e", port: 9_000 }),
        ],
        from: 24,
        keep: "36 h",
      }),
    );
    expect(found).toEqual(
      expect.arrayContaining([
        "shop.db-backup.from: 24 is no hour",
        'shop.db-backup.keep: "36 h" is not a number of days',
        "shop.db-backup.repositories.offsite.endpoint: is no host name",
        "shop.db-backup.repositories.b.bucket: is no name",
        "shop.db-backup.repositories.d: is where c is: the same endpoint, port and bucket",
      ]),
    );
  });
});

describe("the stack's configuration", () => {
  const bucket = { endpoint: "s3.example.org", bucket: "copies", region: "eu-west-1" };
  const keys = { accessKey: "AKIA0123456789", secretKey: "not-for-anybody's-eyes" };
  const raw = (backups: unknown, more: Record<string, string> = {}, secret = true): RawConfig => ({
    values: { backups: typeof backups === "string" ? backups : JSON.stringify(backups), ...more },
    isSecret: (key) => secret && key === "backups",
  });
  const load = (...args: Parameters<typeof raw>): ReturnType<typeof loadConfig> =>
    loadConfig(raw(...args), [grupoGad]);

  test("nothing, or the word off: no backups", () => {
    expect(load("off").backups).toBeUndefined();
    expect(loadConfig({ values: {}, isSecret: () => false }, [grupoGad]).backups).toBeUndefined();
  });

  test("a volume and a bucket, with the profile's times; keys are nowhere but among the secrets", () => {
    const { backups, sensitive, site } = load({
      local: {},
      s3: { offsite: { ...bucket, ...keys } },
      walTimeout: "20 s",
    });
    expect(backups).toEqual({
      repositories: [
        { kind: "local", name: "local", storage: "20 GiB" },
        {
          kind: "s3",
          name: "offsite",
          ...bucket,
          port: 443,
          pathStyle: false,
          accessKey: { kind: "configured", key: "backups.s3.offsite.accessKey" },
          secretKey: { kind: "configured", key: "backups.s3.offsite.secretKey" },
        },
      ],
      every: 6,
      from: 3,
      keep: "7 d",
      walTimeout: "20 s",
      drill: "weekly",
    });
    expect(sensitive.get("backups.s3.offsite.secretKey")).toBe(keys.secretKey);
    expect(JSON.stringify([backups, site])).not.toContain(keys.secretKey);
  });

  test("keys that are missing, in plain text, or broken are told by path and never by value", () => {
    const { accessKey } = keys;
    const message = (...args: Parameters<typeof raw>): string =>
      problems(() => load(...args)).join("\n");
    expect(message({ s3: { offsite: { ...bucket, accessKey } } })).toBe(
      "backups.s3.offsite.secretKey: is missing",
    );
    const plain = message({ s3: { offsite: { ...bucket, ...keys } } }, {}, false);
    expect(plain).toContain("backups.s3.offsite.accessKey: stands in plain text");
    const two = `${keys.secretKey}\nrepo1-cipher-type=none`;
    const broken = message({ s3: { offsite: { ...bucket, accessKey, secretKey: two } } });
    expect(broken).toBe(
      "backups.s3.offsite.secretKey: has blanks, line breaks or characters beyond ASCII",
    );
    expect(`${plain}${broken}`).not.toContain(keys.secretKey);
  });

  test.each([
    ["dev", {}, "names no place for copies"],
    ["staging", { local: {} }, "is on a volume beside the databases alone"],
    ["prod", { s3: { offsite: { ...bucket, ...keys } } }, "is in one place, production needs two"],
  ])("%s with %j: %s", (profile, backups, expected) => {
    expect(problems(() => load(backups, { profile })).join("\n")).toContain(expected);
  });

  test("unknown keys, sizes, times and addresses that are none", () => {
    const found = problems(() =>
      load({
        local: { storage: "20 GB" },
        s3: { offsite: { ...bucket, ...keys, endpoint: "https://x", buket: "a" }, local: bucket },
        every: "5 h",
        keep: "36 h",
        walTimeout: "500 ms",
        form: 3,
      }),
    ).map((text) => text.split(":")[0]);
    expect(new Set(found)).toEqual(
      new Set([
        "backups.local.storage",
        "backups.s3.offsite.endpoint",
        "backups.s3.offsite.buket",
        "backups.s3.local",
        "backups.every",
        "backups.keep",
        "backups.walTimeout",
        "backups.form",
      ]),
    );
  });

  /** As Pulumi 3 hands over what YAML took for a timestamp: Go's own print of it. */
  test.each([
    ["2026-11-23 10:15:00 +0000 UTC", "2026-11-23T10:15:00Z"],
    ["2026-11-23 10:15:00.5 +0200 +0200", "2026-11-23T10:15:00.5+02:00"],
    ["2026-11-23 10:15:00.123456789 -0330 -0330", "2026-11-23T10:15:00.123456-03:30"],
    ["2026-11-23 00:00:00 +0000 UTC", "2026-11-23T00:00:00Z"],
  ])("a moment without quotes, %s: its path, and how it is written", (to, quoted) => {
    const copies = (moment: string): object => ({
      local: {},
      restored: { "grupo-gad": { db: { copies: { 1: { to: moment, from: "local" } } } } },
    });
    expect(problems(() => load(copies(to)))).toEqual([
      `backups.restored.grupo-gad.db.copies.1.to: is no text: without quotes YAML takes it for a timestamp. Write it in quotes, with its zone: "${quoted}"`,
    ]);
    expect(load(copies(quoted)).backups?.restored).toMatchObject({
      "grupo-gad": { db: { copies: [{ target: { time: quoted } }] } },
    });
    expect(problems(() => load(copies("yesterday")))[0]).toContain("is neither latest nor");
    expect(problems(() => load(copies("2026-02-30T10:00:00Z")))).toEqual([
      "backups.restored.grupo-gad.db.copies.1.to: is no moment: no calendar has 2026-02-30",
    ]);
  });

  test("every database of the stack gets it, under the stack's name", () => {
    const { systems } = describeStack("mine", raw({ s3: { offsite: { ...bucket, ...keys } } }), [
      grupoGad,
    ]);
    expect(systems[0]!.backups.map(({ component }) => component)).toEqual(["db", "cache"]);
    expect(systems[0]!.backups[0]!.repositories[0]!.place).toBe("s3://copies/mine/grupo-gad");
  });
});

describe("a restored copy (FV-06, PR-13, GG-03)", () => {
  const copy = { number: 1, target: { time: "2026-11-23T10:15:00.5Z" }, from: "offsite" } as const;
  const restored = (of: Partial<Restored>, served = false): SystemModel =>
    shop({
      restored: { shop: { db: { copies: [{ ...copy, served }], serves: 0, ...of } } },
    });
  const mounts = (model: SystemModel, volume: string): string[] =>
    [...model.workloads, ...model.jobs, ...model.schedules]
      .filter((r) => r.volumes.some((mount) => mount.volume === volume))
      .map(({ name }) => name);
  const swarmKeys = (model: SystemModel): Map<string, string> =>
    new Map(
      swarm
        .lower(model, { stack: "prod", images: { front: IMAGES.front } })
        .objects.map((object) => [object.key, JSON.stringify(object)]),
    );

  test("beside: the database and its consumers stay as they are, on both platforms", () => {
    const before = shop({});
    const beside = restored({ beside: 1 });
    const [old, now] = [swarmKeys(before), swarmKeys(beside)];
    for (const [key, object] of old) expect(`${key} ${now.get(key)}`).toBe(`${key} ${object}`);
    const added = [...now.keys()].filter((key) => !old.has(key)).map((key) => key.split(":")[1]);
    expect(added.every((name) => name!.startsWith("db-copy-1"))).toBe(true);
    expect(one(beside.workloads, "db")).toEqual(one(before.workloads, "db"));
    expect(mounts(beside, "db-copy-1-data")).toEqual(["db-copy-1", "db-copy-1-restore"]);
    expect(one(beside.volumes, "db-copy-1-data").protect).toBe(false);
  });

  test("its job reads repositories, and reaches no database; its server reads none", () => {
    const model = restored({ beside: 1 });
    const job = one(model.jobs, "db-copy-1-restore");
    expect(job.environment).toMatchObject({
      RESTORE_TARGET: "time:2026-11-23 10:15:00.500+00",
      RESTORE_REPOSITORY: "offsite",
    });
    expect(job.secrets.map(({ secret }) => secret)).toEqual(["db-backup-keys"]);
    const from = (consumer: string): string[] =>
      model.links.filter((l) => l.consumer === consumer).map(({ provider }) => provider);
    expect(from(job.name)).toEqual(["db-backup-offsite"]);
    const server = one(model.workloads, "db-copy-1");
    expect(server.secrets.map(({ secret }) => secret)).toEqual(["db-admin-password"]);
    expect(Object.keys(server.environment)).toEqual(["ADMIN_PASSWORD_FILE"]);
    expect(from(server.name)).toEqual(["db"]);
    expect(model.links.filter(({ provider }) => provider === "db-copy-1")).toEqual([]);
    expect(one(model.files, "db-copy-1-conf").content).toContain("archive_command = ''");
    expect(server.files).toEqual([
      { file: "db-copy-1-conf", path: "/etc/atalaya/postgresql.conf" },
    ]);
    expect(server.facts).toEqual({});
  });

  test("serving: the database is where it was, on the other volume; roles are made to match once more", () => {
    const before = shop({});
    const model = restored({ serves: 1 }, true);
    const server = one(model.workloads, "db");
    expect(server.volumes).toEqual([{ volume: "db-copy-1-data", path: "/var/lib/postgresql" }]);
    expect(server.startAfter).toEqual(["db-init", "db-copy-1-restore"]);
    expect({ ...server, volumes: [], startAfter: [] }).toEqual({
      ...one(before.workloads, "db"),
      volumes: [],
      startAfter: [],
    });
    expect(mounts(model, "db-data")).toEqual(["db-init"]);
    for (const volume of ["db-data", "db-copy-1-data"]) {
      expect(one(model.volumes, volume).protect).toBe(true);
    }
    const access = (of: SystemModel): string => JSON.stringify(one(of.secrets, "db-access"));
    expect(access(model)).not.toBe(access(before));
    // It would run again: a repository that is away must not hold the restore up.
    expect(one(model.jobs, "db-backup-prepare")).toEqual(one(before.jobs, "db-backup-prepare"));
  });

  test("what it had while it served is kept after the way back", () => {
    const model = restored({}, true);
    expect(one(model.volumes, "db-copy-1-data").protect).toBe(true);
    expect(mounts(model, "db-data")).toEqual(["db", "db-init"]);
  });

  test("pods that read repositories are where the repository's volume is (Kubernetes)", () => {
    const { objects } = kubernetes.lower(restored({ beside: 1 }), {
      stack: "prod",
      entrance: { type: "load-balancer" },
      verticalAutoscaler: false,
    });
    const job = objects.find(({ key }) => key.startsWith("Job:db-copy-1-restore"));
    const text = JSON.stringify(job);
    expect(text.match(/"topologyKey"/g)).toHaveLength(1);
    expect(text).toContain(
      '"labelSelector":{"matchLabels":{"atalaya.dev/volume-db-backup-repository":"true"}}',
    );
  });

  test("the configuration: numbers, names and databases that are not there, all at once", () => {
    const given = {
      local: {},
      restored: {
        "grupo-gad": {
          db: { serves: 2, beside: 3, copies: { "1": { to: "latest", from: "away" } } },
        },
      },
    };
    const load = (backups: unknown): unknown =>
      describeStack(
        "mine",
        { values: { backups: JSON.stringify(backups) }, isSecret: () => false },
        [grupoGad],
      );
    expect(problems(() => load(given))).toEqual([
      "backups.restored.grupo-gad.db.serves: there is no copy 2",
      "backups.restored.grupo-gad.db.beside: there is no copy 3",
      'backups.restored.grupo-gad.db.copies.1.from: there is no repository "away"',
    ]);
    // What the database ran on was made, wherever it came from.
    const gone = { "1": { to: "latest", from: "away", served: true } };
    expect(
      load({ local: {}, restored: { "grupo-gad": { db: { serves: 1, copies: gone } } } }),
    ).toBeDefined();
    const other = { local: {}, restored: { "grupo-gad": { stash: {} } } };
    expect(problems(() => load(other))).toEqual([
      "backups.restored.grupo-gad.stash: the stack has no such database",
    ]);
    const copies = {
      "1": { to: "yesterday", from: "local" },
      "2": { to: "latest", toName: "x", from: "local" },
      "3": { toName: "a'b", from: "local" },
    };
    const bad = problems(() =>
      load({ local: {}, restored: { "grupo-gad": { db: { copies } } } }),
    ).map((p) => p.split(": ")[0]);
    expect(bad).toEqual([
      "backups.restored.grupo-gad.db.copies.1.to",
      "backups.restored.grupo-gad.db.copies.2",
      "backups.restored.grupo-gad.db.copies.3.toName",
    ]);
  });
});

describe("what a drill asks of each system's database", () => {
  const asked = (name: string, config: object = {}): Record<string, string | undefined> => {
    const values = {
      systems: JSON.stringify([name]),
      backups: JSON.stringify({ local: { storage: "1 GiB" }, drill: "daily" }),
      [name]: JSON.stringify(config),
    };
    const [model] = describeStack("dev", { values, isSecret: () => false }, systems).systems;
    const { SMOKE_QUERY, SMOKE_DATABASE } = one(model!.schedules, "db-backup-drill").environment;
    const links = model!.jobs.map(({ environment }) => environment["DATABASE_NAME"]);
    expect(SMOKE_DATABASE === undefined || links.includes(SMOKE_DATABASE)).toBe(true);
    return { SMOKE_QUERY, SMOKE_DATABASE };
  };

  test.each([
    ["grupo-gad", "0001_items.sql", "items", "grupo_gad"],
    ["flores-victoria", "0001_items.sql", "items", "users"],
    ["pronto", "orders/0001_orders.sql", "orders", "pronto"],
  ])("%s: a table of the reference service, that its migration makes", (name, file, table, db) => {
    const { SMOKE_QUERY, SMOKE_DATABASE } = asked(name);
    expect(SMOKE_DATABASE).toBe(db);
    expect(SMOKE_QUERY).toContain(` FROM public.${table}`);
    const migration = path.join(ROOT, "images/reference-service/migrations", file);
    expect(readFileSync(migration, "utf8")).toContain(`CREATE TABLE public.${table} (`);
  });

  test("the team's own image has tables of its own: nothing, or what its configuration says", () => {
    const images = { "order-service": { image: "example.org/orders:1", migrate: ["migrate"] } };
    expect(
      asked("pronto", { services: { "order-service": { image: "example.org/orders:1" } } }),
    ).toEqual({});
    expect(asked("pronto", { database: { smoke: "SELECT 1" } }).SMOKE_QUERY).toBe("SELECT 1");
    const smoke = { database: "orders", query: "SELECT 1" };
    expect(asked("flores-victoria", { postgres: { smoke }, services: images })).toEqual({
      SMOKE_QUERY: "SELECT 1",
      SMOKE_DATABASE: "orders",
    });
  });
});

describe("the drill (FV-06, PR-13)", () => {
  const { drill: monthly, ...never } = BACKUPS;
  const drilled = (drill?: DrillEvery): SystemModel => {
    const system = new System("shop", {
      images: IMAGES,
      surroundings: swarm.surroundings,
      backups: drill === undefined ? never : { ...BACKUPS, drill },
    });
    const smoke = "SELECT count(*) > 0 FROM orders";
    new Postgres("db", { version: 15, storage: "1 GiB", smoke }, in_(system));
    return system.describe();
  };

  test.each([
    ["daily", "47 4 * * *"],
    ["weekly", "47 4 * * 1"],
    ["monthly", "47 4 2 * *"],
  ] as const)("%s: %s, in a container of its own without a way to the database", (drill, cron) => {
    const model = drilled(drill);
    const schedule = one(model.schedules, "db-backup-drill");
    expect(schedule.cron).toBe(cron);
    expect(schedule.secrets.map(({ secret }) => secret)).toEqual(["db-backup-keys"]);
    expect(model.links.filter(({ consumer }) => consumer === schedule.name)).toEqual([
      expect.objectContaining({ provider: "db-backup-offsite" }),
    ]);
    expect(schedule.environment).toMatchObject({
      SMOKE_QUERY: "SELECT count(*) > 0 FROM orders",
      SMOKE_DATABASE: "shop",
    });
    expect(one(model.volumes, "db-backup-drill")).toMatchObject({
      size: 2 ** 30,
      access: "shared",
      protect: false,
    });
  });

  test("off: nothing of it", () => {
    expect(monthly).toBe("monthly");
    const model = drilled();
    expect(JSON.stringify(model)).not.toContain("drill");
  });

  test("its database is nobody's", () => {
    const found = problems(() => {
      const system = new System("shop", {
        images: IMAGES,
        surroundings: swarm.surroundings,
        backups: BACKUPS,
      });
      new Postgres("db", { version: 15, storage: "1 GiB", database: "atalaya" }, in_(system));
      system.describe();
    });
    expect(found).toEqual(['shop.db.database: "atalaya" is taken']);
  });
});
