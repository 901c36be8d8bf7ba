import type { LogFormat } from "../../../model/logs";

/** Caddy's lines of JSON; of a request it logs what it answered, with the id that it gave. */
export const caddyLog: LogFormat = {
  json: {
    level: "level",
    time: "ts",
    user: "user_id",
    request_id: ["resp_headers.X-Request-Id.0", "request.headers.X-Request-Id.0"],
  },
};
