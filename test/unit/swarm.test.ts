import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { ProblemsError } from "../../model/problems";
import { FRONT_RANGE, type SystemModel } from "../../model/system";
import { isHole } from "../../model/text";
import type {
  SwarmConfig,
  SwarmNetwork,
  SwarmObject,
  SwarmService,
} from "../../platforms/swarm/objects";
import { healthCheck, quote } from "../../platforms/swarm/health";
import { frontConfig } from "../../platforms/swarm/front";
import { swarm } from "../../platforms/swarm/swarm";
import { mayRecur } from "../../platforms/swarm/versions";
import { floresVictoria } from "../../systems/flores-victoria";
import { grupoGad } from "../../systems/grupo-gad";
import { describeSystem, IMAGES } from "../support/systems";

const lower = (model: SystemModel, stack = "dev"): readonly SwarmObject[] =>
  swarm.lower(model, { stack, images: { front: IMAGES.front } }).objects;

const model = describeSystem(grupoGad, "dev");
const objects = lower(model);
const services = objects.filter((o): o is SwarmService => o.type === "service");
const networks = objects.filter((o): o is SwarmNetwork => o.type === "network");
const service = (name: string): SwarmService => services.find((s) => s.key === `service:${name}`)!;
const members = (network: SwarmNetwork): string[] =>
  services
    .filter((s) => s.networks.some((n) => n.network.ref === network.key))
    .map((s) => s.key.replace("service:", ""))
    .sort();

test("only the front publishes ports (GG-01)", () => {
  expect(services.filter((s) => s.ports.length > 0).map((s) => s.key)).toEqual([
    "service:edge-front",
  ]);
});

test("one client has its share of the front's connections, a load balancer brings those of many", () => {
  const edge = model.workloads.find(({ exposures }) => exposures.length > 0)!;
  const held = (proxies: readonly string[]): string[] =>
    frontConfig({ ...edge, exposures: edge.exposures.map((of) => ({ ...of, proxies })) })
      .split("\n")
      .filter((line) => /tcp-request|acl/.test(line))
      .map((line) => line.trim());
  const rejects = "tcp-request connection reject if { sc0_conn_cur gt 1000 }";
  const [own, behind] = [held([]), held(["10.20.0.0/24", "2001:db8:7::/64"])];
  expect(own).toEqual(
    edge.exposures.flatMap(() => ["tcp-request connection track-sc0 src table clients", rejects]),
  );
  expect(behind.slice(0, 3)).toEqual([
    "acl many src 10.20.0.0/24",
    "acl many src 2001:db8:7::/64",
    `${own[0]} unless many`,
  ]);
});

test("every service has limits, a user of its own, and a check (PR-08)", () => {
  for (const { key, resources, container } of services) {
    expect([key, resources.limits.memoryBytes > 0]).toEqual([key, true]);
    expect([key, resources.limits.nanoCpus > 0]).toEqual([key, true]);
    expect([key, /^[1-9]\d*:[1-9]\d*$/.test(container.user)]).toEqual([key, true]);
    expect([key, container.health !== undefined]).toEqual([key, true]);
  }
});

test("a clock that hangs is seen: supercronic is asked, on loopback alone", () => {
  const schedule = { ...model.jobs[0]!, name: "api-tick", cron: "*/5 * * * *" };
  const clock = lower({ ...model, schedules: [schedule] }).find(
    (o): o is SwarmService => o.key === "service:api-tick",
  )!;
  expect(clock.container.command).toContain("127.0.0.1:9746");
  expect(clock.container.health?.test[1]).toContain("http://127.0.0.1:9746/health");
});

test("who shares a network is exactly who has a link", () => {
  expect(
    Object.fromEntries(networks.map((n) => [n.key.replace("network:", ""), members(n)])),
  ).toEqual({
    db: ["api", "api-migrate", "db", "db-grant", "db-revoke"],
    cache: ["api", "bot", "cache", "cache-grant", "cache-revoke"],
    "cache-init-alone": ["cache-init"],
    api: ["api", "bot", "edge"],
    "bot-egress": ["bot"],
    "edge-check-alone": ["edge-check"],
    "edge-front": ["edge", "edge-front"],
    "edge-public": ["edge-front"],
    "db-init-alone": ["db-init"],
  });
});

test("only what has a link to the outside, and the front, is on a network that leads there", () => {
  expect(networks.filter((n) => !n.internal).map((n) => n.key)).toEqual([
    "network:bot-egress",
    "network:edge-public",
  ]);
});

