import { readFileSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { formatName } from "../../policies/engine/evaluate";
import { CouldNotRun } from "./gathered";
import { type Report, reportSchema } from "./report";

const schema = z.object({
  version: z.literal(1),
  accepted: z.array(z.object({ fingerprint: z.string() })),
});

/**
 * Fingerprints of the findings that were accepted when the baseline was written.
 * @throws CouldNotRun when there is no such file, or it is none
 */
export function readBaseline(file: string): ReadonlySet<string> {
  const fix = `\`atalaya audit … --baseline ${file} --write-baseline\` writes one.`;
  const read = schema.safeParse(readJson(file, "baseline", fix));
  if (!read.success) throw new CouldNotRun(`${file} is no baseline of atalaya audit.`, fix);
  return new Set(read.data.accepted.map(({ fingerprint }) => fingerprint));
}

/** Accepts all findings of a report; rule and resource stand beside each for those who review the file. */
export function writeBaseline(file: string, { findings }: Report): number {
  const accepted = findings
    .filter(({ exempt }) => exempt === undefined)
    .map(({ fingerprint, rule, resource, path }) => ({
      fingerprint,
      rule,
      resource: formatName(resource),
      path,
    }))
    .sort((a, b) => (key(a) < key(b) ? -1 : 1));
  writeFileSync(file, `${JSON.stringify({ version: 1, accepted }, null, 2)}\n`);
  return accepted.length;
}

const key = (of: { rule: string; resource: string; path: string }): string =>
  `${of.rule} ${of.resource} ${of.path}`;

/**
 * A report of an earlier audit.
 * @throws CouldNotRun when there is no such file, or it is none
 */
export function readReport(file: string): Report {
  const fix = "It has to be what `atalaya audit … --output report.json` wrote.";
  const read = reportSchema.safeParse(readJson(file, "report", fix));
  if (!read.success)
    throw new CouldNotRun(`${file} is no report of atalaya audit (version 1).`, fix);
  return read.data;
}

function readJson(file: string, what: string, fix: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    const why = error instanceof SyntaxError ? "it is no JSON" : "it cannot be read";
    throw new CouldNotRun(`The ${what} ${file}: ${why}.`, fix, { cause: error });
  }
}
