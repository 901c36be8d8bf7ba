import { connect } from "node:net";
import { hostname } from "node:os";
import type { FastifyInstance } from "fastify";
import type { Bus } from "../bus";
import type { Config } from "../config";

const CONNECT_TIMEOUT_MS = 2_000;
const MIB = 1024 * 1024;

/** What an attempt to connect met; `closed` is silence, no route or no such name. */
export interface Reachability {
  readonly result: "open" | "refused" | "closed";
  /** The system's error code, or `TIMEOUT`. */
  readonly reason?: string;
}

/** Tries one TCP connection for two seconds and sends nothing. */
export function tryConnect(host: string, port: number): Promise<Reachability> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const settle = (reachability: Reachability) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(reachability);
    };
    // Not the socket's own timeout: it does not count the time that a name takes.
    const timer = setTimeout(
      () => settle({ result: "closed", reason: "TIMEOUT" }),
      CONNECT_TIMEOUT_MS,
    );
    socket.once("connect", () => settle({ result: "open" }));
    socket.once("error", ({ code = "UNKNOWN" }: NodeJS.ErrnoException) =>
      settle({ result: code === "ECONNREFUSED" ? "refused" : "closed", reason: code }),
    );
  });
}

/** Allocated for good: the test wants the memory limit to be met. */
const eaten: Buffer[] = [];

/** Faults on demand. Registered only with TEST_HOOKS=true, never in production. */
export function testingRoutes(app: FastifyInstance, config: Config, bus: Bus): void {
  const seconds = { type: "number", minimum: 0, maximum: 3600, default: 30 } as const;
  const tags = ["test hooks"];

  app.get("/test/who", { schema: { summary: "Which process answers", tags } }, async () => ({
    service: config.serviceName,
    version: config.serviceVersion,
    role: config.role,
    hostname: hostname(),
    pid: process.pid,
  }));

  app.get<{ Querystring: { host: string; port: number } }>(
    "/test/connect",
    {
      schema: {
        summary: "Whether a TCP port can be reached from here",
        tags,
        querystring: {
          type: "object",
          required: ["host", "port"],
          properties: {
            host: { type: "string", minLength: 1, maxLength: 253 },
            port: { type: "integer", minimum: 1, maximum: 65535 },
          },
        },
      },
    },
    async (request) => tryConnect(request.query.host, request.query.port),
  );

  app.post<{ Querystring: { mib: number } }>(
    "/test/eat-memory",
    {
      schema: {
        summary: "Takes memory and keeps it",
        tags,
        querystring: {
          type: "object",
          required: ["mib"],
          properties: { mib: { type: "integer", minimum: 1, maximum: 65536 } },
        },
      },
    },
    async (request) => {
      for (let i = 0; i < request.query.mib; i++) {
        // Filled, since untouched pages do not count against a limit.
        eaten.push(Buffer.alloc(MIB, 1));
        if (i % 16 === 15) await new Promise((resolve) => setImmediate(resolve));
      }
      return { eatenMib: eaten.length };
    },
  );

  app.post<{ Querystring: { rate: number; seconds: number } }>(
    "/test/fail",
    {
      schema: {
        summary: "Data routes of this container answer 500 at this rate",
        tags,
        querystring: {
          type: "object",
          properties: { rate: { type: "number", minimum: 0, maximum: 1, default: 1 }, seconds },
        },
      },
    },
    async (request) => {
      bus.broadcast({ kind: "fail", rate: request.query.rate, seconds: request.query.seconds });
      return request.query;
    },
  );

  app.post<{ Querystring: { ms: number; seconds: number } }>(
    "/test/slow",
    {
      schema: {
        summary: "Data routes of this container answer later",
        tags,
        querystring: {
          type: "object",
          required: ["ms"],
          properties: { ms: { type: "integer", minimum: 0, maximum: 60_000 }, seconds },
        },
      },
    },
    async (request) => {
      bus.broadcast({ kind: "slow", ms: request.query.ms, seconds: request.query.seconds });
      return request.query;
    },
  );

  app.post<{ Querystring: { code: number; worker: boolean } }>(
    "/test/exit",
    {
      schema: {
        summary:
          "The container ends with this code, or with worker=true the answering worker alone",
        tags,
        querystring: {
          type: "object",
          properties: {
            code: { type: "integer", minimum: 0, maximum: 255, default: 1 },
            worker: { type: "boolean", default: false },
          },
        },
      },
    },
    async (request, reply) => {
      const { code, worker } = request.query;
      // After the answer is out.
      reply.raw.once("finish", () =>
        setImmediate(() => (worker ? process.exit(code) : bus.broadcast({ kind: "exit", code }))),
      );
      return reply.code(202).send({ code, worker });
    },
  );
}
