import type { FastifyInstance, FastifyReply } from "fastify";

/** Seconds after which a client may try again while something is down. */
export const RETRY_AFTER_SECONDS = 2;

/** An answer that is not a success and no fault of ours. */
export class HttpError extends Error {
  /** @param retryAfter seconds after which another attempt may help */
  constructor(
    readonly statusCode: number,
    message: string,
    readonly retryAfter?: number,
  ) {
    super(message);
    this.name = "HttpError";
  }
}

/**
 * Network and server states that pass: PostgreSQL's classes 08 and 57P0x, 53300, a rotation; and
 * MongoDB's numbers for a rotation, a shutdown and a change of the primary.
 */
const PASSING_CODES =
  /^(ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EPIPE|EHOSTUNREACH|ENETUNREACH|08...|57P0[123]|57014|53300|28P01|25006|18|91|189|10107|11600|11602|13435|13436)$/;
/** node-redis and MongoDB's driver tell these apart by class only, node-postgres by text only. */
const PASSING_NAMES =
  /^(ClientOfflineError|ClientClosedError|SocketClosedUnexpectedlyError|SocketTimeoutError|ConnectionTimeoutError|DisconnectsClientError|TimeoutError)$/;
const PASSING_MONGO_NAMES =
  /^(Mongo(Network|NetworkTimeout|ServerSelection|NotConnected|TopologyClosed|ServerClosed|ClientClosed)|Pool(Cleared|ClearedOnNetwork|Closed)|WaitQueueTimeout)Error$/;
const PASSING_MESSAGES =
  /Connection terminated|timeout exceeded when trying to connect|Query read timeout|after calling end on the pool|^(LOADING|READONLY|MASTERDOWN|WRONGPASS|NOAUTH)\b/;

/** Whether trying again later may help: a dependency is away, not the request wrong. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return (
    PASSING_CODES.test(String(code)) ||
    PASSING_NAMES.test(error.constructor.name) ||
    PASSING_MONGO_NAMES.test(error.constructor.name) ||
    PASSING_MESSAGES.test(error.message)
  );
}

/** 503 with `Retry-After`. */
export function sendUnavailable(reply: FastifyReply, body: object): FastifyReply {
  return reply.code(503).header("retry-after", RETRY_AFTER_SECONDS).send(body);
}

/** One shape for every error: `{ error }`. What went wrong inside is in the log alone. */
export function handleErrors(app: FastifyInstance): void {
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: "not found" }));
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    if (isUnavailable(error)) {
      request.log.warn({ err: error }, "a dependency failed during a request");
      return sendUnavailable(reply, { error: "unavailable" });
    }
    if (error instanceof HttpError && error.retryAfter !== undefined) {
      reply.header("retry-after", error.retryAfter);
    }
    const status = error.statusCode ?? 500;
    if (status < 500) return reply.code(status).send({ error: error.message });
    if (!(error instanceof HttpError)) request.log.error({ err: error }, "request failed");
    const message = error instanceof HttpError ? error.message : "internal error";
    return reply.code(status).send({ error: message });
  });
}
