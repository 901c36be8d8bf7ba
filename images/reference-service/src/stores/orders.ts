import { createHash } from "node:crypto";
import type { Pool } from "pg";
import type { Idempotency } from "./store";

/** The life of an order, in this order; it never goes back. */
export const STATES = ["placed", "in_kitchen", "cooked", "served"] as const;
export type OrderState = (typeof STATES)[number];

export interface Wanted {
  readonly dish: string;
  readonly quantity: number;
}

/** An order as a client asks for it. */
export interface NewOrder {
  readonly table: number;
  readonly items: readonly Wanted[];
  /** Of the payment service, as `pm_card_visa`. Without one it is paid at the table. */
  readonly paymentMethod?: string;
}

export interface OrderedItem extends Wanted {
  readonly unitCents: number;
}

/** An order as clients see it. */
export interface Order {
  readonly id: number;
  readonly reference: string;
  readonly table: number;
  readonly items: readonly OrderedItem[];
  readonly totalCents: number;
  readonly state: OrderState;
  readonly payment: "unpaid" | "paid" | "declined";
  readonly createdAt: Date;
}

/** What is to be collected. */
export interface Due {
  readonly id: number;
  readonly reference: string;
  readonly totalCents: number;
  readonly paymentMethod: string;
  readonly placedAt: Date;
}

interface OrderRow {
  readonly id: number;
  readonly reference: string;
  readonly table_number: number;
  readonly items: OrderedItem[];
  readonly total_cents: number;
  readonly state: OrderState;
  readonly payment: Order["payment"];
  readonly payment_method: string | null;
  readonly created_at: Date;
  readonly idempotency_fingerprint: string | null;
}

const COLUMNS =
  "id, reference, table_number, items, total_cents, state, payment, payment_method, created_at, idempotency_fingerprint";

const toOrder = (row: OrderRow): Order => ({
  id: row.id,
  reference: row.reference,
  table: row.table_number,
  items: row.items,
  totalCents: row.total_cents,
  state: row.state,
  payment: row.payment,
  createdAt: row.created_at,
});

const toDue = (row: OrderRow): Due => ({
  id: row.id,
  reference: row.reference,
  totalCents: row.total_cents,
  paymentMethod: row.payment_method as string,
  placedAt: row.created_at,
});

