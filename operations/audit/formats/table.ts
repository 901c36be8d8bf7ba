import pc from "picocolors";
import { formatName } from "../../../policies/engine/evaluate";
import { SEVERITIES, type Severity } from "../../../policies/engine/rule";
import type { Report, ReportFinding } from "../report";
import { counted, type Format, type FormatContext, isOpen } from "./format";

/** Places of a rule that are shown; `--all` shows every one. */
const PLACES = 5;

/** For people: the worst rules first, under each the places where it is broken. */
export const table: Format = (report, context) => {
  const colour = pc.createColors(context.coloured === true);
  const paint: Record<Severity, (text: string) => string> = {
    critical: (text) => colour.bold(colour.red(text)),
    high: colour.red,
    medium: colour.yellow,
    low: colour.dim,
  };
  const out: string[] = [];
  for (const findings of byRule(report.findings.filter(isOpen))) {
    const { rule, severity, level } = findings[0]!;
    const title = context.rules.find((each) => each.rule.id === rule)?.rule.title;
    out.push(
      `${paint[severity](severity.padEnd(8))} ${colour.bold(rule)}${title === undefined ? "" : `  ${title}`}  ${colour.dim(`${findings.length} × ${level}`)}`,
    );
    const shown = context.all ? findings : findings.slice(0, PLACES);
    const names = shown.map(({ resource }) => clean(formatName(resource)));
    const width = Math.min(44, Math.max(...names.map((name) => name.length)));
    shown.forEach((finding, i) => {
      const where = place(finding);
      out.push(
        `  ${names[i]!.padEnd(width)}  ${clean(`${finding.path} ${requirement(finding)}`.trim())}${where === "" ? "" : `  ${colour.dim(where)}`}`,
      );
    });
    const rest = findings.length - shown.length;
    if (rest > 0) out.push(colour.dim(`  … and ${rest} more (--all)`));
    const fixes = new Set(findings.map(({ fix }) => fix));
    if (fixes.size === 1) out.push(`  ${colour.cyan("fix:")} ${[...fixes][0]!}`);
    else
      shown.forEach(({ fix, resource }) =>
        out.push(`  ${colour.cyan("fix")} ${clean(formatName(resource))}: ${fix}`),
      );
    out.push("");
  }
  const expired = report.exemptions.filter((each) => each.expired);
  for (const { rule, resource, owner, expires } of expired) {
    out.push(
      `${colour.yellow("expired")}  exemption of ${rule} for ${resource} by ${owner}, on ${expires}`,
    );
  }
  for (const { source, reason, fix } of report.unreadable) {
    const line = source.line === undefined ? "" : `:${source.line}`;
    out.push(
      `${colour.red("unread")}   ${clean(source.file)}${line}: ${reason}${fix === undefined ? "" : ` (${fix})`}`,
    );
  }
  if (expired.length + report.unreadable.length > 0) out.push("");
  out.push(...summary(report, context, colour));
  return `${out.join("\n")}\n`;
};

function summary(
  { summary: of, environment }: Report,
  { failOn, previous }: FormatContext,
  colour: ReturnType<typeof pc.createColors>,
): string[] {
  const total = SEVERITIES.reduce((sum, each) => sum + of.findings[each], 0);
  const parts = [...SEVERITIES]
    .reverse()
    .flatMap((each) => (of.findings[each] === 0 ? [] : `${of.findings[each]} ${each}`));
  const aside = [
    of.exempt > 0 ? counted(of.exempt, "exempt finding") : "",
    of.accepted > 0 ? `${of.accepted} in the baseline` : "",
    of.unreadable > 0 ? `${of.unreadable} unread` : "",
    of.unchecked > 0 ? `${of.unchecked} not checked` : "",
    of.skippedFiles > 0 ? `${counted(of.skippedFiles, "file")} without manifests` : "",
  ].filter((text) => text !== "");
  const verdict =
    of.failing > 0
      ? colour.red(
          `${counted(of.failing, "finding")} ${of.failing === 1 ? "fails" : "fail"} this audit (--fail-on ${failOn})`,
        )
      : of.unreadable > 0
        ? colour.red("not everything could be read")
        : colour.green("nothing fails this audit");
  const before =
    previous === undefined
      ? ""
      : `; ${SEVERITIES.reduce((sum, each) => sum + previous.summary.findings[each], 0)} before, on ${previous.created.slice(0, 10)}`;
  return [
    `${counted(of.objects, "object")}, ${counted(total, "finding")}${parts.length > 0 ? ` (${parts.join(", ")})` : ""}${before}, as for ${environment}: ${verdict}`,
    ...(aside.length > 0 ? [colour.dim(aside.join(", "))] : []),
  ];
}

/** Rules with what breaks them: the worst first, then the most frequent. */
export function byRule(findings: readonly ReportFinding[]): (readonly ReportFinding[])[] {
  const groups = new Map<string, ReportFinding[]>();
  for (const finding of findings) {
    const known = groups.get(finding.rule);
    if (known === undefined) groups.set(finding.rule, [finding]);
    else known.push(finding);
  }
  const rank = (of: readonly ReportFinding[]): number => SEVERITIES.indexOf(of[0]!.severity);
  return [...groups.values()].sort(
    (a, b) => rank(b) - rank(a) || b.length - a.length || (a[0]!.rule < b[0]!.rule ? -1 : 1),
  );
}

/** What must hold at a finding's property; resource, property and fix stand beside it. */
export function requirement({ message, resource, path, fix }: ReportFinding): string {
  const start = `${formatName(resource)}: ${path === "" ? "" : `${path} `}`;
  const end = `; ${fix}`;
  return message.slice(
    message.startsWith(start) ? start.length : 0,
    message.endsWith(end) ? -end.length : undefined,
  );
}

export const place = ({ source }: ReportFinding): string =>
  source === undefined
    ? ""
    : `${clean(source.file)}${source.line === undefined ? "" : `:${source.line}`}`;

/** A name from a foreign file must not move the terminal's cursor, or turn its text around. */
export const clean = (text: string): string => text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, "�");
