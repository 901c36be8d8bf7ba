import { createHash } from "node:crypto";
import { z } from "zod";
import { ENVIRONMENTS, type Config } from "../../policies/engine/config";
import {
  type Evaluation,
  type Finding,
  formatName,
  isPast,
  levelOf,
} from "../../policies/engine/evaluate";
import { parsePath } from "../../policies/engine/field";
import { podsOf } from "../../policies/engine/pods";
import { type Rule, SEVERITIES, type Severity } from "../../policies/engine/rule";
import type { Subject } from "../../policies/engine/subject";
import type { Gathered, Place } from "./gathered";
import { stablePath } from "./place";
import { isRecord } from "./values";

/** Raised when a reader of older reports would misread a new one. */
export const REPORT_VERSION = 1;

const source = z
  .strictObject({
    file: z.string().describe("As it was named on the command line, or below that folder."),
    line: z
      .int()
      .min(1)
      .exactOptional()
      .describe("Of the property, from 1; of what it is missing in where it is missing."),
  })
  .describe("Absent for what runs.");
const resource = z.strictObject({
  kind: z.string(),
  namespace: z.string().exactOptional(),
  name: z.string(),
  urn: z.string().exactOptional().describe("Of a Pulumi resource."),
});
const exempt = z.strictObject({ reason: z.string(), owner: z.string(), expires: z.string() });
const severity = z.enum(SEVERITIES);
const count = z.int().min(0);
const counts = z.strictObject({ critical: count, high: count, medium: count, low: count });

const finding = z.strictObject({
  rule: z.string().describe("category/name"),
  category: z.string(),
  severity,
  level: z
    .enum(["advisory", "mandatory", "remediate"])
    .describe("What a preview does about it: warns, stops, or mends."),
  resource,
  system: z
    .string()
    .describe(
      "The system that the resource says it belongs to, else its namespace; empty where neither is known.",
    ),
  path: z.string().describe("The property, in the object's own terms."),
  source: source.exactOptional(),
  message: z.string(),
  fix: z.string(),
  exempt: exempt.exactOptional().describe("Somebody answers for it until then."),
  accepted: z.boolean().exactOptional().describe("It stands in the baseline."),
  fingerprint: z.string().describe("The same for the same finding, wherever its line has moved."),
});

const schema = z.strictObject({
  version: z.literal(REPORT_VERSION),
  tool: z.strictObject({ name: z.literal("atalaya"), version: z.string() }),
  created: z.iso.datetime(),
  audited: z.array(z.string()).describe("What was audited, as it was named."),
  environment: z.enum(ENVIRONMENTS),
  summary: z.strictObject({
    objects: count,
    skippedFiles: count.describe("Files of folders without anything that is judged."),
    findings: counts.describe("Neither exempt nor accepted."),
    failing: count.describe("Those that make the command fail."),
    exempt: count,
    accepted: count,
    unreadable: count,
    unchecked: count,
  }),
  findings: z.array(finding),
  exemptions: z
    .array(
      z.strictObject({
        rule: z.string(),
        resource: z.string(),
        ...exempt.shape,
        expired: z.boolean(),
        findings: count.describe("How many it covers here."),
      }),
    )
    .describe("All that are configured."),
  unreadable: z
    .array(z.strictObject({ source, reason: z.string(), fix: z.string().exactOptional() }))
    .describe("What should have been judged and could not be read."),
  unchecked: z
    .array(z.strictObject({ rule: z.string(), resource, path: z.string(), message: z.string() }))
    .describe("What nobody can know from what was audited."),
});

/** Everything an audit has to say. */
export type Report = z.infer<typeof schema>;
export type ReportFinding = z.infer<typeof finding>;
export const reportSchema = schema;

/** For docs/audit-report.schema.json. */
export const reportJsonSchema = (): object => ({
  title: "Report of atalaya audit",
  ...z.toJSONSchema(schema, { target: "draft-7" }),
});

