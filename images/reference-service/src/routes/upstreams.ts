import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { HttpError } from "../errors";
import {
  type Upstream,
  type UpstreamAnswer,
  UpstreamError,
  type UpstreamRequest,
  type Upstreams,
} from "../upstream";

/** What of another service may be seen through this one: its `/metrics` stays internal (GG-01). */
const PUBLIC_PATHS = /^\/(health|api\/|openapi\.json$)/;

/**
 * The address behind `/upstreams/<name>/<path>`.
 * @throws HttpError 404 for a path that stays inside
 */
export function upstreamUrl(base: URL, path: string, search: string, everyPath: boolean): URL {
  const url = new URL(base);
  // Set as a path, the text cannot change the host; what it resolves to is what is checked.
  url.pathname = `/${path}`;
  url.search = search;
  const plain = decodeOr404(url.pathname);
  if (plain.includes("..") || (!everyPath && !PUBLIC_PATHS.test(plain))) {
    throw new HttpError(404, "not reachable through this service");
  }
  return url;
}

function decodeOr404(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new HttpError(404, "not reachable through this service");
  }
}

/** Asks another service, and says in the log why it did not answer. */
export async function askUpstream(
  upstream: Upstream,
  request: FastifyRequest,
  asked: UpstreamRequest,
): Promise<UpstreamAnswer> {
  try {
    return await upstream.send({
      ...asked,
      headers: { ...asked.headers, "x-request-id": request.id },
    });
  } catch (error) {
    if (error instanceof UpstreamError) {
      const { upstream: name, reason, errno } = error;
      request.log.warn({ upstream: name, reason, errno }, "upstream gave no answer");
    }
    throw error;
  }
}

/** Of an answer's headers, those that mean something to the client. */
const PASSED_ON = ["content-type", "location", "retry-after", "idempotency-replayed"];

export function passOn(reply: FastifyReply, { status, headers, body }: UpstreamAnswer): Buffer {
  reply.code(status);
  for (const name of PASSED_ON) {
    const value = headers.get(name);
    if (value !== null) reply.header(name, value);
  }
  return body;
}

/** Forwards a GET to another service that this one is linked to. Credentials are not passed on. */
export function upstreamRoutes(
  app: FastifyInstance,
  upstreams: Upstreams,
  everyPath: boolean,
): void {
  app.get<{ Params: { name: string; "*": string } }>(
    "/upstreams/:name/*",
    { schema: { summary: "GET of a linked service", tags: ["upstreams"] } },
    async (request, reply) => {
      const { name, "*": path } = request.params;
      const upstream = Object.hasOwn(upstreams, name) ? upstreams[name] : undefined;
      if (!upstream) throw new HttpError(404, "no such upstream");
      const { search } = new URL(request.url, "http://localhost");
      const url = upstreamUrl(upstream.base, path, search, everyPath);
      return passOn(reply, await askUpstream(upstream, request, { method: "GET", url }));
    },
  );
}
