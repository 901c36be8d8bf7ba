import type { FastifyInstance, FastifyRequest } from "fastify";
import { HttpError } from "../errors";
import type { reader } from "../queue";
import type { Ticket, TicketStore } from "../stores/tickets";
import type { Upstream, UpstreamAnswer } from "../upstream";
import { repeat } from "../work";

const id = { type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER } as const;
const PRUNE_EVERY_MS = 60_000;
const tags = ["kitchen"];

export interface KitchenParts {
  readonly tickets: TicketStore;
  readonly queue: ReturnType<typeof reader>;
  /** Who keeps the orders, and where. */
  readonly orders: Upstream;
  readonly ordersPath: string;
}

/** Shows what is to be cooked, and says what was (PR-01). */
export function kitchenRoutes(app: FastifyInstance, parts: KitchenParts): void {
  const { tickets, queue } = parts;

  const report = (order: number, state: string, requestId: string): Promise<UpstreamAnswer> => {
    const url = parts.orders.base;
    url.pathname = `${parts.ordersPath}/${order}/state`;
    return parts.orders.send({
      method: "PUT",
      url,
      headers: { "content-type": "application/json", "x-request-id": requestId },
      body: JSON.stringify({ state }),
    });
  };

  repeat(app, "read the queue", 0, async (signal) => {
    for (const message of await queue.next()) {
      if (signal.aborted) return;
      const ticket = message.body as Ticket;
      await tickets.add(ticket);
      const { status } = await report(ticket.id, "in_kitchen", `ticket-${ticket.id}`);
      // 409: it is past that. 404: nobody knows it, and nobody ever will.
      if (status >= 400 && status !== 409 && status !== 404) {
        throw new HttpError(502, `order ${ticket.id} was not confirmed: status ${status}`);
      }
      await queue.done(message);
    }
  });
  repeat(app, "forget what was cooked", PRUNE_EVERY_MS, () => tickets.prune());

  app.get(
    "/",
    { schema: { summary: "What is to be cooked, the oldest first", tags } },
    async () => ({
      tickets: await tickets.open(),
    }),
  );

  app.post<{ Params: { id: number } }>(
    "/:id/cooked",
    {
      schema: {
        summary: "Say that an order is cooked; a repetition changes nothing",
        tags,
        params: { type: "object", properties: { id }, required: ["id"] },
      },
    },
    async (request: FastifyRequest<{ Params: { id: number } }>) => {
      const order = request.params.id;
      if (!(await tickets.has(order))) throw new HttpError(404, "no such ticket");
      // Who asks for the order has to see it too: only then is the ticket taken down.
      const { status } = await report(order, "cooked", request.id);
      if (status >= 400 && status !== 409) throw new HttpError(502, "the order was not changed");
      await tickets.cook(order);
      return { id: order, state: "cooked" };
    },
  );
}
