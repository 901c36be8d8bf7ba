import { randomInt, randomUUID } from "node:crypto";
import type { Db } from "mongodb";
import type { MongoConnection } from "../mongo";
import type { Item, ItemStore } from "./store";

interface ItemDocument {
  readonly _id: number;
  readonly name: string;
  readonly note: string | null;
  readonly createdAt: Date;
  readonly idempotencyKey: string;
  readonly fingerprint: string | null;
}

/** The last id that was given in the collection of this name. */
interface CounterDocument {
  readonly _id: string;
  readonly last: number;
}

/** No resource has this name: theirs begin with a letter or a digit. */
const COUNTERS = "_counters";
const DUPLICATE_KEY = 11000;
const MOST_ATTEMPTS = 10;

const items = (database: Db, name: string) => database.collection<ItemDocument>(name);

function toItem({ _id, name, note, createdAt }: ItemDocument): Item {
  return { id: _id, name, note, createdAt };
}

/**
 * Every item has a key, also those whose client gave none: a unique index over absent keys is
 * understood differently by the servers that speak MongoDB's protocol.
 */
export function idempotencyKey(given: string | undefined): string {
  return given === undefined ? `made:${randomUUID()}` : `given:${given}`;
}

/** Makes what the store needs and is not there yet. Several instances may do so at once. */
export async function prepareMongoStore(database: Db, name: string): Promise<void> {
  await items(database, name).createIndex({ idempotencyKey: 1 }, { unique: true });
}

async function nextId(database: Db, name: string, step: number): Promise<number> {
  const counter = await database
    .collection<CounterDocument>(COUNTERS)
    .findOneAndUpdate(
      { _id: name },
      { $inc: { last: step } },
      { upsert: true, returnDocument: "after" },
    );
  if (!counter) throw new Error("the counter of ids gave none");
  return counter.last;
}

/** Items in the collection `name`, under the index that `prepareMongoStore` makes. */
export function mongoStore(connection: MongoConnection, name: string): ItemStore {
  return {
    async create({ name: itemName, note }, idempotency) {
      const key = idempotencyKey(idempotency?.key);
      return connection.run(async (database) => {
        for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
          const first =
            idempotency && (await items(database, name).findOne({ idempotencyKey: key }));
          if (first) return { item: toItem(first), firstFingerprint: first.fingerprint ?? "" };
          try {
            const document: ItemDocument = {
              // FerretDB's $inc is not atomic, so that two requests can be given the same id. One
              // of them tries again, and a step by chance keeps many from meeting again.
              _id: await nextId(database, name, randomInt(1, 2 ** attempt + 1)),
              name: itemName,
              note: note ?? null,
              createdAt: new Date(),
              idempotencyKey: key,
              fingerprint: idempotency?.fingerprint ?? null,
            };
            await items(database, name).insertOne(document);
            return { item: toItem(document) };
          } catch (error) {
            if ((error as { code?: unknown }).code !== DUPLICATE_KEY) throw error;
          }
        }
        throw new Error(`no id was free in ${MOST_ATTEMPTS} attempts`);
      });
    },

    async get(id) {
      const document = await connection.run((database) =>
        items(database, name).findOne({ _id: id }),
      );
      return document ? toItem(document) : undefined;
    },

    async list(after, limit) {
      const documents = await connection.run((database) =>
        items(database, name)
          .find({ _id: { $gt: after } })
          .sort({ _id: 1 })
          .limit(limit)
          .toArray(),
      );
      return documents.map(toItem);
    },
  };
}
