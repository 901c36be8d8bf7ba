import { kubernetes } from "../../platforms/kubernetes/kubernetes";
import { floresVictoria } from "../../systems/flores-victoria";
import { describeSystem } from "../support/systems";

const model = describeSystem(floresVictoria, "prod", {}, kubernetes);
const workload = (name: string): (typeof model.workloads)[number] =>
  model.workloads.find((w) => w.name === name)!;

test("the services of FV-01, behind one gateway", () => {
  const services = model.components
    .filter(({ kind }) => kind === "Service")
    .map(({ name }) => name);
  expect(services.sort()).toEqual([
    ...["auth-service", "cart-service", "contact-service", "order-service", "product-service"],
    ...["review-service", "user-service", "wishlist-service"],
  ]);
  expect(model.workloads.filter((w) => w.exposures.length > 0).map((w) => w.name)).toEqual([
    "edge",
  ]);
});

test.each([
  ["user-service", 3003, "/api/users/"],
  ["review-service", 3007, "/api/reviews"],
])("%s has the port and the probe route that FV-01 gives (FV-03)", (name, port, path) => {
  const { ports, health } = workload(name);
  expect(ports).toEqual([{ name: "http", port }]);
  expect(health.ready).toEqual({ http: { path, port } });
  expect(health.live).toEqual({ http: { path, port } });
});

test("contact-service has the mail account as secrets, and the way to its host alone (FV-01, FV-10)", () => {
  const { ports, secrets, environment } = workload("contact-service");
  expect(ports).toEqual([{ name: "http", port: 3008 }]);
  expect(secrets.map((s) => s.file)).toEqual(["smtp-user", "smtp-password"]);
  expect(environment).toMatchObject({
    SMTP_HOST: "smtp.gmail.com",
    SMTP_PORT: "587",
    SMTP_PASSWORD_FILE: "/run/secrets/smtp-password",
  });
  const readers = model.workloads.filter((w) => w.secrets.some((s) => /smtp/.test(s.secret)));
  expect(readers.map((w) => w.name)).toEqual(["contact-service"]);
  const reached = model.links.filter((l) => l.consumer === "contact-service");
  expect(reached.map((l) => l.provider)).toEqual(["smtp"]);
});

test("each service reaches its own database, as itself (FV-02, FV-10)", () => {
  const databases = model.workloads.flatMap(({ name, environment: e }) =>
    ["DATABASE", "MONGO", "REDIS"].flatMap((kind) =>
      e[`${kind}_HOST`] === undefined
        ? []
        : [`${name} ${e[`${kind}_HOST`]!} ${e[`${kind}_NAME`] ?? "-"} ${e[`${kind}_USER`]!}`],
    ),
  );
  expect(databases.sort()).toEqual([
    "auth-service cache - auth",
    "auth-service db auths auths_auth_a",
    "cart-service cache - cart",
    "order-service db orders orders_order_a",
    "product-service documents products product_a",
    "review-service documents reviews review_a",
    "user-service db users users_user_a",
    "wishlist-service cache - wishlist",
  ]);
});

test("what is assumed is configuration: a store, a port, a call, an image", () => {
  const changed = describeSystem(floresVictoria, "prod", {
    services: {
      "wishlist-service": { stores: ["mongo"], port: 4006, calls: [], image: "ghcr.io/x/wish:v1" },
    },
  });
  const { environment, ports, image } = changed.workloads.find(
    (w) => w.name === "wishlist-service",
  )!;
  expect(ports[0]!.port).toBe(4006);
  expect(image).toBe("ghcr.io/x/wish:v1");
  expect(environment).toMatchObject({ MONGO_NAME: "wishlists" });
  expect(environment).not.toHaveProperty("REDIS_HOST");
  expect(environment).not.toHaveProperty("PRODUCT_SERVICE_URL");
  // What the reference service is told, a team's own image is not.
  expect(environment).not.toHaveProperty("RESOURCE_PATH");
});

test("what cannot be is said with its path", () => {
  const check = (config: object): string =>
    floresVictoria.check!(floresVictoria.schema.parse(config), "prod")
      .map((p) => `${p.path}: ${p.message}`)
      .join("\n");
  expect(check({})).toMatch(/^acmeEmail: is missing(?:.|\n)*^domain: is flores\.localhost/m);
  expect(
    check({
      services: {
        "cart-service": { calls: ["cart-service"] },
      },
    }),
  ).toMatch(/services\.cart-service\.calls: has/);
  const twice = { services: { "cart-service": { path: "/api/users/" } } };
  expect(() => describeSystem(floresVictoria, "dev", twice)).toThrow(
    /edge\.hosts\.flores\.localhost\.\/api\/users\/: leads to "cart-service", and the same path to "user-service"/,
  );
});
