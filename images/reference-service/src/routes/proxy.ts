import { randomUUID } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { HttpError } from "../errors";
import type { Method } from "../methods";
import type { Upstream } from "../upstream";
import { askUpstream, passOn } from "./upstreams";

const KEY = { type: "string", minLength: 1, maxLength: 200, pattern: "^[\\x21-\\x7e]*$" } as const;

/**
 * Hands requests below the scope's prefix on to the service that answers them there, with these methods
 * alone. A POST without an Idempotency-Key gets one here: should it be sent again, it counts once.
 */
export function proxyRoutes(
  app: FastifyInstance,
  upstream: Upstream,
  methods: readonly Method[],
): void {
  for (const url of ["/", "/*"]) {
    app.route<{ Headers: { "idempotency-key"?: string } }>({
      method: [...methods],
      url,
      schema: {
        summary: `Handed on to ${upstream.name}`,
        tags: ["proxy"],
        headers: { type: "object", properties: { "idempotency-key": KEY } },
      },
      handler: async (request, reply) => {
        const { method } = request;
        const { pathname, search } = new URL(request.url, "http://localhost");
        // Dots in a path may have led it out of what is handed on.
        if (pathname !== app.prefix && !pathname.startsWith(`${app.prefix}/`)) {
          throw new HttpError(404, "not found");
        }
        const target = upstream.base;
        target.pathname = pathname;
        target.search = search;
        const body = method === "GET" ? undefined : JSON.stringify(request.body ?? null);
        const key =
          method === "POST" ? (request.headers["idempotency-key"] ?? randomUUID()) : undefined;
        const answer = await askUpstream(upstream, request, {
          method,
          url: target,
          headers: {
            ...(body !== undefined && { "content-type": "application/json" }),
            ...(key !== undefined && { "idempotency-key": key }),
          },
          ...(body !== undefined && { body }),
        });
        return passOn(reply, answer);
      },
    });
  }
}
