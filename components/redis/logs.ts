import type { LogFormat } from "../../model/logs";

/** Redis' lines: `1:M 28 Nov 2026 12:00:00.123 * Ready to accept connections`; one sign says how bad it is. */
export const redisLog: LogFormat = {
  text: "^\\d+:[A-Z] (?P<time>\\d\\d? \\w{3} \\d{4} \\d\\d:\\d\\d:\\d\\d\\.\\d{3}) (?P<level>[.*#-]) ",
  levels: { warn: "#", info: "\\*", debug: "[.-]" },
};
