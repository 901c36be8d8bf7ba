import { type Duration, milliseconds } from "../../model/units";
import { kubernetes } from "../../platforms/kubernetes/kubernetes";
import { pronto } from "../../systems/pronto";
import { describeSystem, IMAGES } from "../support/systems";

const model = describeSystem(pronto, "prod", {}, kubernetes);
const workload = (name: string): (typeof model.workloads)[number] =>
  model.workloads.find((w) => w.name === name)!;

const check = (config: object): string =>
  pronto.check!(pronto.schema.parse(config), "prod")
    .map((p) => `${p.path}: ${p.message}`)
    .join("\n");

test("an order's way: guests, order service, kitchen; each reaches what its links say (PR-01)", () => {
  const services = model.components.filter(({ kind }) => kind === "Service");
  const reached = Object.fromEntries(
    services.map(({ name }) => [
      name,
      model.links
        .filter((l) => l.consumer === name)
        .map((l) => l.provider)
        .sort(),
    ]),
  );
  expect(reached).toEqual({
    "clients-app": ["cache", "order-service"],
    "employees-app": ["cache", "db-pool", "order-service"],
    "order-service": ["cache", "db-pool", "stripe"],
    "kitchen-display": ["cache", "order-service"],
  });
});

test("services go through the pool, migrations past it (PR-14)", () => {
  const hosts = [...model.workloads, ...model.jobs].flatMap(({ name, environment }) =>
    environment["DATABASE_HOST"] === undefined ? [] : [`${name} ${environment["DATABASE_HOST"]}`],
  );
  expect(hosts.sort()).toEqual([
    "db-pool db",
    "employees-app db-pool",
    "order-service db-pool",
    "order-service-migrate db",
  ]);
});

test("Stripe's key is a secret of the order service alone (PR-11)", () => {
  const readers = model.workloads.filter((w) => w.secrets.some((s) => /stripe/.test(s.secret)));
  expect(readers.map((w) => w.name)).toEqual(["order-service"]);
  expect(workload("order-service").environment).toMatchObject({
    STRIPE_KEY_FILE: "/run/secrets/stripe-key",
    STRIPE_HOST: "api.stripe.com",
    STRIPE_PORT: "443",
  });
  expect(workload("order-service").environment).not.toHaveProperty("STRIPE_ALLOW_PLAIN");
});

test("payment has a time limit and a breaker, and is never sent twice (PR-07)", () => {
  const { environment } = workload("order-service");
  expect(environment).toMatchObject({
    STRIPE_TIMEOUT_MS: "2000",
    STRIPE_BREAKER_FAILURES: "5",
    STRIPE_BREAKER_RESET_MS: "10000",
  });
  expect(environment).not.toHaveProperty("STRIPE_RETRIES");
});

test.each(["100 ms", "2 s", "10 s", "20 s"])(
  "who orders waits longer than the order for its payment (%s), the gateway longer than both attempts (PR-07)",
  (timeout) => {
    expect(check({ stripe: { timeout } })).not.toMatch(/stripe/);
    const { workloads, files } = describeSystem(pronto, "prod", { stripe: { timeout } });
    const config = files.find(({ name }) => name === "edge-config")!.content;
    const gateway = Number(/proxy_read_timeout (\d+)ms/.exec(config)?.[1]);
    for (const name of ["clients-app", "employees-app"]) {
      const { environment } = workloads.find((w) => w.name === name)!;
      const patience = Number(environment["ORDER_SERVICE_TIMEOUT_MS"]);
      const attempts = 1 + Number(environment["ORDER_SERVICE_RETRIES"]);
      // 5 s until there is a connection to the database.
      expect(patience).toBeGreaterThan(milliseconds(timeout as Duration) + 5_000);
      expect(gateway).toBeGreaterThan(attempts * patience);
    }
  },
);

test("a payment that takes longer than the gateway waits is said", () => {
  expect(check({ stripe: { timeout: "21 s" } })).toMatch(/^stripe\.timeout: is 21 s/m);
});

