import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";

/** Beside `src` and `dist` alike. */
const ASSETS = join(__dirname, "..", "..", "assets");

const FILES = [
  { url: "/docs", file: "docs.html", type: "text/html; charset=utf-8" },
  { url: "/redoc", file: "docs.html", type: "text/html; charset=utf-8" },
  { url: "/docs/docs.js", file: "docs.js", type: "text/javascript; charset=utf-8" },
  { url: "/docs/docs.css", file: "docs.css", type: "text/css; charset=utf-8" },
] as const;

/**
 * `/openapi.json`, and pages that show it. Script and style are files of this origin, so that
 * they work under a content security policy of `default-src 'self'`.
 */
export function docsRoutes(app: FastifyInstance): void {
  app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
  for (const { url, file, type } of FILES) {
    const content = readFileSync(join(ASSETS, file));
    app.get(url, { schema: { hide: true } }, async (_request, reply) => {
      reply.header("content-type", type).header("cache-control", "no-cache");
      return content;
    });
  }
}