/** When the command fails: what a preview would stop, or a severity and those above it. */
export const FAIL_ON = ["mandatory", ...SEVERITIES, "never"] as const;
export type FailOn = (typeof FAIL_ON)[number];

/** Whether a finding makes the command fail. */
export function fails({ exempt, accepted, level, severity }: ReportFinding, on: FailOn): boolean {
  if (exempt !== undefined || accepted === true || on === "never") return false;
  if (on === "mandatory") return level !== "advisory";
  return SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(on);
}

export interface ReportArgs {
  readonly audited: readonly string[];
  readonly gathered: Gathered;
  readonly evaluation: Evaluation;
  readonly config: Config;
  readonly failOn: FailOn;
  /** Fingerprints of findings that are accepted. */
  readonly baseline?: ReadonlySet<string>;
  readonly toolVersion: string;
  readonly now: Date;
}

/** Everything about an audit, in the order in which it was read; the worst first within a report is a format's matter. */
export function makeReport(args: ReportArgs): Report {
  const { gathered, evaluation, config, now } = args;
  const seen = new Map<string, number>();
  const findings = evaluation.findings.map((of): ReportFinding => {
    const made = reported(of, gathered, seen);
    return args.baseline?.has(made.fingerprint) ? { ...made, accepted: true } : made;
  });
  const unchecked = [
    ...evaluation.unchecked.map(({ rule, resource, path }) => ({
      rule,
      resource: { ...resource },
      path,
      message: `${formatName(resource)}: ${path} is not known from what was audited`,
    })),
    ...gathered.unseen.map(({ subject, path, reason }) => {
      const resource = nameOf(subject);
      return { rule: "*", resource, path, message: `${formatName(resource)}: ${path}: ${reason}` };
    }),
    ...unknownKinds(gathered.subjects),
  ];
  const open = findings.filter(({ exempt, accepted }) => exempt === undefined && accepted !== true);
  return {
    version: REPORT_VERSION,
    tool: { name: "atalaya", version: args.toolVersion },
    created: now.toISOString(),
    audited: [...args.audited],
    environment: config.environment,
    summary: {
      objects: gathered.subjects.length,
      skippedFiles: gathered.skipped,
      findings: countBySeverity(open),
      failing: findings.filter((each) => fails(each, args.failOn)).length,
      exempt: findings.filter(({ exempt }) => exempt !== undefined).length,
      accepted: findings.filter(({ accepted }) => accepted === true).length,
      unreadable: gathered.unreadable.length,
      unchecked: unchecked.length,
    },
    findings,
    exemptions: config.exemptions.map((exemption) => ({
      rule: exemption.rule,
      resource: exemption.resource,
      reason: exemption.reason,
      owner: exemption.owner,
      expires: exemption.expires,
      expired: isPast(exemption.expires, now),
      findings: evaluation.findings.filter(
        ({ rule, exempt }) =>
          exempt !== undefined &&
          (exemption.rule === rule || exemption.rule.endsWith("/*")) &&
          exempt.reason === exemption.reason &&
          exempt.owner === exemption.owner &&
          exempt.expires === exemption.expires,
      ).length,
    })),
    unreadable: gathered.unreadable.map(({ source: at, reason, fix }) => ({
      source: { ...at },
      reason,
      ...(fix === undefined ? {} : { fix }),
    })),
    unchecked,
  };
}

/** Kinds that others have added to a cluster, whose fields no rule can know. */
function unknownKinds(subjects: readonly Subject[]): Report["unchecked"] {
  const counts = new Map<string, number>();
  for (const subject of subjects) {
    if (subject.world !== "kubernetes" || isOfKubernetes(subject.type)) continue;
    // A pod template is known by its shape, wherever it is.
    if (podsOf(subject).length > 0) continue;
    counts.set(subject.type, (counts.get(subject.type) ?? 0) + 1);
  }
  return [...counts].map(([type, objects]) => {
    const kind = type.split("/").at(-1)!;
    const of = objects === 1 ? "1 object" : `${objects} objects`;
    return {
      rule: "*",
      resource: { kind, name: "*" },
      path: "",
      message: `${of} of kind ${kind} (${type.slice(0, -kind.length - 1)}): rules judge names, labels and secrets in it, not what its fields mean`,
    };
  });
}

