import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { mongodConf } from "../../components/mongo/conf";
import { postgresConf } from "../../components/postgres/conf";
import { POOL_PORT, POOL_ROLE, pgbouncerConf } from "../../components/postgres/pool";
import { redisConf } from "../../components/redis/conf";
import { imageTag } from "../../images/catalog";
import { fillText, jsonText } from "../../model/text";
import { must, type Ran, run } from "../support/commands";
import { Containers, mounted } from "../support/containers";
import { describeInTime } from "../support/deadline";
import { until } from "../support/poll";
import { inReferenceService } from "../support/reference-service";

/** The programs of the stores' images, in plain containers: what an engine does to them at night. */
jest.setTimeout(600_000);

const place = new Containers("stores");
const { id } = place;

const ADMINISTRATOR = "administrator-of-the-test";
const password = place.file("password", `${ADMINISTRATOR}\n`);

/** A Redis that keeps nothing and asks nobody who they are. */
const OPEN = ["--save", "", "--protected-mode", "no"];

/** Who administers a store, and proves it. */
const ADMIN = [
  ...mounted(password, "/run/secrets/admin"),
  ...["-e", "ADMIN_PASSWORD_FILE=/run/secrets/admin"],
];

describeInTime("the stores' programs", 2, () => {
  beforeAll(() => place.open());
  afterAll(() => place.close());

  test("a killed PostgreSQL starts again, whatever its lock file says", async () => {
    const image = imageTag("postgres");
    const data = ["-v", `${id}-db:/var/lib/postgresql`];
    const conf = place.file(
      "postgresql.conf",
      postgresConf({ memoryLimit: 2 ** 29, maxConnections: 50 }),
    );
    const empty = await run("docker", ["run", "--rm", ...data, image, "serve"]);
    expect(empty.code).not.toBe(0);
    expect(empty.stderr).toContain("serving never makes one");
    await must("docker", ["run", "--rm", ...data, image, "init"]);
    for (let pid = 6; pid <= 8; pid++) {
      // The number of a process that lives in the new container too.
      const stale = `printf '${pid}\\n/var/lib/postgresql/15/data\\n' > /var/lib/postgresql/15/data/postmaster.pid`;
      await must("docker", ["run", "--rm", ...data, "--entrypoint", "bash", image, "-c", stale]);
      await must("docker", [
        ...["run", "-d", "--init", "--name", `${id}-db`, ...data],
        ...[...mounted(conf, "/etc/atalaya/postgresql.conf"), ...ADMIN, image, "serve"],
      ]);
      const exec = (check: string): Promise<boolean> =>
        run("docker", ["exec", `${id}-db`, "atalaya-postgres", check]).then(
          ({ code }) => code === 0,
        );
      await until(`start ${pid}`, { within: 30_000 }, () => exec("health"));
      expect(await exec("alive")).toBe(true);
      await must("docker", ["kill", "--signal", "KILL", `${id}-db`]);
      await must("docker", ["rm", `${id}-db`]);
    }
  });

  test("a link to PostgreSQL opens its own database alone; one that none names keeps its data", async () => {
    const image = imageTag("postgres");
    const conf = place.file(
      "postgresql.conf",
      postgresConf({ memoryLimit: 2 ** 29, maxConnections: 50 }),
    );
    const data = ["-v", `${id}-db:/var/lib/postgresql`];
    await must("docker", ["run", "--rm", ...data, image, "init"]);
    await must("docker", [
      ...["run", "-d", "--init", "--name", `${id}-db`, "--network", id, ...data, ...ADMIN],
      ...[...mounted(conf, "/etc/atalaya/postgresql.conf"), image, "serve"],
    ]);
    const database = (name: string): object => ({
      database: name,
      owner: `${name}_owner`,
      links: [
        {
          group: `${name}_app`,
          grants: ["read", "write"],
          logins: [{ name: `${name}_app_a`, verifier: { secret: name, form: "scram-sha-256" } }],
        },
      ],
    });
    const access = (mode: string, ...names: string[]): Promise<string> => {
      const list = jsonText({ databases: names.map(database) });
      const values = new Map(names.map((name) => [name, `password-of-${name}`]));
      return must("docker", [
        ...["run", "--rm", "--network", id, ...ADMIN, "-e", `ADMIN_HOST=${id}-db`],
        ...mounted(
          place.file("databases.json", fillText(list, values)),
          "/run/secrets/access.json",
        ),
        ...[image, "access", mode],
      ]);
    };
    const psql = (user: string, name: string, statement: string): Promise<Ran> =>
      run("docker", [
        ...[
          "exec",
          "-e",
          `PGPASSWORD=password-of-${user.split("_")[0]!}`,
          `${id}-db`,
          "psql",
          "-XAtq",
        ],
        ...[...(user === "postgres" ? [] : ["-h", "127.0.0.1"]), "-U", user, "-d", name],
        ...["-c", statement],
      ]);

    await access("--grant", "users", "orders");
    expect((await psql("users_app_a", "users", "SELECT 1")).stdout).toBe("1\n");
    expect((await psql("users_app_a", "orders", "SELECT 1")).stderr).toMatch(/permission denied/);
    const made = "SET ROLE orders_owner; CREATE TABLE t (n int); INSERT INTO t VALUES (7)";
    expect((await psql("postgres", "orders", made)).code).toBe(0);
    expect((await psql("orders_app_a", "orders", "SELECT n FROM t")).stdout).toBe("7\n");
    expect(await access("--grant", "users", "orders")).toBe(
      "atalaya-postgres: done: orders, users",
    );

    expect(await access("--grant", "users")).toBe("atalaya-postgres: done: users");
    expect((await psql("orders_app_a", "orders", "SELECT n FROM t")).stdout).toBe("7\n");
    expect(await access("--revoke", "users")).toMatch(/dropped role orders_app_a/);
    expect((await psql("orders_app_a", "orders", "SELECT 1")).stderr).toMatch(
      /password authentication/,
    );
    expect((await psql("postgres", "orders", "SELECT n FROM t")).stdout).toBe("7\n");
    expect((await psql("users_app_a", "users", "SELECT 1")).stdout).toBe("1\n");
    await access("--grant", "users", "orders");
    expect((await psql("orders_app_a", "orders", "SELECT n FROM t")).stdout).toBe("7\n");
  });

  test("the reference service keeps orders and items in such a PostgreSQL, and in Redis: its own tests (PR-01)", async () => {
    const [database, cache] = await Promise.all([
      place.address("db"),
      place.start("plain-redis", ["--entrypoint", "redis-server", imageTag("redis"), ...OPEN]),
    ]);
    const said = await inReferenceService((folder, env) =>
      must("node", ["--import", "tsx", "--test", "src/orders.test.ts", "src/stores.test.ts"], {
        cwd: folder,
        env: {
          ...env,
          TEST_DATABASE_URL: `postgres://postgres:${ADMINISTRATOR}@${database}:5432/postgres`,
          TEST_REDIS_URL: `redis://${cache}:6379`,
        },
      }),
    );
    // MongoDB's, which the suite's Flores Victoria has.
    expect(said).toMatch(/\bskipped 1\b/);
    expect(Number(/\bpass (\d+)/.exec(said)?.[1])).toBeGreaterThan(6);
  });

  test("a pool lets links in and out without a restart, and cuts no transaction when it stops (PR-14)", async () => {
    const [image, poolImage] = [imageTag("postgres"), imageTag("pgbouncer")];
    const [db, pool] = [`${id}-pooled`, `${id}-pool`];
    const conf = place.file(
      "pooled.conf",
      postgresConf({ memoryLimit: 2 ** 29, maxConnections: 50 }),
    );
    const data = ["-v", `${db}:/var/lib/postgresql`];
    await must("docker", ["run", "--rm", ...data, image, "init"]);
    await must("docker", [
      ...["run", "-d", "--init", "--name", db, "--network", id, ...data, ...ADMIN],
      ...[...mounted(conf, "/etc/atalaya/postgresql.conf"), image, "serve"],
    ]);
    const verifier = (secret: string): object => ({ secret, form: "scram-sha-256" });
    const access = (mode: string, ...names: string[]): Promise<string> => {
      const list = jsonText({
        databases: [
          {
            database: "shop",
            owner: "shop_owner",
            links: names.map((name) => ({
              group: `shop_${name}`,
              grants: ["read", "write"],
              logins: [{ name: `shop_${name}_a`, verifier: verifier(name) }],
            })),
          },
        ],
        pool: {
          login: { name: POOL_ROLE, verifier: verifier("pool") },
          users: names.map((name) => ({
            name: `shop_${name}_a`,
            mode: name === "reports" ? "session" : "transaction",
            connections: 2,
          })),
        },
      });
      const values = new Map([...names, "pool"].map((name) => [name, `password-of-${name}`]));
      return must("docker", [
        ...["run", "--rm", "--network", id, ...ADMIN, "-e", `ADMIN_HOST=${db}`],
        ...mounted(place.file("pooled.json", fillText(list, values)), "/run/secrets/access.json"),
        ...[image, "access", mode],
      ]);
    };
    const psql = (
      host: string,
      user: string,
      name: string,
      ...statements: string[]
    ): Promise<Ran> =>
      run("docker", [
        ...["exec", "-e", `PGPASSWORD=password-of-${user.split(/[_-]/)[1]!}`, db, "psql", "-XAtq"],
        ...["-v", "ON_ERROR_STOP=1", "-h", host, "-p", host === pool ? String(POOL_PORT) : "5432"],
        ...["-U", user, "-d", name, ...statements.flatMap((statement) => ["-c", statement])],
      ]);
    await access("--grant", "api");
    const poolConf = pgbouncerConf({ host: db, clients: 100, wait: 5, queryTimeout: 30 });
    await must("docker", [
      ...["run", "-d", "--init", "--name", pool, "--network", id, "--read-only"],
      ...["--tmpfs", "/tmp", "--tmpfs", "/run/pgbouncer"],
      ...mounted(place.file("pgbouncer.ini", poolConf), "/etc/atalaya/pgbouncer.ini"),
      ...mounted(place.file("pool-password", "password-of-pool\n"), "/run/secrets/pool"),
      ...["-e", `DATABASE_HOST=${db}`, "-e", `DATABASE_USER=${POOL_ROLE}`],
      ...["-e", "DATABASE_PASSWORD_FILE=/run/secrets/pool", "-e", "POOL_METRICS_PORT=9127"],
      ...[poolImage, "serve"],
    ]);
    const check = (name: string): Promise<boolean> =>
      run("docker", ["exec", pool, "atalaya-pgbouncer", name]).then(({ code }) => code === 0);
    await until("the pool is well", { within: 20_000 }, () => check("health"));

    // The consumer is itself at the server; a wrong password, the pool's role and the console are refused.
    expect((await psql(pool, "shop_api_a", "shop", "SELECT current_user")).stdout).toBe(
      "shop_api_a\n",
    );
    const wrong = await run("docker", [
      ...["exec", "-e", "PGPASSWORD=wrong", db, "psql", "-h", pool, "-p", String(POOL_PORT)],
      ...["-U", "shop_api_a", "-d", "shop", "-c", "SELECT 1"],
    ]);
    expect(wrong.stderr).toMatch(/authentication failed/);
    expect((await psql(pool, "shop_api_a", "pgbouncer", "SHOW USERS")).stderr).toMatch(
      /not allowed/,
    );
    expect((await psql(db, POOL_ROLE, "shop", "SELECT 1")).stderr).toMatch(/permission denied/);
    const peek = "SELECT rolpassword FROM pg_authid";
    expect((await psql(db, POOL_ROLE, "postgres", peek)).stderr).toMatch(/permission denied/);
    const list = await psql(db, POOL_ROLE, "postgres", "SELECT name FROM pool.users()");
    expect(list.stdout).toBe("shop_api_a\n");
    // What it counts is shown by the network, to whoever is let in there; its console is not.
    const counted = (): Promise<string> =>
      must("docker", ["exec", db, "curl", "-fsS", `http://${pool}:9127/metrics`]);
    const own = 'database="shop",user="shop_api_a"';
    for (const line of [
      "pgbouncer_up 1",
      "pgbouncer_config_max_client_connections 100",
      `pgbouncer_pools_client_waiting_connections{${own}} 0`,
    ]) {
      expect((await counted()).split("\n")).toContain(line);
    }

    // A new link restarts nothing.
    const started = await must("docker", ["inspect", "--format", "{{.State.StartedAt}}", pool, db]);
    await access("--grant", "api", "reports");
    await until("the new link is let in", { within: 10_000 }, async () => {
      return (await psql(pool, "shop_reports_a", "shop", "SELECT 1")).stdout === "1\n";
    });
    // Two idle clients keep both server connections by session, and none by transaction.
    const third = async (user: string): Promise<number> => {
      const idle = [1, 2].map(() => psql(pool, user, "shop", "SELECT 1", "\\! sleep 4"));
      await sleep(1_000);
      const { stdout, milliseconds } = await psql(pool, user, "shop", "SELECT 3");
      expect(stdout).toBe("3\n");
      await Promise.all(idle);
      return milliseconds;
    };
    expect(await third("shop_reports_a")).toBeGreaterThan(1_500);
    expect(await third("shop_api_a")).toBeLessThan(1_500);
    await access("--grant", "api");
    expect(await access("--revoke", "api")).toMatch(/the pool lets shop_reports_a in no more/);
    await until("the withdrawn link is refused", { within: 10_000 }, async () =>
      /authentication failed/.test((await psql(pool, "shop_reports_a", "shop", "SELECT 1")).stderr),
    );
    expect(await must("docker", ["inspect", "--format", "{{.State.StartedAt}}", pool, db])).toBe(
      started,
    );

    const sleeping = psql(pool, "shop_api_a", "shop", "BEGIN; SELECT 7 FROM pg_sleep(5); COMMIT");
    await until("the transaction runs", { within: 5_000 }, async () => {
      const running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(5)%'";
      const asked = ["exec", db, "psql", "-U", "postgres", "-Atc", running];
      const { stdout } = await run("docker", asked);
      return Number(stdout) > 1;
    });
    const stopping = must("docker", ["stop", "--time", "20", pool]);
    expect((await sleeping).stdout).toBe("7\n");
    await stopping;
    const code = await must("docker", ["inspect", "--format", "{{.State.ExitCode}}", pool]);
    expect(code).toBe("0");
  });

  test("granting in Redis only adds; withdrawing comes after consumers have changed", async () => {
    const image = imageTag("redis");
    const conf = place.file("redis.conf", redisConf({ memory: 2 ** 25, evict: false }));
    const volume = ["-v", `${id}-cache:/data`];
    // A volume that was lost is no reason to begin without what was in it.
    const served = [
      ...["run", "--rm", ...volume, ...ADMIN],
      ...mounted(conf, "/etc/atalaya/redis.conf"),
    ];
    const refused = await run("docker", [...served, image, "serve"]);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining("never begins anew"),
    ]);
    await must("docker", ["run", "--rm", ...volume, image, "init"]);
    const again = await must("docker", ["run", "--rm", ...volume, image, "init"]);
    expect(again).toContain("nothing to do");
    await must("docker", [
      ...["run", "-d", "--init", "--name", `${id}-cache`, "--network", id, ...volume],
      ...[...ADMIN, ...mounted(conf, "/etc/atalaya/redis.conf"), image, "serve"],
    ]);
    const access = async (mode: string, rules: string[]): Promise<void> => {
      const users = [
        { name: "api", sha256: "a".repeat(64), rules: [...rules, "+@all", "-@admin"] },
      ];
      const list = place.file("access.json", JSON.stringify({ users }));
      await must("docker", [
        ...["run", "--rm", "--network", id, ...ADMIN, "-e", `ADMIN_HOST=${id}-cache`],
        ...["-v", `${list}:/run/secrets/access.json`, image, "access", mode],
      ]);
    };
    const keys = async (): Promise<string> => {
      const script =
        'REDISCLI_AUTH=$(cat /run/secrets/admin) redis-cli --user admin --no-auth-warning ACL LIST | grep "^user api"';
      const line = await must("docker", ["exec", `${id}-cache`, "bash", "-c", script]);
      return line
        .split(" ")
        .filter((word) => word.startsWith("~"))
        .join(" ");
    };
    await access("--grant", ["~one:*"]);
    expect(await keys()).toBe("~one:*");
    await access("--grant", ["~two:*"]);
    expect(await keys()).toBe("~one:* ~two:*");
    await access("--revoke", ["~two:*"]);
    expect(await keys()).toBe("~two:*");
    await access("--grant", ["~*"]);
    // Narrower than what the old version of the consumer has: nothing is taken yet.
    await access("--grant", ["~two:*"]);
    expect(await keys()).toBe("~*");
    await access("--revoke", ["~two:*"]);
    expect(await keys()).toBe("~two:*");
  });

  test("MongoDB's exporter has a user of its own, and says when the server is away and back (FV-07, FV-10)", async () => {
    const [image, server, exporter] = [imageTag("mongo"), `${id}-documents`, `${id}-metrics`];
    const secret = randomBytes(12).toString("hex");
    const data = ["-v", `${server}:/data/db`];
    const conf = place.file("mongod.conf", mongodConf({ memoryLimit: 2 ** 29 }));
    const member = place.file("member", randomBytes(16).toString("hex"));
    await must("docker", ["run", "--rm", ...data, image, "init"]);
    await must("docker", [
      ...["run", "-d", "--init", "--name", server, "--network", id, ...data, ...ADMIN],
      ...[...mounted(conf, "/etc/atalaya/mongod.conf"), ...mounted(member, "/run/secrets/member")],
      ...["-e", "KEY_FILE=/run/secrets/member", image, "serve"],
    ]);
    const users = [{ name: "metrics_a", database: "shop", password: secret, grants: ["monitor"] }];
    const list = place.file("mongo-access.json", JSON.stringify({ databases: ["shop"], users }));
    const granted = await must("docker", [
      ...["run", "--rm", "--network", id, ...ADMIN, "-e", `ADMIN_HOST=${server}`],
      ...[...mounted(list, "/run/secrets/access.json"), image, "access", "--grant"],
    ]);
    expect(granted).toContain("made user metrics_a of shop: clusterMonitor on admin");
    await must("docker", [
      ...["run", "-d", "--name", exporter, "--network", id, "--read-only", "--cap-drop", "ALL"],
      ...[
        "--memory",
        "64m",
        ...mounted(place.file("metrics", `${secret}\n`), "/run/secrets/metrics"),
      ],
      ...["-e", `MONGO_HOST=${server}`, "-e", "MONGO_PORT=27017", "-e", "MONGO_NAME=shop"],
      ...["-e", "MONGO_USER=metrics_a", "-e", "MONGO_PASSWORD_FILE=/run/secrets/metrics"],
      ...[imageTag("monitoring"), "mongodb-exporter"],
    ]);
    const ask = async (): Promise<string> => {
      const { stdout } = await run("docker", [
        ...["exec", exporter, "curl", "-fsS", "--max-time", "9", "http://127.0.0.1:9216/metrics"],
      ]);
      return stdout;
    };
    const says = (value: 0 | 1): Promise<unknown> =>
      until(`mongodb_up is ${value}`, { within: 60_000 }, async () =>
        (await ask()).includes(`\nmongodb_up ${value}\n`),
      );
    await says(1);
    expect(await ask()).toMatch(/^mongodb_ss_connections\{conn_type="current"\} [1-9]/m);
    await must("docker", ["stop", "--time", "20", server]);
    await says(0);
    expect(await ask()).not.toContain("mongodb_ss_");
    await must("docker", ["start", server]);
    await says(1);
    // Nobody reads the password from what starts a process, nor from what it said.
    const seen = await Promise.all([
      must("docker", ["inspect", exporter]),
      must("docker", [
        "exec",
        exporter,
        "bash",
        "-c",
        "cat /proc/1/environ /proc/1/cmdline | tr '\\0' ' '",
      ]),
      run("docker", ["logs", exporter]).then(({ stdout, stderr }) => stdout + stderr),
    ]);
    expect(seen.filter((text) => text.includes(secret))).toEqual([]);
    expect(seen[2]).toContain("answers again");
  });
});
