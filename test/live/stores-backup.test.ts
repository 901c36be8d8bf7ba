import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ArchiveConfiguration } from "../../components/backup/restic";
import { mongodConf } from "../../components/mongo/conf";
import { redisConf } from "../../components/redis/conf";
import { imageTag } from "../../images/catalog";
import { must, type Ran, run } from "../support/commands";
import { Containers, healthy, labelsIn, mounted } from "../support/containers";
import { describeInTime } from "../support/deadline";
import { measured } from "../support/measurements";
import { until } from "../support/poll";

/**
 * Backups of a real Redis and of a real server that speaks MongoDB's protocol, by the programs of our images, in plain
 * containers that share a network and nothing else (FV-06): what an engine, a disk and a person do to them.
 */
jest.setTimeout(300_000);

const place = new Containers("archive");
const { id } = place;

const KEY = randomBytes(24).toString("hex");
const USER = randomBytes(16).toString("hex");
/** Stands in the data: to be found nowhere but there. */
const VALUE = `value-${randomBytes(12).toString("hex")}`;

const key = place.file("key", KEY);
const wrong = place.file("wrong", "of-somebody-else");
const admin = place.file("admin", randomBytes(16).toString("hex"));
const user = place.file("user", USER);
const member = place.file("member", randomBytes(16).toString("hex"));
const configuration: ArchiveConfiguration = {
  keepDays: 7,
  repositories: [
    { name: "local", url: "/var/lib/restic", options: [] },
    // Another folder takes the place of a bucket.
    { name: "second", url: "/var/lib/second/r", options: [] },
  ],
};
const backupConf = place.file("backup.json", JSON.stringify(configuration));

/** The passwords of who administers a store and of who backs it up. */
const secrets = [...mounted(admin, "/run/secrets/admin"), ...mounted(user, "/run/secrets/user")];

const WORK = "/var/lib/atalaya-backup";

/** A store as the cases below see it. */
interface Store {
  readonly name: string;
  readonly image: string;
  readonly program: string;
  readonly uid: number;
  readonly volume: string;
  /** Environment, mounts and command of its server. */
  readonly server: readonly string[];
  readonly access: object;
  /** How whoever backs up gets in. */
  readonly way: Readonly<Record<string, string>>;
  /** Puts data in, twice with another value. */
  fill(server: string, value: string): Promise<unknown>;
  /** Everything that is in it, as one line. */
  digest(server: string): Promise<string>;
}

const sha256 = async (text: string): Promise<string> => {
  const { createHash } = await import("node:crypto");
  return createHash("sha256").update(text).digest("hex");
};

/** A script of Redis' own, as the administrator. */
const redis = async (server: string, database: number, script: string): Promise<string> =>
  (
    await must("docker", [
      ...["exec", server, "bash", "-c"],
      `REDISCLI_AUTH=$(cat /run/secrets/admin) redis-cli --no-auth-warning --user admin -n ${database} EVAL "$1" 0`,
      ...["_", script],
    ])
  ).trim();

/** Every key with its type, its value and whether it ends. */
const REDIS_DIGEST = `
local all = redis.call('KEYS', '*')
table.sort(all)
local out = {}
for _, k in ipairs(all) do
  local t = redis.call('TYPE', k).ok
  local v
  if t == 'string' then v = redis.call('GET', k)
  elseif t == 'hash' then v = redis.call('HGETALL', k)
  elseif t == 'list' then v = redis.call('LRANGE', k, 0, -1)
  elseif t == 'zset' then v = redis.call('ZRANGE', k, 0, -1, 'WITHSCORES')
  else v = redis.call('XRANGE', k, '-', '+') end
  out[#out + 1] = k .. t .. cjson.encode(v) .. tostring(redis.call('PTTL', k) > 0)
end
return #all .. ' ' .. redis.sha1hex(table.concat(out))`;

const redisFill = (value: string): string => `
for i = 1, 5000 do redis.call('SET', 'string:' .. i, '${value}' .. i) end
for i = 1, 100 do redis.call('SET', 'session:' .. i, '${value}', 'EX', 86400) end
for i = 1, 200 do redis.call('RPUSH', 'list', '${value}' .. i) end
for i = 1, 200 do redis.call('ZADD', 'rank', i, '${value}' .. i) end
redis.call('HSET', 'hash', 'a', '${value}', 'b', '2')
redis.call('XADD', 'stream', '*', 'field', '${value}')
return 1`;

