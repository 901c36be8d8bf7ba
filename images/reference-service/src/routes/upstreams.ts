import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import type { FastifyInstance } from "fastify";
import type { Config } from "../config";
import { HttpError } from "../errors";

const UPSTREAM_TIMEOUT_MS = 5_000;

/** What of another service may be seen through this one: its `/metrics` stays internal (GG-01). */
const PUBLIC_PATHS = /^\/(health|api\/|openapi\.json$)/;

/**
 * The address behind `/upstreams/<name>/<path>`.
 * @throws HttpError 404 for an unknown name or a path that stays inside
 */
export function upstreamUrl(
  upstreams: Config["upstreams"],
  name: string,
  path: string,
  search: string,
  everyPath: boolean,
): URL {
  const base = Object.hasOwn(upstreams, name) ? upstreams[name] : undefined;
  if (!base) throw new HttpError(404, "no such upstream");
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

/** Forwards a GET to another service that this one is linked to. Credentials are not passed on. */
export function upstreamRoutes(app: FastifyInstance, config: Config): void {
  app.get<{ Params: { name: string; "*": string } }>(
    "/upstreams/:name/*",
    { schema: { summary: "GET of a linked service", tags: ["upstreams"] } },
    async (request, reply) => {
      const { name, "*": path } = request.params;
      const search = new URL(request.url, "http://localhost").search;
      const url = upstreamUrl(config.upstreams, name, path, search, config.testHooks);
      let answer: Response;
      try {
        answer = await fetch(url, {
          redirect: "manual",
          signal: AbortSignal.timeout(UPSTREAM_TIMEOUT_MS),
          headers: { "x-request-id": request.id },
        });
      } catch (err) {
        const late = err instanceof Error && err.name === "TimeoutError";
        const cause =
          err instanceof Error ? (err.cause as NodeJS.ErrnoException | undefined) : undefined;
        request.log.warn({ err, upstream: name, code: cause?.code }, "upstream failed");
        throw new HttpError(late ? 504 : 502, late ? "upstream is too slow" : "upstream failed");
      }
      reply.code(answer.status);
      const type = answer.headers.get("content-type");
      if (type) reply.header("content-type", type);
      return answer.body ? Readable.fromWeb(answer.body as ReadableStream) : "";
    },
  );
}
