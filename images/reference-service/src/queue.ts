import { hostname } from "node:os";
import type { RedisClient } from "./dependencies";
import { REDIS_TIMEOUT_MS } from "./dependencies";
import { withTimeout } from "./timing";

/** A message that is told again until somebody says that it is done. */
export interface Message {
  readonly id: string;
  readonly body: unknown;
}

/** How many messages the stream keeps at most: what is older was done long ago, or is told anew by its sender. */
const KEPT = 10_000;
/** How long one question waits for a message. */
const BLOCK_MS = 1_000;
/** A message that its reader has not finished by then is given to another. */
const IDLE_MS = 10_000;
const BATCH = 20;

const ask = <T>(answer: Promise<T>): Promise<T> => withTimeout(answer, REDIS_TIMEOUT_MS);

const streamKey = (queue: string): string => `${queue}:queue`;

/** Sends messages to a stream of Redis. */
export async function send(
  redis: RedisClient,
  queue: string,
  bodies: readonly unknown[],
): Promise<void> {
  await Promise.all(
    bodies.map((body) =>
      ask(
        redis.xAdd(
          streamKey(queue),
          "*",
          { body: JSON.stringify(body) },
          { TRIM: { strategy: "MAXLEN", strategyModifier: "~", threshold: KEPT } },
        ),
      ),
    ),
  );
}

/**
 * Reads a queue as one of a group: each message goes to one reader, and to another where it does not say
 * that it is done.
 * @param blocking a connection of its own, since a question waits for its answer
 */
export function reader(redis: RedisClient, blocking: RedisClient, queue: string, group: string) {
  const key = streamKey(queue);
  const me = `${hostname()}-${process.pid}`;
  let made = false;

  const parse = (
    entries: readonly ({ id: string; message: Record<string, string> } | null)[],
  ): Message[] =>
    entries.flatMap((entry) =>
      entry === null
        ? []
        : [{ id: entry.id, body: JSON.parse(entry.message["body"] ?? "null") as unknown }],
    );

  return {
    /** The next messages; none after a second without any. */
    async next(): Promise<Message[]> {
      if (!made) {
        await ask(redis.xGroupCreate(key, group, "0", { MKSTREAM: true })).catch((error: Error) => {
          if (!error.message.startsWith("BUSYGROUP")) throw error;
        });
        made = true;
      }
      try {
        const { messages } = await ask(
          redis.xAutoClaim(key, group, me, IDLE_MS, "0-0", { COUNT: BATCH }),
        );
        if (messages.length > 0) return parse(messages);
        const fresh = await withTimeout(
          blocking.xReadGroup(group, me, { key, id: ">" }, { COUNT: BATCH, BLOCK: BLOCK_MS }),
          BLOCK_MS + REDIS_TIMEOUT_MS,
        );
        return (fresh ?? []).flatMap(({ messages: own }) => parse(own));
      } catch (error) {
        // Redis may have come back without the group.
        made = false;
        throw error;
      }
    },

    async done({ id }: Message): Promise<void> {
      await ask(redis.xAck(key, group, id));
    },
  };
}