/** A script with MongoDB's own driver, from the reference service's image, as the administrator. */
const mongo = async (server: string, script: string): Promise<string> =>
  (
    await must("docker", [
      ...["run", "--rm", "--network", id, ...mounted(admin, "/run/secrets/admin"), "-w", "/app"],
      ...["-e", `SERVER=${server}`, "--entrypoint", "node", imageTag("reference-service")],
      ...["--input-type=commonjs", "-e"],
      `const { MongoClient } = require("mongodb");
       (async () => {
         const password = require("fs").readFileSync("/run/secrets/admin", "utf8");
         const client = new MongoClient("mongodb://" + process.env.SERVER + ":27017", {
           directConnection: true, auth: { username: "admin", password }, authSource: "admin",
           authMechanism: "SCRAM-SHA-256", serverSelectionTimeoutMS: 10000,
         });
         await client.connect();
         ${script}
         await client.close();
       })().catch((error) => { console.error(error); process.exit(1); });`,
    ])
  ).trim();

const stores: readonly Store[] = [
  {
    name: "cache",
    image: imageTag("redis"),
    program: "atalaya-redis",
    uid: 6379,
    volume: "/data",
    server: mounted(
      place.file("redis.conf", redisConf({ memory: 2 ** 27, evict: false })),
      "/etc/atalaya/redis.conf",
    ),
    access: {
      users: [
        {
          name: "backup",
          sha256: "",
          rules: ["-@all", "+ping", "+replconf", "+sync", "+psync"],
        },
      ],
    },
    way: { REDIS_PORT: "6379", REDIS_USER: "backup", REDIS_PASSWORD_FILE: "/run/secrets/user" },
    fill: async (server, value) => {
      await redis(server, 0, redisFill(value));
      await redis(server, 3, `redis.call('SET', 'other', '${value}') return 1`);
    },
    digest: async (server) =>
      `${await redis(server, 0, REDIS_DIGEST)} ${await redis(server, 3, REDIS_DIGEST)}`,
  },
  {
    name: "documents",
    image: imageTag("mongo"),
    program: "atalaya-mongo",
    uid: 27_017,
    volume: "/data/db",
    server: [
      ...mounted(
        place.file("mongod.conf", mongodConf({ memoryLimit: 2 ** 29 })),
        "/etc/atalaya/mongod.conf",
      ),
      ...[...mounted(member, "/run/secrets/member"), "-e", "KEY_FILE=/run/secrets/member"],
    ],
    access: {
      databases: ["shop"],
      users: [{ name: "backup_a", database: "shop", password: USER, grants: ["backup"] }],
    },
    way: {
      ...{ MONGO_PORT: "27017", MONGO_NAME: "shop", MONGO_USER: "backup_a" },
      MONGO_PASSWORD_FILE: "/run/secrets/user",
    },
    fill: (server, value) =>
      mongo(
        server,
        `for (const name of ["shop", "stock"]) {
           const items = client.db(name).collection("items");
           await items.deleteMany({});
           await items.insertMany(Array.from({ length: 2000 }, (_, i) =>
             ({ _id: i, text: "${value}" + i, price: i / 3, at: new Date(1e12 + i), list: [i, { deep: true }] })));
           await items.createIndex({ text: 1 });
         }`,
      ),
    digest: (server) =>
      mongo(
        server,
        `const hash = require("crypto").createHash("sha256");
         let count = 0;
         for (const name of ["shop", "stock"]) {
           const items = client.db(name).collection("items");
           for await (const one of items.find().sort({ _id: 1 })) { hash.update(JSON.stringify(one)); count++; }
           hash.update(JSON.stringify((await items.indexes()).map(({ name }) => name)));
         }
         console.log(count + " " + hash.digest("hex"));`,
      ),
  },
];

