import { REDIS_TIMEOUT_MS, type RedisClient } from "../dependencies";
import { withTimeout } from "../timing";

/** An order as the kitchen sees it. */
export interface Ticket {
  readonly id: number;
  readonly table: number;
  readonly items: readonly { readonly dish: string; readonly quantity: number }[];
  readonly since: string;
}

/** How long a cooked ticket is remembered, so that a message that comes twice does not cook it twice. */
const REMEMBERED_MS = 3_600_000;

const ask = <T>(answer: Promise<T>): Promise<T> => withTimeout(answer, REDIS_TIMEOUT_MS);

export type TicketStore = ReturnType<typeof ticketStore>;

/** The kitchen's list, in Redis: one hash of tickets, one of when they were cooked. */
export function ticketStore(redis: RedisClient, service: string) {
  const tickets = `${service}:tickets`;
  const cooked = `${service}:cooked`;
  return {
    /** Hangs a ticket up, once. @returns whether it is new */
    async add(ticket: Ticket): Promise<boolean> {
      return (await ask(redis.hSetNX(tickets, String(ticket.id), JSON.stringify(ticket)))) === 1;
    },

    /** What is to be cooked, the oldest first. */
    async open(): Promise<Ticket[]> {
      const [all, done] = await Promise.all([
        ask(redis.hGetAll(tickets)),
        ask(redis.hKeys(cooked)),
      ]);
      const finished = new Set(done);
      return Object.entries(all)
        .filter(([id]) => !finished.has(id))
        .map(([, json]) => JSON.parse(json) as Ticket)
        .sort((a, b) => a.id - b.id);
    },

    async has(id: number): Promise<boolean> {
      return (await ask(redis.hExists(tickets, String(id)))) === 1;
    },

    async cook(id: number, now = Date.now()): Promise<void> {
      await ask(redis.hSetNX(cooked, String(id), String(now)));
    },

    /** Forgets what was cooked long ago. */
    async prune(now = Date.now()): Promise<void> {
      const times = await ask(redis.hGetAll(cooked));
      const old = Object.entries(times)
        .filter(([, time]) => now - Number(time) > REMEMBERED_MS)
        .map(([id]) => id);
      if (old.length === 0) return;
      await ask(redis.hDel(tickets, old));
      await ask(redis.hDel(cooked, old));
    },
  };
}
