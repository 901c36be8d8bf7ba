import { createHash, createHmac, randomBytes } from "node:crypto";
import type { FastifyInstance } from "fastify";
import type { Config } from "../config";
import { REDIS_TIMEOUT_MS, type RedisClient } from "../dependencies";
import { HttpError } from "../errors";
import { withTimeout } from "../timing";

const COOKIE = "session";
const SESSION_SECONDS = 24 * 60 * 60;

const sessionSchema = {
  type: "object",
  properties: {
    user: { type: "string" },
    created: { type: "string", format: "date-time" },
    visits: { type: "integer" },
  },
} as const;

/**
 * The key under which a session is kept. It is derived from the cookie, so that who reads
 * Redis cannot take sessions over.
 */
export function sessionKey(service: string, id: string, secretKey?: string): string {
  const hash = secretKey ? createHmac("sha256", secretKey) : createHash("sha256");
  return `${service}:session:${hash.update(id).digest("hex")}`;
}

/** A counter and sessions, both in Redis, so that any instance can serve any client (GG-14). */
export function sessionRoutes(app: FastifyInstance, redis: RedisClient, config: Config): void {
  const tags = ["sessions"];
  const keyOf = (id: string) => sessionKey(config.serviceName, id, config.secretKey);

  app.get(
    "/counter",
    {
      schema: {
        summary: "Count one up and read",
        tags,
        response: { 200: { type: "object", properties: { value: { type: "integer" } } } },
      },
    },
    async () => ({
      value: await withTimeout(redis.incr(`${config.serviceName}:counter`), REDIS_TIMEOUT_MS),
    }),
  );

  app.post<{ Body: { user?: string } | null }>(
    "/session",
    {
      schema: {
        summary: "Begin a session; its id is in a cookie",
        tags,
        body: {
          type: ["object", "null"],
          additionalProperties: false,
          properties: { user: { type: "string", minLength: 1, maxLength: 200 } },
        },
        response: { 201: sessionSchema },
      },
    },
    async (request, reply) => {
      const id = randomBytes(32).toString("base64url");
      const session = {
        user: request.body?.user ?? "guest",
        created: new Date().toISOString(),
        visits: 0,
      };
      const write = redis.multi().hSet(keyOf(id), session).expire(keyOf(id), SESSION_SECONDS);
      await withTimeout(write.exec(), REDIS_TIMEOUT_MS);
      reply.code(201).setCookie(COOKIE, id, {
        path: "/",
        httpOnly: true,
        secure: true,
        sameSite: "lax",
        maxAge: SESSION_SECONDS,
      });
      return session;
    },
  );

  app.get(
    "/session",
    {
      schema: {
        summary: "The session of the cookie, wherever it was begun",
        tags,
        response: { 200: sessionSchema },
      },
    },
    async (request) => {
      const id = request.cookies[COOKIE];
      if (!id) throw new HttpError(401, "no session");
      const key = keyOf(id);
      const { user, created } = await withTimeout(redis.hGetAll(key), REDIS_TIMEOUT_MS);
      if (!user || !created) throw new HttpError(401, "no session");
      const touch = redis.multi().hIncrBy(key, "visits", 1).expire(key, SESSION_SECONDS);
      const [visits] = await withTimeout(touch.exec(), REDIS_TIMEOUT_MS);
      return { user, created, visits: Number(visits) };
    },
  );
}
