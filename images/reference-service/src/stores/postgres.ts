import type { Pool } from "pg";
import type { Item, ItemStore } from "./store";

interface ItemRow {
  readonly id: number;
  readonly name: string;
  readonly note: string | null;
  readonly created_at: Date;
  readonly idempotency_fingerprint: string | null;
  readonly lat?: number | null;
  readonly lon?: number | null;
}

function toItem(row: ItemRow): Item {
  const place =
    typeof row.lat === "number" && typeof row.lon === "number"
      ? { lat: row.lat, lon: row.lon }
      : {};
  return { id: row.id, name: row.name, note: row.note, createdAt: row.created_at, ...place };
}

/**
 * Whether the table has a place column, which it has once PostGIS was there at a migration.
 * A yes is kept; a no is asked again, since the next migration may change it.
 */
function placeDetector(database: Pool): () => Promise<boolean> {
  let found = false;
  return async () => {
    if (found) return true;
    const { rowCount } = await database.query(
      `SELECT FROM pg_attribute
        WHERE attrelid = to_regclass('public.items') AND attname = 'place' AND NOT attisdropped`,
    );
    found = rowCount === 1;
    return found;
  };
}

const BASE_COLUMNS = "id, name, note, created_at, idempotency_fingerprint";
const PLACE_COLUMNS = "ST_Y(place::geometry) AS lat, ST_X(place::geometry) AS lon";

/** Items in the table that the migrations make, with places where PostGIS is there. */
export function postgresStore(database: Pool): ItemStore {
  const hasPlace = placeDetector(database);
  const columns = async () =>
    (await hasPlace()) ? `${BASE_COLUMNS}, ${PLACE_COLUMNS}` : BASE_COLUMNS;

  return {
    async create({ name, note, lat, lon }, idempotency) {
      const { key = null, fingerprint = null } = idempotency ?? {};
      const place = lat !== undefined && lon !== undefined;
      const values: unknown[] = [name, note ?? null, key, fingerprint];
      if (place) values.push(lon, lat);
      const inserted = await database.query<ItemRow>(
        `INSERT INTO public.items
           (name, note, idempotency_key, idempotency_fingerprint${place ? ", place" : ""})
         VALUES ($1, $2, $3, $4${place ? ", ST_SetSRID(ST_MakePoint($5, $6), 4326)::geography" : ""})
         ON CONFLICT (idempotency_key) DO NOTHING
         RETURNING ${await columns()}`,
        values,
      );
      if (inserted.rows[0]) return { item: toItem(inserted.rows[0]) };
      const first = await database.query<ItemRow>(
        `SELECT ${await columns()} FROM public.items WHERE idempotency_key = $1`,
        [key],
      );
      const row = first.rows[0];
      if (!row) throw new Error("an item under a known idempotency key is gone");
      return { item: toItem(row), firstFingerprint: row.idempotency_fingerprint ?? "" };
    },

    async get(id) {
      const { rows } = await database.query<ItemRow>(
        `SELECT ${await columns()} FROM public.items WHERE id = $1`,
        [id],
      );
      return rows[0] && toItem(rows[0]);
    },

    async list(after, limit) {
      const { rows } = await database.query<ItemRow>(
        `SELECT ${await columns()} FROM public.items WHERE id > $1 ORDER BY id LIMIT $2`,
        [after, limit],
      );
      return rows.map(toItem);
    },

    places: {
      available: hasPlace,
      async near(lat, lon, meters) {
        const { rows } = await database.query<ItemRow>(
          `WITH here AS (SELECT ST_SetSRID(ST_MakePoint($1, $2), 4326)::geography AS point)
           SELECT ${await columns()} FROM public.items, here
            WHERE ST_DWithin(place, here.point, $3)
            ORDER BY ST_Distance(place, here.point), id LIMIT 100`,
          [lon, lat, meters],
        );
        return rows.map(toItem);
      },
    },
  };
}
