import type { FastifyInstance } from "fastify";
import { HttpError } from "../errors";
import { fingerprint, type ItemStore, type NewItem } from "../stores/store";

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

const NO_POSTGIS = "this service's database has no PostGIS";

/** Create, read and list items below the scope's prefix; list those near a place. */
export function itemRoutes(app: FastifyInstance, store: ItemStore): void {
  const tags = ["items"];

  app.post<{ Body: NewItem; Headers: { "idempotency-key"?: string } }>(
    "/",
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
      const { lat } = request.body;
      if (lat !== undefined && !(await store.places?.available())) {
        throw new HttpError(501, NO_POSTGIS);
      }
      const key = request.headers["idempotency-key"];
      const print = fingerprint(request.body);
      const { item, firstFingerprint } = await store.create(
        request.body,
        key === undefined ? undefined : { key, fingerprint: print },
      );
      if (firstFingerprint !== undefined) {
        if (firstFingerprint !== print) {
          throw new HttpError(422, "this Idempotency-Key was used for another request");
        }
        reply.header("idempotency-replayed", "true");
      }
      reply.code(201).header("location", `${app.prefix}/${item.id}`);
      return item;
    },
  );

  app.get<{ Params: { id: number } }>(
    "/:id",
    {
      schema: {
        summary: "One item",
        tags,
        params: { type: "object", properties: { id }, required: ["id"] },
        response: { 200: itemSchema },
      },
    },
    async (request) => {
      const item = await store.get(request.params.id);
      if (!item) throw new HttpError(404, "no such item");
      return item;
    },
  );

  app.get<{ Querystring: { limit: number; after: number } }>(
    "/",
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
      // One item more than asked for tells whether there is a next page.
      const found = await store.list(after, limit + 1);
      const items = found.slice(0, limit);
      return { items, next: found.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
  );

  app.get<{ Querystring: { lat: number; lon: number; meters: number } }>(
    "/near",
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
      const { places } = store;
      if (!places || !(await places.available())) throw new HttpError(501, NO_POSTGIS);
      const { lat, lon, meters } = request.query;
      return { items: await places.near(lat, lon, meters) };
    },
  );
}
