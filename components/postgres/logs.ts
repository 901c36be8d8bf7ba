import type { LogFormat } from "../../model/logs";

/** As `log_line_prefix` in `conf.ts` begins each line; nobody is known yet while somebody logs in. */
const SERVER =
  "^(?P<time>\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)? \\S+) \\[\\d+\\] (?:(?P<user>[^@\\s\\[]+)@\\S+ |\\[unknown\\]@\\S+ )?(?P<level>[A-Z]+[1-5]?):  ";

/** pgBackRest's own, on a console. */
const PGBACKREST = "^(?:(?P<time>\\d\\S+ \\d\\S+) )?P\\d+ +(?P<level>[A-Z]+): ";

/** The server's lines, and pgBackRest's beside them. The user is a role of the database. */
export const postgresLog: LogFormat = {
  text: [SERVER, PGBACKREST],
  // What follows a message belongs to it, and is no second one.
  levels: { debug: "debug[1-5]", info: "detail|hint|query|context|location|statement" },
};

/** PgBouncer's: `… LOG C-0x55d0: shop/api@10.0.0.7:40312 closing because: …`. */
export const poolLog: LogFormat = {
  text: "^(?P<time>\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d+ \\S+) \\[\\d+\\] (?P<level>[A-Z]+) (?:[CS]-0x[0-9a-f]+: [^/\\s]+/(?P<user>[^@\\s()]+)@)?",
  levels: { debug: "noise" },
};