test("everything has limits, and is asked whether it lives and whether it is ready (PR-06, PR-08)", () => {
  for (const { name } of model.components.filter(({ kind }) => kind === "Service")) {
    const { health, resources } = workload(name);
    expect(health.live).toEqual({ http: { path: "/health/live", port: 8000 } });
    expect(health.ready).toEqual({ http: { path: "/health/ready", port: 8000 } });
    expect(resources.memory.limit).toBe(512 * 2 ** 20);
    expect(resources.cpu.limit).toBeLessThanOrEqual(1);
  }
});

test("the kitchen and the employees have a name of their own", () => {
  expect(model.endpoints.map(({ url }) => url)).toEqual([
    "https://pronto.localhost",
    "https://employees.pronto.localhost",
  ]);
});

test("what the reference service is told, a team's own image is not", () => {
  const own = describeSystem(pronto, "prod", {
    services: { "order-service": { image: "ghcr.io/example/orders:v1" } },
  });
  const { environment } = own.workloads.find((w) => w.name === "order-service")!;
  expect(environment).not.toHaveProperty("RESOURCE_KIND");
  expect(own.jobs.map(({ name }) => name)).not.toContain("order-service-migrate");
});

test("the gateway is one word: the firewall is Nginx's, what it leads to is the same (PR-12)", () => {
  const [nginx, caddy] = (["nginx", "caddy"] as const).map((gateway) =>
    describeSystem(pronto, "prod", { gateway }, kubernetes),
  ) as [typeof model, typeof model];
  expect(nginx.files.find(({ name }) => name === "edge-waf")?.content).toMatch(/SecRuleEngine On/);
  expect(caddy.files.map(({ name }) => name)).not.toContain("edge-waf");
  const images = [nginx, caddy].map((of) => of.workloads.find((w) => w.name === "edge")!.image);
  expect(images).toEqual([IMAGES.nginx, IMAGES.caddy]);
  expect(caddy.endpoints).toEqual(nginx.endpoints);
  expect(caddy.links).toEqual(nginx.links);
  expect(check({ gateway: "caddy", waf: { mode: "block" } })).toMatch(/^waf\.mode: is block, and/m);
  expect(check({ gateway: "caddy" })).not.toMatch(/waf/);
});

test("what is set of a firewall that is not there is said; kept for one that is off for a while, as advice", () => {
  const waf = { paranoia: 2, anomalyThreshold: 10, exclusions: [{ path: "/x", rules: [941100] }] };
  const said =
    /^waf\.paranoia: is 2, (?:.|\n)*^waf\.anomalyThreshold: is 10, (?:.|\n)*^waf\.exclusions: is not empty, /m;
  expect(check({ gateway: "caddy", waf })).toMatch(said);
  expect(check({ gateway: "caddy", waf: { mode: "off" } })).not.toMatch(/waf/);
  const off = { waf: { ...waf, mode: "off" } };
  expect(check(off)).not.toMatch(/waf/);
  const advice = (config: object): string =>
    pronto.advise!(pronto.schema.parse(config), "prod")
      .map((p) => `${p.path}: ${p.message}`)
      .join("\n");
  expect(advice(off)).toMatch(said);
  for (const config of [{}, { waf }, { waf: { mode: "off" } }]) expect(advice(config)).toBe("");
});

test("an exclusion takes the numbers that the log has: the rule set's and the gateway's own (PR-12)", () => {
  const parse = (rule: number): boolean =>
    pronto.schema.safeParse({ waf: { exclusions: [{ path: "/x", rules: [rule] }] } }).success;
  for (const rule of [200_002, 200_007, 911_100, 948_999])
    expect([rule, parse(rule)]).toEqual([rule, true]);
  for (const rule of [200_001, 901_100, 949_110, 942_100.5])
    expect([rule, parse(rule)]).toEqual([rule, false]);
});

test("what cannot be is said with its path", () => {
  expect(check({})).toMatch(/^acmeEmail: is missing(?:.|\n)*^domain: is pronto\.localhost/m);
  expect(
    check({ domain: "a.example.org", employeesDomain: "a.example.org", stripe: { plain: true } }),
  ).toMatch(/^stripe\.plain: sends(?:.|\n)*^employeesDomain: is a\.example\.org/m);
  expect(pronto.schema.safeParse({ gateway: "apache" }).success).toBe(false);
});
