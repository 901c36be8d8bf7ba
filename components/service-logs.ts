import type { LogFormat } from "../model/logs";

/**
 * What a service's lines are read by where it says nothing else: JSON as pino writes it, with Fastify's id of a
 * request, as the reference service does. Other usual spellings are found as well.
 */
export const serviceLog: LogFormat = {
  json: { level: "level", time: "time", request_id: "reqId" },
};
