import type { Format } from "./format";

/** For programs; docs/audit-report.schema.json describes it. */
export const json: Format = (report) => `${JSON.stringify(report, null, 2)}\n`;
