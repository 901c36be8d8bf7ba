import { createHash } from "node:crypto";
import type { FastifyInstance } from "fastify";
import type { Pool } from "pg";
import { HttpError } from "../errors";

interface NewItem {
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

interface ItemRow {
  readonly id: number;
  readonly name: string;
  readonly note: string | null;
  readonly created_at: Date;
  readonly idempotency_fingerprint: string | null;
  readonly lat?: number | null;
  readonly lon?: number | null;
}

/** PostgreSQL's text cannot hold U+0000. */
const text = (minLength: number, maxLength: number) =>
  ({ type: "string", minLength, maxLength, pattern: "^[^\\u0000]*$" }) as const;
const latitude = { type: "number", minimum: -90, maximum: 90 } as const;
const longitude = { type: "number", minimum: -180, maximum: 180 } as const;
const id = { type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER } as const;

const itemSchema = {
  type: "object",
  required: ["id", "name", "note", "createdAt"],
  properties: {
    id,
    name: { type: "string" },
    note: { type: "string", nullable: true },
    createdAt: { type: "string", format: "date-time" },
    lat: latitude,
    lon: longitude,
  },
} as const;
const itemsSchema = { type: "array", items: itemSchema } as const;

const newItemSchema = {
  type: "object",
  required: ["name"],
  additionalProperties: false,
  properties: { name: text(1, 200), note: text(0, 10_000), lat: latitude, lon: longitude },
  // The validator speaks JSON schema's draft 7, where this is `dependencies`.
  dependencies: { lat: ["lon"], lon: ["lat"] },
} as const;

/** Tells a repeated request from another one under the same key. */
export function fingerprint({ name, note, lat, lon }: NewItem): string {
  const parts = JSON.stringify([name, note ?? null, lat ?? null, lon ?? null]);
  return createHash("sha256").update(parts).digest("hex");
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
const NO_POSTGIS = "this service's database has no PostGIS";

/** Create, read and list items; list those near a place where PostGIS is there. */
export function itemRoutes(app: FastifyInstance, database: Pool): void {
  const hasPlace = placeDetector(database);
  const columns = async () =>
    (await hasPlace()) ? `${BASE_COLUMNS}, ${PLACE_COLUMNS}` : BASE_COLUMNS;
  const tags = ["items"];

  app.post<{ Body: NewItem; Headers: { "idempotency-key"?: string } }>(
    "/items",
    {
      schema: {
        summary:
          "Create an item; with an Idempotency-Key a repetition gives the first answer again",
        tags,
        headers: { type: "object", properties: { "idempotency-key": text(1, 200) } },
        body: newItemSchema,
        response: { 201: itemSchema },
      },
    },
    async (request, reply) => {
      const { name, note, lat, lon } = request.body;
      const key = request.headers["idempotency-key"] ?? null;
      const place = lat !== undefined && lon !== undefined;
      if (place && !(await hasPlace())) throw new HttpError(501, NO_POSTGIS);
      const print = fingerprint(request.body);
      const values: unknown[] = [name, note ?? null, key, key === null ? null : print];
      if (place) values.push(lon, lat);
      const inserted = await database.query<ItemRow>(
        `INSERT INTO public.items
           (name, note, idempotency_key, idempotency_fingerprint${place ? ", place" : ""})
         VALUES ($1, $2, $3, $4${place ? ", ST_SetSRID(ST_MakePoint($5, $6), 4326)::geography" : ""})
         ON CONFLICT (idempotency_key) DO NOTHING
         RETURNING ${await columns()}`,
        values,
      );
      let row = inserted.rows[0];
      if (!row) {
        const first = await database.query<ItemRow>(
          `SELECT ${await columns()} FROM public.items WHERE idempotency_key = $1`,
          [key],
        );
        row = first.rows[0];
        if (!row) throw new Error("an item under a known idempotency key is gone");
        if (row.idempotency_fingerprint !== print) {
          throw new HttpError(422, "this Idempotency-Key was used for another request");
        }
        reply.header("idempotency-replayed", "true");
      }
      reply.code(201).header("location", `/api/v1/items/${row.id}`);
      return toItem(row);
    },
  );

  app.get<{ Params: { id: number } }>(
    "/items/:id",
    {
      schema: {
        summary: "One item",
        tags,
        params: { type: "object", properties: { id }, required: ["id"] },
        response: { 200: itemSchema },
      },
    },
    async (request) => {
      const { rows } = await database.query<ItemRow>(
        `SELECT ${await columns()} FROM public.items WHERE id = $1`,
        [request.params.id],
      );
      if (!rows[0]) throw new HttpError(404, "no such item");
      return toItem(rows[0]);
    },
  );

  app.get<{ Querystring: { limit: number; after: number } }>(
    "/items",
    {
      schema: {
        summary: "Items by id; `after` takes the `next` of the page before",
        tags,
        querystring: {
          type: "object",
          properties: {
            limit: { type: "integer", minimum: 1, maximum: 100, default: 20 },
            after: { ...id, minimum: 0, default: 0 },
          },
        },
        response: {
          200: {
            type: "object",
            properties: { items: itemsSchema, next: { ...id, nullable: true } },
          },
        },
      },
    },
    async (request) => {
      const { limit, after } = request.query;
      // One row more than asked for tells whether there is a next page.
      const { rows } = await database.query<ItemRow>(
        `SELECT ${await columns()} FROM public.items WHERE id > $1 ORDER BY id LIMIT $2`,
        [after, limit + 1],
      );
      const page = rows.slice(0, limit);
      return {
        items: page.map(toItem),
        next: rows.length > limit ? (page.at(-1)?.id ?? null) : null,
      };
    },
  );

  app.get<{ Querystring: { lat: number; lon: number; meters: number } }>(
    "/items/near",
    {
      schema: {
        summary: "The 100 nearest items within a distance, nearest first",
        tags,
        querystring: {
          type: "object",
          required: ["lat", "lon", "meters"],
          properties: {
            lat: latitude,
            lon: longitude,
            meters: { type: "number", exclusiveMinimum: 0, maximum: 1_000_000 },
          },
        },
        response: { 200: { type: "object", properties: { items: itemsSchema } } },
      },
    },
    async (request) => {
      if (!(await hasPlace())) throw new HttpError(501, NO_POSTGIS);
      const { lat, lon, meters } = request.query;
      const { rows } = await database.query<ItemRow>(
        `WITH here AS (SELECT ST_SetSRID(ST_MakePoint($1, $2), 4326)::geography AS point)
         SELECT ${await columns()} FROM public.items, here
          WHERE ST_DWithin(place, here.point, $3)
          ORDER BY ST_Distance(place, here.point), id LIMIT 100`,
        [lon, lat, meters],
      );
      return { items: rows.map(toItem) };
    },
  );
}
