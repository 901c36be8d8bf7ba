import type { LogFormat } from "../../model/logs";

/** MongoDB's lines of JSON, as of 4.4. The user is one of the database. */
export const mongoLog: LogFormat = {
  json: { level: "s", time: "t.$date", user: ["attr.user", "attr.principalName"] },
  levels: { debug: "d[1-5]?" },
};
