import { createHash } from "node:crypto";

/** An item as a client asks for it. `lat` and `lon` come both or not at all. */
export interface NewItem {
  readonly name: string;
  readonly note?: string;
  readonly lat?: number;
  readonly lon?: number;
}

/** An item as clients see it. `lat` and `lon` are WGS 84 degrees, both or neither. */
export interface Item {
  readonly id: number;
  readonly name: string;
  readonly note: string | null;
  readonly createdAt: Date;
  readonly lat?: number;
  readonly lon?: number;
}

/** By what a repeated request is known, and told from another one under the same key. */
export interface Idempotency {
  readonly key: string;
  readonly fingerprint: string;
}

export interface Creation {
  readonly item: Item;
  /** There when the key was used before: the fingerprint of the request that made the item. */
  readonly firstFingerprint?: string;
}

/** Where items live. Ids count up from 1, perhaps with gaps. */
export interface ItemStore {
  /** Makes an item, or gives the one that was made under the same key. */
  create(item: NewItem, idempotency?: Idempotency): Promise<Creation>;
  get(id: number): Promise<Item | undefined>;
  /** The first `limit` items with an id above `after`, by id. */
  list(after: number, limit: number): Promise<Item[]>;
  /** Absent where items have no place. */
  readonly places?: Places;
}

export interface Places {
  /** Whether items can have a place by now. */
  available(): Promise<boolean>;
  /** The 100 nearest items within a distance, nearest first. */
  near(lat: number, lon: number, meters: number): Promise<Item[]>;
}

/** Tells a repeated request from another one under the same key. */
export function fingerprint({ name, note, lat, lon }: NewItem): string {
  const parts = JSON.stringify([name, note ?? null, lat ?? null, lon ?? null]);
  return createHash("sha256").update(parts).digest("hex");
}
