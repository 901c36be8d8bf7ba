import type { LogFormat } from "../../../model/logs";

/**
 * Lines of JSON: one a request, whose status says how bad it is (as Caddy does it: what failed here is an error, what
 * a client did wrong is none), and the image's own, with Nginx's errors. What it says before that is plain text.
 */
export const nginxLog: LogFormat = {
  json: { level: ["level", "status"], time: "time", request_id: "id" },
  text: "^(?P<time>\\d{4}/\\d\\d/\\d\\d \\d\\d:\\d\\d:\\d\\d) \\[(?P<level>\\w+)\\] ",
  levels: { error: "5\\d\\d", info: "[1-4]\\d\\d" },
};
