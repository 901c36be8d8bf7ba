import { pino, type Logger } from "pino";
import type { Config } from "./config";

export type { Logger };

/**
 * The fields of an error that a log may hold. A database error's `detail`, `where` and
 * `parameters` stay out: they can quote what a user sent.
 */
export function safeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code } = error as NodeJS.ErrnoException;
  return {
    type: error.name,
    message: error.message || code || "no message",
    ...(code && { code }),
    ...(error.stack && { stack: error.stack }),
  };
}

/** JSON lines on standard output. Nothing of a request's body, cookies or credentials goes in. */
export function createLogger(config: Config, worker?: number): Logger {
  return pino({
    level: config.logLevel,
    base: {
      service: config.serviceName,
      version: config.serviceVersion,
      role: config.role,
      ...(worker !== undefined && { worker }),
    },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: safeError },
  });
}
