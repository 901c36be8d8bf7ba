import { z } from "zod";
import { checkId, HEALTH_GROUPS, type HealthQuestion, levelOf } from "../../model/health";
import { runbookUrl } from "../../model/observability";
import type { Asked } from "./ask";

/** Raised when a reader of older reports would misread a new one. */
export const REPORT_VERSION = 1;

const STATUSES = ["well", "warning", "critical", "unknown"] as const;
export type Status = (typeof STATUSES)[number];

const count = z.int().min(0);

const check = z.strictObject({
  id: z
    .string()
    .describe("system/component/name, and @ with what it is about; engine/name for the engine."),
  system: z.string().exactOptional().describe("Absent for the engine itself."),
  component: z.string(),
  group: z.enum(HEALTH_GROUPS),
  title: z.string(),
  asked: z
    .enum(["engine", "instances", "outside", "prometheus"])
    .describe("Who: the engine, each instance itself, a gateway as a client would, or Prometheus."),
  status: z.enum(STATUSES).describe("unknown: it could not be asked; never to be taken for well."),
  value: z.number().exactOptional().describe("Absent where it could not be asked."),
  unit: z
    .enum(["count", "ratio", "seconds", "yes", "load"])
    .describe("ratio: of 1. yes: 1 for yes, 0 for no. load: a rate, or a load for each processor."),
  limits: z
    .strictObject({
      beyond: z.enum(["above", "below"]),
      warning: z.number().exactOptional(),
      critical: z.number().exactOptional(),
    })
    .exactOptional()
    .describe("Absent where a value is shown and not judged."),
  note: z
    .string()
    .exactOptional()
    .describe("Why it could not be asked, or what stands behind the value."),
  fix: z.string().exactOptional().describe("What to do, where it is beyond a limit."),
  runbook: z.string().exactOptional().describe("Where to read on, where it is beyond a limit."),
  seconds: z.number().min(0).describe("How long it took."),
});

const schema = z.strictObject({
  version: z.literal(REPORT_VERSION),
  tool: z.strictObject({ name: z.literal("atalaya"), version: z.string() }),
  created: z.iso.datetime(),
  stack: z.string(),
  platform: z.enum(["swarm", "kubernetes"]),
  systems: z.array(z.string()),
  monitoring: z.enum(["off", "lean", "full"]),
  status: z
    .enum(["well", "warning", "critical"])
    .describe("The worst of all; a check that could not be asked is a warning."),
  summary: z.strictObject({ well: count, warning: count, critical: count, unknown: count }),
  checks: z.array(check),
  notes: z.array(z.string()).describe("What was not asked at all, and why."),
});

/** Everything that a health check of a stack has to say. */
export type Report = z.infer<typeof schema>;
export type ReportCheck = Report["checks"][number];
export const reportSchema = schema;

/** For docs/health-report.schema.json. */
export const reportJsonSchema = (): object => ({
  title: "Report of atalaya health",
  ...z.toJSONSchema(schema, { target: "draft-7" }),
});

export interface ReportArgs extends Pick<
  Report,
  "stack" | "platform" | "systems" | "monitoring" | "notes"
> {
  readonly asked: readonly Asked[];
  /** Address of the page of alerts. */
  readonly runbook: string;
  readonly toolVersion: string;
  readonly now: Date;
}

/** What came of all checks, in the order in which they were asked. */
export function makeReport({ asked, runbook, toolVersion, now, ...about }: ReportArgs): Report {
  const checks = asked.map((of) => reported(of, runbook));
  const of = (status: Status): number => checks.filter((each) => each.status === status).length;
  const summary = {
    well: of("well"),
    warning: of("warning"),
    critical: of("critical"),
    unknown: of("unknown"),
  };
  return {
    version: REPORT_VERSION,
    tool: { name: "atalaya", version: toolVersion },
    created: now.toISOString(),
    ...about,
    status:
      summary.critical > 0
        ? "critical"
        : summary.warning + summary.unknown > 0
          ? "warning"
          : "well",
    summary,
    checks,
  };
}

const ASKED: Readonly<Record<HealthQuestion["kind"], ReportCheck["asked"]>> = {
  engine: "engine",
  workload: "engine",
  ready: "instances",
  https: "outside",
  query: "prometheus",
};

function reported({ check: of, value, note, seconds }: Asked, runbook: string): ReportCheck {
  const status = value === undefined ? "unknown" : levelOf(value, of.limits);
  const { system, component, group, title, unit, limits, alert } = of;
  const beyond = status === "warning" || status === "critical";
  return {
    id: system === undefined ? checkId(of) : `${system}/${checkId(of)}`,
    ...(system === undefined ? {} : { system }),
    component,
    group,
    title,
    asked: ASKED[of.ask.kind],
    status,
    ...(value === undefined ? {} : { value }),
    unit,
    ...(limits === undefined ? {} : { limits: { ...limits } }),
    ...(note === undefined ? {} : { note }),
    ...(beyond ? { fix: of.fix } : {}),
    ...(beyond && alert !== undefined ? { runbook: runbookUrl(runbook, alert) } : {}),
    seconds: Math.round(seconds * 1_000) / 1_000,
  };
}
