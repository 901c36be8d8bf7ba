import { randomUUID } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { HttpError } from "../errors";
import { counters } from "../metrics";
import type { Payments } from "../payments";
import {
  type Due,
  type NewOrder,
  orderFingerprint,
  type OrderState,
  type OrderStore,
  STATES,
} from "../stores/orders";
import { repeat, type Work } from "../work";

/**
 * Time that one attempt to collect takes, all in all: nobody else tries meanwhile. In seconds. One at an old order asks
 * twice, and may take longer by a long `STRIPE_TIMEOUT_MS`: by the key that both have Stripe still charges once.
 */
const CLAIM_SECONDS = 30;
/** How long after a failed attempt somebody tries again, in seconds: at first, and at most. */
const AGAIN_SECONDS = 3;
const LONGEST_PAUSE_SECONDS = 3_600;
/** An order that the kitchen has not confirmed by then is told again, in seconds. */
const TELL_AGAIN_SECONDS = 15;
const ROUND_MS = 1_000;
const BATCH = 50;
const COLLECT_AT_ONCE = 5;

const id = { type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER } as const;
const quantity = { type: "integer", minimum: 1, maximum: 50 } as const;
const dish = { type: "string", minLength: 1, maxLength: 100, pattern: "^[^\\u0000]*$" } as const;
const state = { type: "string", enum: STATES } as const;

const orderSchema = {
  type: "object",
  properties: {
    id,
    reference: { type: "string", format: "uuid" },
    table: { type: "integer" },
    items: {
      type: "array",
      items: {
        type: "object",
        properties: { dish, quantity, unitCents: { type: "integer" } },
      },
    },
    totalCents: { type: "integer" },
    state,
    payment: { type: "string", enum: ["unpaid", "paid", "declined"] },
    createdAt: { type: "string", format: "date-time" },
  },
} as const;

const newOrderSchema = {
  type: "object",
  required: ["table", "items"],
  additionalProperties: false,
  properties: {
    table: { type: "integer", minimum: 1, maximum: 10_000 },
    items: {
      type: "array",
      minItems: 1,
      maxItems: 50,
      items: {
        type: "object",
        required: ["dish", "quantity"],
        additionalProperties: false,
        properties: { dish, quantity },
      },
    },
    paymentMethod: { type: "string", pattern: "^pm_[A-Za-z0-9_]{1,100}$" },
  },
} as const;

const tags = ["orders"];

/** Reads orders and the menu. */
export function orderReadingRoutes(app: FastifyInstance, store: OrderStore): void {
  app.get("/menu", { schema: { summary: "What can be ordered", tags } }, async () => ({
    dishes: await store.menu(),
  }));

  app.get<{ Params: { id: number } }>(
    "/:id",
    {
      schema: {
        summary: "One order",
        tags,
        params: { type: "object", properties: { id }, required: ["id"] },
        response: { 200: orderSchema },
      },
    },
    async (request) => {
      const order = await store.get(request.params.id);
      if (!order) throw new HttpError(404, "no such order");
      return order;
    },
  );

  app.get<{ Querystring: { limit: number; after: number; state?: OrderState } }>(
    "/",
    {
      schema: {
        summary: "Orders by id; `after` takes the `next` of the page before",
        tags,
        querystring: {
          type: "object",
          properties: {
            limit: { type: "integer", minimum: 1, maximum: 100, default: 20 },
            after: { ...id, minimum: 0, default: 0 },
            state,
          },
        },
        response: {
          200: {
            type: "object",
            properties: {
              orders: { type: "array", items: orderSchema },
              next: { ...id, nullable: true },
            },
          },
        },
      },
    },
    async (request) => {
      const { limit, after, state: wanted } = request.query;
      const found = await store.list(after, limit + 1, wanted);
      const orders = found.slice(0, limit);
      return { orders, next: found.length > limit ? (orders.at(-1)?.id ?? null) : null };
    },
  );
}

export interface OrderParts {
  readonly store: OrderStore;
  /** Tells the kitchen; absent where there is no queue. */
  readonly tell?: (tickets: readonly object[]) => Promise<void>;
  /** Absent: everything is paid at the table. */
  readonly payments?: Payments;
}

/**
 * Takes orders and brings them on (PR-01). What is accepted is in the database before the answer; the kitchen
 * and the payment follow by themselves, whatever is away meanwhile (PR-07).
 */