/** Tells a repeated order from another one under the same key. */
export function orderFingerprint({ table, items, paymentMethod }: NewOrder): string {
  const parts = [table, items.map(({ dish, quantity }) => [dish, quantity]), paymentMethod ?? null];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

export interface Placed {
  readonly order: Order;
  /** Absent when there is nothing to collect, or this is not the first request. */
  readonly due?: Due;
  /** There when the key was used before: the fingerprint of the order that was made. */
  readonly firstFingerprint?: string;
}

export type OrderStore = ReturnType<typeof orderStore>;

/**
 * Orders in PostgreSQL. Each step is one statement, so that any session of the server will do: a pool
 * may stand in between. Whatever is claimed is claimed for a while, so a process that dies holds nothing.
 */
export function orderStore(database: Pool) {
  return {
    async menu(): Promise<{ dish: string; priceCents: number }[]> {
      const { rows } = await database.query<{ name: string; price_cents: number }>(
        "SELECT name, price_cents FROM public.dishes ORDER BY name",
      );
      return rows.map(({ name, price_cents }) => ({ dish: name, priceCents: price_cents }));
    },

    /**
     * Prices an order and keeps it, once for each key.
     * @param claimSeconds how long the caller alone may collect it
     * @returns undefined where a dish is not on the menu
     */
    async place(
      { table, items, paymentMethod }: NewOrder,
      { key, fingerprint }: Idempotency,
      claimSeconds: number,
    ): Promise<Placed | undefined> {
      const inserted = await database.query<OrderRow>(
        `WITH wanted AS (
           SELECT dish, quantity, place
           FROM ROWS FROM (jsonb_to_recordset($2::jsonb) AS (dish text, quantity integer))
             WITH ORDINALITY AS w (dish, quantity, place)),
         priced AS (
           SELECT w.*, d.price_cents FROM wanted AS w LEFT JOIN public.dishes AS d ON d.name = w.dish)
         INSERT INTO public.orders
           (table_number, items, total_cents, payment_method, pay_after, idempotency_key, idempotency_fingerprint)
         SELECT $1,
           jsonb_agg(jsonb_build_object('dish', dish, 'quantity', quantity, 'unitCents', price_cents) ORDER BY place),
           sum(quantity * price_cents), $3, now() + make_interval(secs => $6), $4, $5
         FROM priced HAVING count(*) > 0 AND bool_and(price_cents IS NOT NULL)
         ON CONFLICT (idempotency_key) DO NOTHING
         RETURNING ${COLUMNS}`,
        [table, JSON.stringify(items), paymentMethod ?? null, key, fingerprint, claimSeconds],
      );
      const row = inserted.rows[0];
      if (row) {
        return { order: toOrder(row), ...(row.payment_method !== null && { due: toDue(row) }) };
      }
      const first = await database.query<OrderRow>(
        `SELECT ${COLUMNS} FROM public.orders WHERE idempotency_key = $1`,
        [key],
      );
      const known = first.rows[0];
      return (
        known && { order: toOrder(known), firstFingerprint: known.idempotency_fingerprint ?? "" }
      );
    },

    async get(id: number): Promise<Order | undefined> {
      const { rows } = await database.query<OrderRow>(
        `SELECT ${COLUMNS} FROM public.orders WHERE id = $1`,
        [id],
      );
      return rows[0] && toOrder(rows[0]);
    },

    async list(after: number, limit: number, state?: OrderState): Promise<Order[]> {
      const { rows } = await database.query<OrderRow>(
        `SELECT ${COLUMNS} FROM public.orders
         WHERE id > $1 AND ($3::text IS NULL OR state = $3) ORDER BY id LIMIT $2`,
        [after, limit, state ?? null],
      );
      return rows.map(toOrder);
    },

    /** Brings an order to a state; where it is there already, nothing changes. Undefined: it is past that, or unknown. */
    async advance(id: number, state: OrderState): Promise<Order | undefined> {
      const { rows } = await database.query<OrderRow>(
        `UPDATE public.orders SET state = $2
         WHERE id = $1 AND array_position($3::text[], state) <= array_position($3::text[], $2)
         RETURNING ${COLUMNS}`,
        [id, state, STATES],
      );
      return rows[0] && toOrder(rows[0]);
    },

    /** Orders that the kitchen has not confirmed, taken by the caller for some seconds. */
    async takeUnqueued(limit: number, seconds: number): Promise<Order[]> {
      const { rows } = await database.query<OrderRow>(
        `UPDATE public.orders SET queued_at = now()
         WHERE id IN (
           SELECT id FROM public.orders
           WHERE state = 'placed'
             AND (queued_at IS NULL OR queued_at < now() - make_interval(secs => $2))
           ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
         RETURNING ${COLUMNS}`,
        [limit, seconds],
      );
      return rows.map(toOrder);
    },

    /** Orders that are to be paid, taken by the caller for some seconds. */
    async takeDue(limit: number, seconds: number): Promise<Due[]> {
      const { rows } = await database.query<OrderRow>(
        `UPDATE public.orders SET pay_after = now() + make_interval(secs => $2)
         WHERE id IN (
           SELECT id FROM public.orders
           WHERE payment = 'unpaid' AND payment_method IS NOT NULL AND pay_after <= now()
           ORDER BY pay_after LIMIT $1 FOR UPDATE SKIP LOCKED)
         RETURNING ${COLUMNS}`,
        [limit, seconds],
      );
      return rows.map(toDue);
    },

    /** Writes down how the payment ended; the first one who says so counts. @returns whether it was this one */
    async settle(
      id: number,
      payment: "paid" | "declined",
      paymentId: string | null,
    ): Promise<boolean> {
      const { rowCount } = await database.query(
        `UPDATE public.orders SET payment = $2, payment_id = $3 WHERE id = $1 AND payment = 'unpaid'`,
        [id, payment, paymentId],
      );
      return rowCount === 1;
    },

    /** Gives a claim back before its time: somebody may try again after some seconds. */
    async postpone(id: number, seconds: number): Promise<void> {
      await database.query(
        `UPDATE public.orders SET pay_after = now() + make_interval(secs => $2)
         WHERE id = $1 AND payment = 'unpaid'`,
        [id, seconds],
      );
    },
  };
}
