import { REDIS_TIMEOUT_MS, type RedisClient } from "../dependencies";
import { withTimeout } from "../timing";
import type { Creation, Item, ItemStore } from "./store";

/** What an idempotency key stands for: the request, and the item that it made. */
interface Claim {
  readonly fingerprint: string;
  readonly item: Item;
}

const ask = <T>(answer: Promise<T>): Promise<T> => withTimeout(answer, REDIS_TIMEOUT_MS);

/** JSON has no dates. */
function revive(item: Item): Item {
  return { ...item, createdAt: new Date(item.createdAt) };
}

/**
 * Items in a sorted set, each as JSON under its id as score. All keys begin with the service's
 * name, which is what its ACL may be limited to.
 */
export function redisStore(redis: RedisClient, service: string, name: string): ItemStore {
  const itemsKey = `${service}:${name}:items`;
  const lastIdKey = `${service}:${name}:last-id`;
  const claimKey = (idempotencyKey: string) => `${service}:${name}:key:${idempotencyKey}`;

  // The same item twice is one member of the set.
  const add = (item: Item) =>
    ask(redis.zAdd(itemsKey, { score: item.id, value: JSON.stringify(item) }));

  const range = async (min: string | number, max: string | number, count: number) => {
    const texts = await ask(
      redis.zRange(itemsKey, min, max, { BY: "SCORE", LIMIT: { offset: 0, count } }),
    );
    return texts.map((text) => revive(JSON.parse(text) as Item));
  };

  async function repeat(claim: string): Promise<Creation> {
    const { fingerprint, item } = JSON.parse(claim) as Claim;
    const first = revive(item);
    // The first request may have ended between its claim and its item.
    await add(first);
    return { item: first, firstFingerprint: fingerprint };
  }

  return {
    async create({ name: itemName, note }, idempotency) {
      const key = idempotency && claimKey(idempotency.key);
      const earlier = key && (await ask(redis.get(key)));
      if (earlier) return repeat(earlier);

      const id = await ask(redis.incr(lastIdKey));
      const item: Item = { id, name: itemName, note: note ?? null, createdAt: new Date() };
      if (idempotency && key) {
        const claim: Claim = { fingerprint: idempotency.fingerprint, item };
        const won = await ask(redis.set(key, JSON.stringify(claim), { condition: "NX" }));
        const quicker = won ? null : await ask(redis.get(key));
        if (quicker) return repeat(quicker);
      }
      await add(item);
      return { item };
    },

    async get(id) {
      return (await range(id, id, 1))[0];
    },

    async list(after, limit) {
      return range(`(${after}`, "+inf", limit);
    },
  };
}