test("a gateway trusts what comes from its front's network, where the front is alone with it (GG-04)", () => {
  const configs = objects.filter(
    (o): o is SwarmConfig => o.type === "config" && o.data.includes(FRONT_RANGE),
  );
  expect(configs.map(({ key, name, subnet }) => ({ key, name, subnet }))).toEqual([
    {
      key: "config:edge-config",
      // Other addresses are another content, so the digest comes when they are known.
      name: { base: "dev-grupo-gad-edge-config" },
      subnet: { of: "network:edge-front", instead: FRONT_RANGE },
    },
  ]);
  expect(members(networks.find(({ key }) => key === configs[0]!.subnet!.of)!)).toEqual([
    "edge",
    "edge-front",
  ]);
});

test("networks are encrypted where the stack says so, and nothing else changes", () => {
  const site = { stack: "dev", images: { front: IMAGES.front }, encrypted: true };
  const encrypted = swarm.lower(model, site).objects;
  expect(encrypted).toEqual(
    objects.map((o) => (o.type === "network" ? { ...o, encrypted: true } : o)),
  );
});

test("what may overlap starts first, what may not stops first", () => {
  const orders = ["api", "edge", "bot", "db", "cache", "edge-front"].map((n) => [
    n,
    service(n).update.order,
  ]);
  expect(Object.fromEntries(orders)).toEqual({
    api: "start-first",
    edge: "start-first",
    bot: "stop-first",
    db: "stop-first",
    cache: "stop-first",
    "edge-front": "stop-first",
  });
});

test("a consumer starts after its stores, their grants and its migration", () => {
  expect(service("api").after).toEqual(
    ["db", "db-grant", "cache", "cache-grant", "api-migrate"].map((n) => `service:${n}`),
  );
});

test("no plain text of a secret can be in a description: all are holes", () => {
  for (const object of objects) {
    if (object.type !== "secret") continue;
    expect(typeof object.data).not.toBe("string");
    expect((object.data as unknown[]).some(isHole)).toBe(true);
  }
});

test("another consumer changes neither the database's service nor the cache's", () => {
  const more = describeSystem(grupoGad, "dev");
  const withLink: SystemModel = {
    ...more,
    links: [...more.links, { consumer: "bot", provider: "db", ports: [5432], as: "bot" }],
  };
  const before = JSON.stringify([service("db"), service("cache")]);
  const after = lower(withLink).filter((o) => ["service:db", "service:cache"].includes(o.key));
  expect(JSON.stringify(after)).toBe(before);
});

test("the digest of a job changes with its work and with nothing else", () => {
  const digest = (of: SystemModel): string =>
    JSON.stringify(lower(of).find((o): o is SwarmService => o.key === "service:api-migrate")!.name);
  expect(digest(describeSystem(grupoGad, "dev"))).toBe(digest(model));
  expect(digest(describeSystem(grupoGad, "dev", { requestsPerSecond: 7 }))).toBe(digest(model));
  expect(digest(describeSystem(grupoGad, "dev", { api: { migrate: ["other"] } }))).not.toBe(
    digest(model),
  );
  // The engine would run it again in place for these, and `up` would not see how it ends.
  const job = model.jobs.find(({ name }) => name === "api-migrate")!;
  const withJob = (change: Partial<typeof job>): SystemModel => ({
    ...model,
    jobs: model.jobs.map((other) => (other === job ? { ...job, ...change } : other)),
  });
  const { cpu } = job.resources;
  const more = { memory: { reserve: 2 ** 24, limit: 2 ** 30 }, cpu };
  expect(digest(withJob({ resources: more }))).not.toBe(digest(model));
  const links = [...model.links, { consumer: job.name, provider: "cache", ports: [6379] }];
  expect(digest({ ...model, links })).not.toBe(digest(model));
  // Another consumer of its own provider changes nothing of it.
  const other = [...model.links, { consumer: "bot", provider: "db", ports: [5432], as: "bot" }];
  expect(digest({ ...model, links: other })).toBe(digest(model));
});

test("a digest names what never is as it was; what a person may set back has versions", () => {
  const lasts = (secret: string): boolean => secret.startsWith("generated");
  const [made, set] = [{ secret: "generated" }, { secret: "configured" }];
  expect(mayRecur("secret", [made], lasts)).toBe(false);
  expect(mayRecur("secret", [set], lasts)).toBe(true);
  // Who may do what in a store stands beside passwords, and links come and go.
  expect(mayRecur("secret", ["user api ", made], lasts)).toBe(true);
  // A job with other words is another resource.
  expect(mayRecur("service", ["migrate ", made], lasts)).toBe(false);
  expect(mayRecur("service", "migrate", lasts)).toBe(false);
  expect(mayRecur("service", ["migrate ", made, set], lasts)).toBe(true);
});

