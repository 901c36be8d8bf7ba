import { External } from "../../components/external";
import { Service } from "../../components/service";
import { in_, type LinkRequest, type System } from "../../components/system";
import { type ProblemsError } from "../../model/problems";
import { emptyShop, serviceArgs } from "../support/shop";

const service = (name: string, links: LinkRequest[], of: System): Service =>
  new Service(name, serviceArgs({ links }), in_(of));

test("a link's time limit, retries and breaker become facts for its consumer (PR-07)", () => {
  const shop = emptyShop();
  const orders = service("orders", [], shop);
  const stripe = new External("stripe", { host: "api.stripe.com", port: 443 }, in_(shop));
  service(
    "clients",
    [
      orders.as("clients", { timeout: "2 s", retries: 1, idempotent: true }),
      stripe.as("clients", { timeout: "1500 ms", breaker: { failures: 5, reset: "10 s" } }),
    ],
    shop,
  );
  const { environment } = shop.describe().workloads.find((w) => w.name === "clients")!;
  expect(environment).toMatchObject({
    ORDERS_TIMEOUT_MS: "2000",
    ORDERS_RETRIES: "1",
    ORDERS_IDEMPOTENT: "true",
    STRIPE_TIMEOUT_MS: "1500",
    STRIPE_BREAKER_FAILURES: "5",
    STRIPE_BREAKER_RESET_MS: "10000",
  });
  // What was not asked for is the consumer's own business.
  expect(environment).not.toHaveProperty("ORDERS_BREAKER_FAILURES");
  expect(environment).not.toHaveProperty("STRIPE_RETRIES");
});

test("what cannot be is said, all at once", () => {
  const shop = emptyShop();
  const orders = service("orders", [], shop);
  service(
    "clients",
    [
      orders.as("clients", {
        timeout: "0 s",
        retries: 9,
        breaker: { failures: 0, reset: "soon" as "5 s" },
      }),
      orders.as("other", { env: "OTHER", idempotent: true }),
    ],
    shop,
  );
  let message = "";
  try {
    shop.describe();
  } catch (error) {
    message = (error as ProblemsError).message;
  }
  for (const path of ["timeout", "retries", "breaker.failures", "breaker.reset"]) {
    expect(message).toContain(`shop.orders.links.clients.${path}: `);
  }
  expect(message).toContain("shop.orders.links.other.idempotent: changes nothing without retries");
});