export function orderRoutes(app: FastifyInstance, { store, tell, payments }: OrderParts): void {
  orderReadingRoutes(app, store);
  const telling = tell && tellKitchen(app, store, tell);
  if (payments) collectLater(app, store, payments);

  app.post<{ Body: NewOrder; Headers: { "idempotency-key"?: string } }>(
    "/",
    {
      schema: {
        summary: "Place an order; with an Idempotency-Key a repetition gives the same order again",
        tags,
        headers: {
          type: "object",
          properties: { "idempotency-key": { type: "string", minLength: 1, maxLength: 200 } },
        },
        body: newOrderSchema,
        response: { 201: orderSchema },
      },
    },
    async (request, reply) => {
      const print = orderFingerprint(request.body);
      const key = request.headers["idempotency-key"] ?? randomUUID();
      const placed = await store.place(request.body, { key, fingerprint: print }, CLAIM_SECONDS);
      if (!placed) throw new HttpError(422, "a dish is not on the menu");
      const { order, due, firstFingerprint } = placed;
      if (firstFingerprint !== undefined) {
        if (firstFingerprint !== print) {
          throw new HttpError(422, "this Idempotency-Key was used for another request");
        }
        reply.header("idempotency-replayed", "true");
      } else {
        counters.ordersPlaced.inc();
      }
      telling?.poke();
      // No longer than the link's time limit, and not at all while the breaker is open.
      const payment = due && payments ? await collect(store, payments, due) : order.payment;
      reply.code(201).header("location", `${app.prefix}/${order.id}`);
      return { ...order, payment };
    },
  );

  app.put<{ Params: { id: number }; Body: { state: OrderState } }>(
    "/:id/state",
    {
      schema: {
        summary: "Bring an order on; where it is there already, nothing changes",
        tags,
        params: { type: "object", properties: { id }, required: ["id"] },
        body: {
          type: "object",
          required: ["state"],
          additionalProperties: false,
          properties: { state },
        },
        response: { 200: orderSchema },
      },
    },
    async (request) => {
      const changed = await store.advance(request.params.id, request.body.state);
      if (changed) return changed;
      const known = await store.get(request.params.id);
      if (!known) throw new HttpError(404, "no such order");
      throw new HttpError(409, `the order is ${known.state} already`);
    },
  );
}

/**
 * Seconds until an order is tried again. While payment as a whole is away the breaker holds all of them back, and they
 * are paid as soon as it works. What this order alone meets, as an answer that Stripe keeps for a day, may last: each
 * pause is as long as the order is old, so that it doubles.
 */
export function pauseSeconds({ placedAt }: Due, { resting }: Pick<Payments, "resting">): number {
  if (resting) return AGAIN_SECONDS;
  const age = (Date.now() - placedAt.getTime()) / 1_000;
  return Math.min(Math.max(age, AGAIN_SECONDS), LONGEST_PAUSE_SECONDS);
}

async function collect(
  store: OrderStore,
  payments: Payments,
  due: Due,
): Promise<"unpaid" | "paid" | "declined"> {
  const collected = await payments.collect(due);
  if (collected.payment === "unpaid") await store.postpone(due.id, pauseSeconds(due, payments));
  else if (await store.settle(due.id, collected.payment, collected.paymentId)) {
    if (collected.payment === "paid") counters.ordersPaid.inc(due.totalCents);
  }
  return collected.payment;
}

/** Tells the kitchen of what was placed, until it says that it knows. */
function tellKitchen(
  app: FastifyInstance,
  store: OrderStore,
  tell: NonNullable<OrderParts["tell"]>,
): Work {
  return repeat(app, "tell the kitchen", ROUND_MS, async () => {
    const orders = await store.takeUnqueued(BATCH, TELL_AGAIN_SECONDS);
    await tell(
      orders.map(({ id: order, table, items, createdAt }) => ({
        id: order,
        table,
        items: items.map((item) => ({ dish: item.dish, quantity: item.quantity })),
        since: createdAt.toISOString(),
      })),
    );
    return orders.length === BATCH ? "more" : undefined;
  });
}

/** Collects what could not be collected when it was ordered. */
function collectLater(app: FastifyInstance, store: OrderStore, payments: Payments): Work {
  return repeat(app, "collect payments", ROUND_MS, async () => {
    if (payments.resting) return;
    const due = await store.takeDue(COLLECT_AT_ONCE, CLAIM_SECONDS);
    await Promise.all(due.map((one) => collect(store, payments, one)));
    return due.length === COLLECT_AT_ONCE && !payments.resting ? "more" : undefined;
  });
}