test("a job that keeps data runs again where the data is", () => {
  const init = (dataNode: string): unknown =>
    swarm
      .lower(model, { stack: "dev", images: { front: IMAGES.front }, dataNode })
      .objects.find(({ key }) => key === "service:db-init")!.name;
  expect(init("one")).not.toEqual(init("two"));
});

test("a name that the engine would refuse is a problem with its fix", () => {
  expect(() => lower(model, "a-stack-with-a-very-long-name-for-no-reason")).toThrow(ProblemsError);
  expect(() => lower(model, "a-stack-with-a-very-long-name-for-no-reason")).toThrow(/shorten/);
});

describe("the check of a container", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "atalaya-check-"));
    const tools = {
      ready: `[ -e ${folder}/is-ready ]`,
      live: `[ ! -e ${folder}/is-dead ]`,
      sleep: `echo "$1" >> ${folder}/rests`,
    };
    for (const [name, script] of Object.entries(tools)) {
      writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
  });

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const rests = (): number =>
    existsSync(join(folder, "rests"))
      ? readFileSync(join(folder, "rests"), "utf8").trim().split("\n").length
      : 0;

  /** @returns whether it passes */
  const ask = (times = 1): boolean[] => {
    const { test } = healthCheck({
      ...{ ready: { command: ["ready"] }, live: { command: ["live"] } },
      ...{ interval: 3, timeout: 1, retries: 3, startPeriod: 30 },
    });
    const script = test[1]!.replaceAll("/dev/shm/.atalaya-ready", join(folder, "mark"));
    const env = { PATH: `${folder}:/usr/bin:/bin` };
    return Array.from(
      { length: times },
      () => spawnSync("/bin/sh", ["-c", script], { env }).status === 0,
    );
  };

  test("means ready until it was, and live from then on", () => {
    expect(ask()).toEqual([false]);
    writeFileSync(join(folder, "is-ready"), "");
    expect(ask()).toEqual([true]);
    rmSync(join(folder, "is-ready"));
    expect(ask()).toEqual([true]);
    writeFileSync(join(folder, "is-dead"), "");
    expect(ask()).toEqual([false]);
  });

  test("rests once it was well ten times in a row, and no more after one that fails", () => {
    writeFileSync(join(folder, "is-ready"), "");
    expect(ask(11)).not.toContain(false);
    expect(rests()).toBe(0);
    ask(2);
    expect(rests()).toBe(2);
    writeFileSync(join(folder, "is-dead"), "");
    expect(ask(3)).toEqual([false, false, false]);
    // The first of them had rested before.
    expect(rests()).toBe(3);
    rmSync(join(folder, "is-dead"));
    expect(ask(10)).not.toContain(false);
    expect(rests()).toBe(3);
    ask();
    expect(rests()).toBe(4);
  });

  test("ends a probe that hangs, which counts as one that failed", () => {
    writeFileSync(join(folder, "is-ready"), "");
    expect(ask(11)).not.toContain(false);
    const live = readFileSync(join(folder, "live"), "utf8");
    writeFileSync(join(folder, "live"), "#!/bin/sh\nexec /bin/sleep 60\n");
    expect(ask(2)).toEqual([false, false]);
    // The first of them alone had rested before.
    expect(rests()).toBe(1);
    writeFileSync(join(folder, "live"), live);
    expect(ask()).toEqual([true]);
  });

  test("passes for who is well where the mark cannot be written", () => {
    mkdirSync(join(folder, "mark"));
    expect(ask(2)).toEqual([true, true]);
    writeFileSync(join(folder, "is-dead"), "");
    expect(ask()).toEqual([false]);
  });

  test("has the time for its rest", () => {
    const times = { interval: 3, timeout: 3, retries: 3, startPeriod: 30 };
    const probe = { http: { port: 80, path: "/" } };
    expect(healthCheck({ ready: probe, live: probe, ...times })).toMatchObject({ timeout: "11s" });
  });
});

test("any word survives the shell (property)", () => {
  fc.assert(
    fc.property(fc.string(), (word) => {
      const quoted = quote(word);
      const unquoted = /^'/.test(quoted) ? quoted.slice(1, -1).replaceAll(`'\\''`, "'") : quoted;
      expect(unquoted).toBe(word);
    }),
  );
});

test("a name that ends in a digest is cut where it is too long, and stays its own", () => {
  const names = (stack: string): string[] =>
    swarm
      .lower(describeSystem(floresVictoria, "dev"), { stack, images: { front: IMAGES.front } })
      .objects.flatMap(({ name }) => (typeof name === "string" ? [] : [name.base]));
  const long = names("preproduction");
  expect(Math.max(...long.map((name) => name.length))).toBe(63 - 11);
  expect(new Set(long).size).toBe(long.length);
  expect(names("dev")).toContain("dev-flores-victoria-contact-service-smtp-password");
});
