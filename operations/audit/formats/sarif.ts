import { isAbsolute, relative } from "node:path";
import type { Location, Log, ReportingDescriptor, Result } from "sarif";
import { formatName } from "../../../policies/engine/evaluate";
import type { Rule, Severity } from "../../../policies/engine/rule";
import type { Report, ReportFinding } from "../report";
import { type Format, isOpen } from "./format";

const LEVELS: Readonly<Record<Severity, Result.level>> = {
  critical: "error",
  high: "error",
  medium: "warning",
  low: "note",
};

/** Code scanning shows critical from 9.0, high from 7.0, medium from 4.0 on. */
const SCORES: Readonly<Record<Severity, string>> = {
  critical: "9.5",
  high: "8.0",
  medium: "5.5",
  low: "2.0",
};

/** SARIF 2.1.0, for code scanning. */
export const sarif: Format = (report, { rules }) => {
  const descriptors = rules.map(({ rule }) => descriptor(rule));
  const indices = new Map(descriptors.map(({ id }, i) => [id, i]));
  const log: Log = {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "atalaya audit",
            semanticVersion: report.tool.version,
            rules: descriptors,
          },
        },
        columnKind: "utf16CodeUnits",
        invocations: [
          {
            executionSuccessful: report.summary.unreadable === 0,
            endTimeUtc: report.created,
            toolExecutionNotifications: notifications(report),
          },
        ],
        results: report.findings.map((finding) => result(finding, indices.get(finding.rule))),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
};

const descriptor = ({
  id,
  title,
  severity,
  why,
  fix,
  references,
  category,
}: Rule): ReportingDescriptor => ({
  id,
  name: id.replace(/(?:^|[-/])(\w)/g, (_all, letter: string) => letter.toUpperCase()),
  shortDescription: { text: title },
  fullDescription: { text: why },
  help: {
    text: `${why}\n\nFix: ${fix}.\n\nAlso known as: ${references.join("; ")}.`,
    markdown: `${why}\n\n**Fix:** ${fix}.\n\nAlso known as: ${references.join("; ")}.`,
  },
  defaultConfiguration: { level: LEVELS[severity] },
  properties: {
    tags: ["security", category],
    "security-severity": SCORES[severity],
    precision: "high",
  },
});

const result = (finding: ReportFinding, ruleIndex: number | undefined): Result => ({
  ruleId: finding.rule,
  ...(ruleIndex === undefined ? {} : { ruleIndex }),
  level: LEVELS[finding.severity],
  message: { text: finding.message },
  locations: [
    {
      ...physical(finding.source),
      logicalLocations: [
        {
          name: finding.resource.name,
          fullyQualifiedName: `${formatName(finding.resource)} ${finding.path}`.trim(),
          kind: "resource",
        },
      ],
    },
  ],
  // The one that code scanning goes by; it would follow the line's text otherwise.
  partialFingerprints: { primaryLocationLineHash: `${finding.fingerprint}:1` },
  ...(isOpen(finding)
    ? {}
    : {
        suppressions: [
          {
            kind: "external" as const,
            status: "accepted" as const,
            justification:
              finding.exempt === undefined
                ? "It stands in the baseline."
                : `${finding.exempt.reason} (${finding.exempt.owner}, until ${finding.exempt.expires})`,
          },
        ],
      }),
});

function physical(source: ReportFinding["source"]): Pick<Location, "physicalLocation"> {
  if (source === undefined || source.file.startsWith("(")) return {};
  return {
    physicalLocation: {
      artifactLocation: { uri: uriOf(source.file) },
      region: { startLine: source.line ?? 1 },
    },
  };
}

/** Code scanning wants paths from the checkout's top, with slashes. */
function uriOf(file: string): string {
  const path = isAbsolute(file) ? relative(process.cwd(), file) : file;
  const plain = path.startsWith("..") ? file : path;
  return plain
    .split(/[\\/]/)
    .filter((part, i) => !(i === 0 && part === "."))
    .map((part) => encodeURIComponent(part))
    .join("/");
}

const notifications = (
  report: Report,
): { level: "error" | "note"; message: { text: string }; locations?: Location[] }[] => [
  ...report.unreadable.map(({ source, reason, fix }) => ({
    level: "error" as const,
    message: { text: `${source.file}: ${reason}${fix === undefined ? "" : ` (${fix})`}` },
    locations: [physical(source)],
  })),
  ...report.unchecked.map(({ message }) => ({
    level: "note" as const,
    message: { text: message },
  })),
];