/** Whether Kubernetes itself has an API: its groups have no dot, or end in `.k8s.io`. */
function isOfKubernetes(type: string): boolean {
  const group = type.split("/").slice(0, -2).join("/");
  return !group.includes(".") || group.endsWith(".k8s.io");
}

export function countBySeverity(
  of: readonly { readonly severity: Severity }[],
): Record<"critical" | "high" | "medium" | "low", number> {
  const counted = { critical: 0, high: 0, medium: 0, low: 0 };
  for (const { severity: each } of of) counted[each]++;
  return counted;
}

function reported(of: Finding, gathered: Gathered, seen: Map<string, number>): ReportFinding {
  const { rule, category, level, resource: found, path, message, fix } = of;
  const at = gathered.at(of.source);
  const keys = parsePath(path);
  const { file, node } = at?.place ?? {};
  const line = node?.lineOf(keys);
  const identity = [
    rule,
    found.kind,
    found.namespace ?? "",
    found.name,
    stablePath(at?.subject?.props, keys),
  ].join("\0");
  // Two objects of one name, as overlays have them: told apart by their order.
  const nth = seen.get(identity) ?? 0;
  seen.set(identity, nth + 1);
  const { kind, namespace, name, urn } = found;
  return {
    rule,
    category,
    severity: of.severity,
    level,
    resource: {
      kind,
      ...(namespace === undefined ? {} : { namespace }),
      name,
      ...(urn === undefined || urn === "" ? {} : { urn }),
    },
    system: at?.subject === undefined ? "" : systemOf(at.subject, at.place),
    path,
    ...(file === undefined ? {} : { source: { file, ...(line === undefined ? {} : { line }) } }),
    message,
    fix,
    ...(of.exempt === undefined ? {} : { exempt: { ...of.exempt } }),
    fingerprint: createHash("sha256").update(`${identity}\0${nth}`).digest("hex").slice(0, 32),
  };
}

const nameOf = ({ kind, namespace, name }: Subject): Report["unchecked"][number]["resource"] => ({
  kind,
  ...(namespace === undefined ? {} : { namespace }),
  name,
});

/** Labels that say which system an object belongs to, the most exact first. */
const SYSTEM_LABELS = [
  "atalaya.system",
  "app.kubernetes.io/part-of",
  "com.docker.stack.namespace",
  "app.kubernetes.io/instance",
];

function systemOf({ props, namespace }: Subject, place: Place): string {
  const metadata = props["metadata"];
  const labels = labelsOf(isRecord(metadata) ? metadata["labels"] : props["labels"]);
  const label = SYSTEM_LABELS.find((key) => typeof labels[key] === "string" && labels[key] !== "");
  return label === undefined ? (place.system ?? namespace ?? "") : String(labels[label]);
}

/** A map, or Docker's list of pairs. */
function labelsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (Array.isArray(value)) {
    return Object.fromEntries(
      value.flatMap((each: unknown): [string, unknown][] =>
        isRecord(each)
          ? [[String(each["label"]), each["value"]]]
          : typeof each === "string"
            ? [each.split("=", 2) as [string, string]]
            : [],
      ),
    );
  }
  return isRecord(value) ? value : {};
}

/** Rules that were in force, with how; for formats that list them. */
export const activeRules = (
  rules: readonly Rule[],
  config: Config,
): { readonly rule: Rule; readonly level: ReportFinding["level"] }[] =>
  rules.flatMap((rule) => {
    const level = levelOf(rule, config);
    return level === "disabled" ? [] : [{ rule, level }];
  });
