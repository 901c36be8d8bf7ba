import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { postgresConf } from "../../components/postgres/conf";
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
  await run("docker", ["rm", "-f", `${id}-db`, `${id}-cache`]);
  await run("docker", ["volume", "rm", `${id}-db`, `${id}-cache`]);
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
