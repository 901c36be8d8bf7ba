import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { postgresConf } from "../../components/postgres/conf";
import { POOL_PORT, POOL_ROLE, pgbouncerConf } from "../../components/postgres/pool";
import { redisConf } from "../../components/redis/conf";
import { imageTag } from "../../images/catalog";
import { fillText, jsonText } from "../../model/text";
import { must, type Ran, run } from "../support/commands";
import { until } from "../support/poll";

/** The programs of the stores' images, in plain containers: what an engine does to them at night. */
jest.setTimeout(180_000);

const id = `atalaya-stores-${randomBytes(3).toString("hex")}`;
const folder = mkdtempSync(join(tmpdir(), "atalaya-stores-"));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, 0o644);
  return path;
}

chmodSync(folder, 0o755);
const password = file("password", "administrator-of-the-test\n");

beforeAll(async () => {
  await must("docker", ["network", "create", id]);
});

afterAll(async () => {
  await run("docker", ["rm", "-f", `${id}-db`, `${id}-pooled`, `${id}-pool`, `${id}-cache`]);
  await run("docker", ["volume", "rm", `${id}-db`, `${id}-pooled`, `${id}-cache`]);
  await run("docker", ["network", "rm", id]);
  rmSync(folder, { recursive: true });
});

test("a killed PostgreSQL starts again, whatever its lock file says", async () => {
  const image = imageTag("postgres");
  const data = ["-v", `${id}-db:/var/lib/postgresql`];
  const conf = file("postgresql.conf", postgresConf({ memoryLimit: 2 ** 29, maxConnections: 50 }));
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
      ...["-v", `${conf}:/etc/atalaya/postgresql.conf`, "-v", `${password}:/run/secrets/admin`],
      ...["-e", "ADMIN_PASSWORD_FILE=/run/secrets/admin", image, "serve"],
    ]);
    const exec = (check: string): Promise<boolean> =>
      run("docker", ["exec", `${id}-db`, "atalaya-postgres", check]).then(({ code }) => code === 0);
    await until(`start ${pid}`, { within: 30_000 }, () => exec("health"));
    expect(await exec("alive")).toBe(true);
    await must("docker", ["kill", "--signal", "KILL", `${id}-db`]);
    await must("docker", ["rm", `${id}-db`]);
  }
});

test("a link to PostgreSQL opens its own database alone; one that none names keeps its data", async () => {
  const image = imageTag("postgres");
  const admin = [
    "-v",
    `${password}:/run/secrets/admin`,
    "-e",
    "ADMIN_PASSWORD_FILE=/run/secrets/admin",
  ];
  const conf = file("postgresql.conf", postgresConf({ memoryLimit: 2 ** 29, maxConnections: 50 }));
  const data = ["-v", `${id}-db:/var/lib/postgresql`];
  await must("docker", ["run", "--rm", ...data, image, "init"]);
  await must("docker", [
    ...["run", "-d", "--init", "--name", `${id}-db`, "--network", id, ...data, ...admin],
    ...["-v", `${conf}:/etc/atalaya/postgresql.conf`, image, "serve"],
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
      ...["run", "--rm", "--network", id, ...admin, "-e", `ADMIN_HOST=${id}-db`],
      ...["-v", `${file("databases.json", fillText(list, values))}:/run/secrets/access.json`],
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
  expect(await access("--grant", "users", "orders")).toBe("atalaya-postgres: done: orders, users");

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

test("a pool lets links in and out without a restart, and cuts no transaction when it stops (PR-14)", async () => {
  const [image, poolImage] = [imageTag("postgres"), imageTag("pgbouncer")];
  const [db, pool] = [`${id}-pooled`, `${id}-pool`];
  const admin = ["-v", `${password}:/run/secrets/admin`];
  admin.push("-e", "ADMIN_PASSWORD_FILE=/run/secrets/admin");
  const conf = file("pooled.conf", postgresConf({ memoryLimit: 2 ** 29, maxConnections: 50 }));
  const data = ["-v", `${db}:/var/lib/postgresql`];
  await must("docker", ["run", "--rm", ...data, image, "init"]);
  await must("docker", [
    ...["run", "-d", "--init", "--name", db, "--network", id, ...data, ...admin],
    ...["-v", `${conf}:/etc/atalaya/postgresql.conf`, image, "serve"],
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
      ...["run", "--rm", "--network", id, ...admin, "-e", `ADMIN_HOST=${db}`],
      ...["-v", `${file("pooled.json", fillText(list, values))}:/run/secrets/access.json`],
      ...[image, "access", mode],
    ]);
  };
  const psql = (host: string, user: string, name: string, ...statements: string[]): Promise<Ran> =>
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
    ...["-v", `${file("pgbouncer.ini", poolConf)}:/etc/atalaya/pgbouncer.ini`],
    ...["-v", `${file("pool-password", "password-of-pool\n")}:/run/secrets/pool`],
    ...["-e", `DATABASE_HOST=${db}`, "-e", `DATABASE_USER=${POOL_ROLE}`],
    ...["-e", "DATABASE_PASSWORD_FILE=/run/secrets/pool", poolImage, "serve"],
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
  expect((await psql(pool, "shop_api_a", "pgbouncer", "SHOW USERS")).stderr).toMatch(/not allowed/);
  expect((await psql(db, POOL_ROLE, "shop", "SELECT 1")).stderr).toMatch(/permission denied/);
  const peek = "SELECT rolpassword FROM pg_authid";
  expect((await psql(db, POOL_ROLE, "postgres", peek)).stderr).toMatch(/permission denied/);
  const list = await psql(db, POOL_ROLE, "postgres", "SELECT name FROM pool.users()");
  expect(list.stdout).toBe("shop_api_a\n");

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
    const { stdout } = await run("docker", ["exec", db, "psql", "-U", "postgres", "-Atc", running]);
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
  const admin = [
    "-v",
    `${password}:/run/secrets/admin`,
    "-e",
    "ADMIN_PASSWORD_FILE=/run/secrets/admin",
  ];
  const conf = file("redis.conf", redisConf({ memory: 2 ** 25, evict: false }));
  await must("docker", [
    ...["run", "-d", "--init", "--name", `${id}-cache`, "--network", id, "-v", `${id}-cache:/data`],
    ...[...admin, "-v", `${conf}:/etc/atalaya/redis.conf`, image, "serve"],
  ]);
  const access = async (mode: string, rules: string[]): Promise<void> => {
    const users = [{ name: "api", sha256: "a".repeat(64), rules: [...rules, "+@all", "-@admin"] }];
    const list = file("access.json", JSON.stringify({ users }));
    await must("docker", [
      ...["run", "--rm", "--network", id, ...admin, "-e", `ADMIN_HOST=${id}-cache`],
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