describeInTime("backups of Redis and MongoDB in plain containers", 7, () => {
  beforeAll(() => place.open({ internal: true }));
  afterAll(() => place.close());

  describe.each(stores)("$name", (store) => {
    const SERVER = `${id}-${store.name}`;
    const CLERK = `${SERVER}-clerk`;
    const health = [store.program, "health"];
    let filled: string;

    const startServer = (name: string, volume: string): Promise<string> =>
      must("docker", [
        ...["run", "-d", "--name", name, "--network", id, "-v", `${volume}:${store.volume}`],
        ...[...secrets, "-e", "ADMIN_PASSWORD_FILE=/run/secrets/admin", ...store.server],
        ...[store.image, "serve"],
      ]);

    const grant = async (name: string): Promise<void> => {
      const access = JSON.stringify(store.access).replace(
        '"sha256":""',
        `"sha256":"${await sha256(USER)}"`,
      );
      await must("docker", [
        ...["run", "--rm", "--network", id, ...secrets],
        ...mounted(place.file(`${store.name}-access.json`, access), "/run/secrets/access.json"),
        ...["-e", `ADMIN_HOST=${name}`, "-e", "ADMIN_PASSWORD_FILE=/run/secrets/admin"],
        ...[store.image, "access", "--grant"],
      ]);
    };

    /** Whoever backs up: keys, repositories and a way to the store. */
    const clerk = (...more: string[]): string[] => [
      ...["--network", id, "-v", `${SERVER}-work:${WORK}`, "-v", `${SERVER}-local:/var/lib/restic`],
      ...["-v", `${SERVER}-second:/var/lib/second`, ...secrets],
      ...[...mounted(backupConf, "/etc/atalaya/backup.json"), ...mounted(key, "/run/secrets/key")],
      ...[...mounted(wrong, "/run/secrets/wrong"), "-e", "RESTIC_PASSWORD_FILE=/run/secrets/key"],
      ...[
        "-e",
        `BACKUP_OF=${store.name}`,
        "-e",
        `${store.name === "cache" ? "REDIS" : "MONGO"}_HOST=${SERVER}`,
      ],
      ...Object.entries(store.way).flatMap(([name, value]) => ["-e", `${name}=${value}`]),
      ...more,
    ];

    const inClerk = (...command: string[]): Promise<Ran> =>
      run("docker", ["exec", CLERK, ...command]);

    const onClerk = (...command: string[]): Promise<string> =>
      must("docker", ["exec", CLERK, ...command]);

    /** The same, as root: what a disk or a person does behind restic's back. */
    const behind = (script: string): Promise<string> =>
      must("docker", ["exec", "--user", "0", CLERK, "bash", "-c", script]);

    /** Labels of the backups in a repository. */
    const labels = async (repository: 1 | 2): Promise<string[]> =>
      labelsIn(await onClerk("atalaya-backup", "info"), repository);

    /** What a job of the stack does for a copy. */
    const build = (volume: string, ...more: string[]): Promise<Ran> =>
      run("docker", [
        ...["run", "--rm", ...clerk(...more), "-v", `${volume}:${store.volume}`],
        ...["--entrypoint", "atalaya-restore", store.image, "build"],
      ]);

    beforeAll(async () => {
      const data = ["-v", `${SERVER}-data:${store.volume}`];
      await must("docker", ["run", "--rm", ...data, store.image, "init"]);
      await startServer(SERVER, `${SERVER}-data`);
      await healthy(SERVER, ...health);
      await grant(SERVER);
      await store.fill(SERVER, VALUE);
      filled = await store.digest(SERVER);
      await must("docker", [
        ...["run", "-d", "--init", "--name", CLERK, ...clerk("-e", "BACKUP_REFRESH=2")],
        ...[
          "--entrypoint",
          "bash",
          "--user",
          String(store.uid),
          store.image,
          "-c",
          "atalaya-backup serve",
        ],
      ]);
      await behind(`chown ${store.uid} /var/lib/second`);
      await until("it can be told something", { within: 30_000 }, async () => {
        return (await inClerk("true")).code === 0;
      });
    });

    // The next store has the machine for itself.
    afterAll(() => run("docker", ["rm", "-f", SERVER, CLERK, `${SERVER}-copy`]));

    test("without a repository nothing is begun in silence; prepare makes one in each place, once", async () => {
      const without = await inClerk("atalaya-backup", "run");
      expect(without.code).toBe(1);
      expect(without.stderr).toContain("there is no repository");
      await onClerk("atalaya-backup", "prepare");
      expect(await onClerk("atalaya-backup", "prepare")).toContain("the repository is there");
      expect(await labels(1)).toEqual([]);
    });

    test("a backup, then other data, then a restore into a new place: all is as it was", async () => {
      await onClerk("atalaya-backup", "run");
      const [label] = await labels(1);
      expect(await labels(2)).toHaveLength(1);
      await store.fill(SERVER, "afterwards");
      const changed = await store.digest(SERVER);
      expect(changed).not.toBe(filled);
      const set = ["-e", "RESTORE_TARGET=latest", "-e", `RESTORE_SET=${label}`];
      const begun = Date.now();
      const built = await build(`${SERVER}-copy`, ...set, "-e", "RESTORE_REPOSITORY=local");
      expect(`${built.stdout}${built.stderr}`).toContain("atalaya-restore: done");
      await startServer(`${SERVER}-copy`, `${SERVER}-copy`);
      await healthy(`${SERVER}-copy`, ...health);
      measured(`backups: ${store.name} restored`, { seconds: (Date.now() - begun) / 1_000 });
      expect(await store.digest(`${SERVER}-copy`)).toBe(filled);
      expect(await store.digest(SERVER)).toBe(changed);
      // What is there is left alone, whoever asks for what; the server that has it need not stop for that.
      const again = await build(`${SERVER}-copy`, ...set, "-e", "RESTORE_REPOSITORY=local");
      expect(again).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("there already") as string,
      });
      await must("docker", ["rm", "-f", `${SERVER}-copy`]);
      const other = await build(`${SERVER}-copy`, ...set, "-e", "RESTORE_REPOSITORY=second");
      expect(other.code).toBe(1);
      expect(other.stderr).toContain("holds other data");
    });

    test("a restored store starts again and again, lets its consumers in, and is backed up as before", async () => {
      await startServer(`${SERVER}-copy`, `${SERVER}-copy`);
      await healthy(`${SERVER}-copy`, ...health);
      await grant(`${SERVER}-copy`);
      await must("docker", ["restart", `${SERVER}-copy`]);
      await healthy(`${SERVER}-copy`, ...health);
      expect(await store.digest(`${SERVER}-copy`)).toBe(filled);
      const host = `${store.name === "cache" ? "REDIS" : "MONGO"}_HOST=${SERVER}-copy`;
      const dumped = await run("docker", [
        ...["exec", "-e", host, CLERK, "bash", "-c"],
        `mkdir /tmp/d && ${store.program} dump /tmp/d && rm -rf /tmp/d`,
      ]);
      expect(dumped.stderr).toBe("");
      await must("docker", ["rm", "-f", `${SERVER}-copy`]);
    });

    test("a moment leads to the newest backup of before it; one before all is refused", async () => {
      const early = await build(
        `${SERVER}-other`,
        ...["-e", "RESTORE_TARGET=time:2020-01-01 00:00:00.000+00"],
        ...["-e", "RESTORE_REPOSITORY=local"],
      );
      expect(early.code).toBe(1);
      expect(early.stderr).toContain("there is no backup for");
      const between = new Date().toISOString().replace("T", " ").replace("Z", "+00");
      await sleep(1_100);
      await onClerk("atalaya-backup", "now");
      const target = ["-e", `RESTORE_TARGET=time:${between}`, "-e", "RESTORE_REPOSITORY=second"];
      expect((await build(`${SERVER}-other`, ...target)).stdout).toContain("atalaya-restore: done");
      await startServer(`${SERVER}-copy`, `${SERVER}-other`);
      await healthy(`${SERVER}-copy`, ...health);
      expect(await store.digest(`${SERVER}-copy`)).toBe(filled);
      await must("docker", ["rm", "-f", `${SERVER}-copy`]);
    });

    test("a drill restores from each repository and says how long it took", async () => {
      expect(await onClerk("atalaya-restore", "drill")).toContain("second: passed");
      const drills = JSON.parse(await onClerk("atalaya-restore", "drills")) as {
        readonly ok: boolean;
        readonly rtoSeconds: number;
        readonly rpoSeconds: number;
      }[];
      expect(drills.map(({ ok }) => ok)).toEqual([true, true]);
      measured(`backups: drill of ${store.name}`, { rtoSeconds: drills[0]!.rtoSeconds });
      await until("the numbers are told", { within: 30_000 }, async () =>
        (await onClerk("curl", "-fsS", "http://127.0.0.1:9854/metrics")).includes(
          'atalaya_backup_repository_ok{repository="second"} 1',
        ),
      );
      const old = await inClerk(
        "env",
        "DRILL_RPO=0",
        "BACKUP_DRILLED=yes",
        "atalaya-restore",
        "drill",
      );
      expect(old.code).toBe(1);
      expect(old.stderr).toContain("the newest backup is of");
      expect(await onClerk("atalaya-restore", "metrics")).toContain(
        'atalaya_restore_drill_ok{repository="local"} 0',
      );
    });

    test("another key reads nothing and breaks nothing", async () => {
      const before = await labels(1);
      const other = ["env", "RESTIC_PASSWORD_FILE=/run/secrets/wrong"];
      for (const command of ["prepare", "run"]) {
        const ran = await inClerk(...other, "atalaya-backup", command);
        expect(ran.code).toBe(1);
        expect(ran.stderr).toMatch(/another key|wrong password/);
      }
      const got = await build(
        `${SERVER}-killed`,
        ...["-e", "RESTIC_PASSWORD_FILE=/run/secrets/wrong", "-e", "RESTORE_TARGET=latest"],
        ...["-e", "RESTORE_REPOSITORY=local"],
      );
      expect(got.stderr).toContain("another key opens it");
      expect(await labels(1)).toEqual(before);
      await onClerk("atalaya-backup", "run");
    });

    test("of two at once one goes on and the other says why not", async () => {
      const first = inClerk("atalaya-backup", "run");
      await sleep(700);
      const second = await inClerk("atalaya-backup", "run");
      expect(second.code).toBe(1);
      expect(second.stderr).toContain("another backup is under way");
      expect((await first).code).toBe(0);
    });

    test("one that is killed is in no list, and the next one is whole, whatever it left", async () => {
      const before = await labels(1);
      const cut = inClerk("atalaya-backup", "run");
      await until("restic writes", { within: 60_000, every: 50 }, async () =>
        (await must("docker", ["top", CLERK, "-eo", "pid,args"])).includes(" backup --host"),
      );
      await behind(
        "for p in /proc/[0-9]*; do if tr '\\0' ' ' <$p/cmdline 2>/dev/null | grep -qE '^(/bin/bash /usr/local/bin/atalaya-backup run|timeout 0 restic|restic )'; then kill -KILL ${p#/proc/}; fi; done",
      );
      expect((await cut).code).not.toBe(0);
      expect(await labels(1)).toEqual(before);
      await onClerk("atalaya-backup", "run");
      expect(await labels(1)).toHaveLength(before.length + 1);
    });

    test("one repository away: the other one has its backup, and it is told", async () => {
      await behind("mv /var/lib/second/r /var/lib/second/away");
      const ran = await inClerk("atalaya-backup", "run");
      expect(ran.code).toBe(1);
      expect(ran.stdout).toContain("local: done");
      expect(ran.stderr).toContain("no backup in: second");
      expect(await onClerk("atalaya-backup", "metrics")).toContain(
        'atalaya_backup_repository_ok{repository="second"} 0',
      );
      await behind("mv /var/lib/second/away /var/lib/second/r");
      await onClerk("atalaya-backup", "run");
    });

    test("what is older than it is kept goes once a day, with its data; what is not stays (GG-13)", async () => {
      const restic = (...args: string[]): Promise<string> =>
        onClerk("restic", "--repo", "/var/lib/restic", "--no-cache", ...args);
      const snapshots = async (): Promise<{ id: string; time: string }[]> =>
        JSON.parse(await restic("snapshots", "--json")) as { id: string; time: string }[];
      /** Files with what was backed up, by the content of each. */
      const packs = async (): Promise<string[]> =>
        (await behind("cd /var/lib/restic/data && ls */*")).split("\n");
      const daysAgo = (days: number): string =>
        new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 19).replace("T", " ");
      const there = async (days: number): Promise<boolean> =>
        (await snapshots()).some(({ time }) => time.startsWith(daysAgo(days).slice(0, 10)));
      // One has data that no other has.
      const known = await packs();
      await store.fill(SERVER, randomBytes(64).toString("hex"));
      await onClerk("atalaya-backup", "run");
      const own = (await packs()).filter((pack) => !known.includes(pack));
      expect(own.length).toBeGreaterThan(0);
      const [old, younger] = (await snapshots()).map(({ id: snapshot }) => snapshot).reverse();
      await store.fill(SERVER, "afterwards");
      await onClerk("atalaya-backup", "run");
      // Seven days are kept.
      await restic("rewrite", "--forget", "--new-time", daysAgo(8), old!);
      await restic("rewrite", "--forget", "--new-time", daysAgo(6), younger!);
      expect([await there(8), await there(6)]).toEqual([true, true]);
      await behind(`rm -f ${WORK}/results/local.tended`);
      await onClerk("atalaya-backup", "run");
      expect([await there(8), await there(6)]).toEqual([false, true]);
      expect((await packs()).filter((pack) => own.includes(pack))).toEqual([]);
    });

    test("a damaged repository is found by the day's check and by the drill, and leads to no store", async () => {
      await behind(
        // All but a pack's own table at its end.
        `for f in /var/lib/restic/data/*/*; do head -c "$(($(stat -c %s "$f") * 9 / 10))" /dev/zero | dd of="$f" conv=notrunc status=none; done`,
      );
      const drilled = await inClerk("atalaya-restore", "drill");
      expect(drilled.code).toBe(1);
      expect(drilled.stderr).toContain("the drill failed for: local");
      const built = await build(
        `${SERVER}-killed`,
        ...["-e", "RESTORE_TARGET=latest", "-e", "RESTORE_REPOSITORY=local"],
      );
      expect(built.code).toBe(1);
      const holds = ["run", "--rm", "-v", `${SERVER}-killed:${store.volume}`, store.image, "holds"];
      expect((await run("docker", holds)).code).toBe(1);
      await behind(
        `rm -f ${WORK}/results/*.tended; truncate -s -8 "$(ls -S /var/lib/restic/data/*/* | head -1)"`,
      );
      const ran = await inClerk("atalaya-backup", "run");
      expect(ran.code).toBe(1);
      expect(ran.stderr).toContain("damaged");
      expect(await onClerk("atalaya-backup", "metrics")).toContain(
        'atalaya_backup_errors{repository="local"} 1',
      );
      // The other one is well, and so is what is restored from it.
      const target = ["-e", "RESTORE_TARGET=latest", "-e", "RESTORE_REPOSITORY=second"];
      expect((await build(`${SERVER}-killed`, ...target)).stdout).toContain(
        "atalaya-restore: done",
      );
    });

    test("no key, no password and no value is readable in a repository, a log, a command line or a description", async () => {
      const words = [VALUE, KEY, USER].flatMap((word) => ["-e", word]).join(" ");
      expect(
        await behind(`grep -rlaF ${words} /var/lib/restic /var/lib/second ${WORK} /tmp || true`),
      ).toBe("");
      const working = inClerk("atalaya-backup", "run");
      const seen: string[] = [];
      let done = false;
      void working.then(() => (done = true));
      while (!done) {
        seen.push(await must("docker", ["top", CLERK, "-eo", "pid,args"]));
        await sleep(100);
      }
      const { stdout, stderr } = await working;
      seen.push(stdout, stderr, await must("docker", ["inspect", CLERK, SERVER]));
      for (const container of [CLERK, SERVER]) {
        const logs = await run("docker", ["logs", container]);
        seen.push(logs.stdout, logs.stderr);
      }
      expect(seen.join("\n")).toContain("restic");
      for (const word of [VALUE, KEY, USER]) expect(seen.join("\n")).not.toContain(word);
    });
  });

  test("whoever backs Redis up can read no key by its name, write none and administer nothing", async () => {
    // Of the description above, whose containers are gone: a server of its own.
    const server = `${id}-alone`;
    const [cache] = stores;
    await must("docker", [
      ...["run", "-d", "--name", server, "--network", id, ...secrets],
      ...["-e", "ADMIN_PASSWORD_FILE=/run/secrets/admin"],
      ...[...cache!.server, "--tmpfs", "/data:uid=6379,gid=6379,mode=0700", "--entrypoint", "bash"],
      ...[cache!.image, "-c", "atalaya-redis init && exec atalaya-redis serve"],
    ]);
    await healthy(server, "atalaya-redis", "health");
    const rules = (cache!.access as { users: [{ rules: string[] }] }).users[0].rules.join(" ");
    const as = (who: string, command: string): Promise<string> =>
      must("docker", [
        ...["exec", server, "bash", "-c"],
        `REDISCLI_AUTH=$(cat /run/secrets/${who === "admin" ? "admin" : "user"}) redis-cli --no-auth-warning --user ${who} ${command}`,
      ]);
    await as("admin", `ACL SETUSER backup on '#${await sha256(USER)}' ${rules}`);
    for (const command of [
      "GET a",
      "SET a b",
      "KEYS '*'",
      "CONFIG GET '*'",
      "ACL LIST",
      "FLUSHALL",
    ]) {
      expect(await as("backup", command)).toContain("NOPERM");
    }
  });
});
