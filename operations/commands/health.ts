import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { checksOf, engineChecks } from "../../model/health";
import { OBSERVER } from "../../model/observability";
import { didYouMean, formatProblems, ProblemsError } from "../../model/problems";
import type { DescribedStack } from "../../stack/describe";
import { ExitCode, Interrupted, messageOf, UserError } from "../errors";
import { askAll, type StackCheck } from "../health/ask";
import { engineOf } from "../health/engine-of";
import { makeReport, type Report } from "../health/report";
import { drawn } from "../health/table";
import { result, resultJson } from "../output";
import { root } from "../project";
import { describedStack } from "../setup/described";
import { checkStackName } from "../setup/prepare";

/** Options of `health`. */
export interface HealthOptions {
  readonly stack: string;
  /** Only these systems, and the engine. */
  readonly system?: readonly string[];
  readonly json?: boolean;
  readonly verbose?: boolean;
  /** Seconds that one check may take. */
  readonly timeout: number;
}

/** What the exit code says, as monitoring tools read it; 3 where nothing could be asked. */
export const EXIT_CODES = { well: 0, warning: 1, critical: 2 } as const;

/** Asks a running stack how it is (FV-08, GG-08). Changes nothing. */
export async function health(options: HealthOptions): Promise<void> {
  try {
    const report = await reportOn(options);
    if (options.json) resultJson(report);
    else result(drawn(report, options));
    process.exitCode = EXIT_CODES[report.status];
  } catch (error) {
    throw asNotAsked(error);
  }
}

/** Whatever keeps the checks from being asked has one exit code: nobody may take it for an answer. */
function asNotAsked(error: unknown): Error {
  if (error instanceof Interrupted) return error;
  const not = (problem: string, fix: string): UserError =>
    new UserError(problem, fix, ExitCode.missing, { cause: error });
  if (error instanceof UserError) return not(error.problem, error.fix);
  if (error instanceof ProblemsError) {
    return not(formatProblems(error.subject, error.problems), "Mend it and run this again.");
  }
  return not(messageOf(error), "This may be a defect in atalaya; --debug shows the details.");
}

async function reportOn(options: HealthOptions): Promise<Report> {
  checkStackName(options.stack);
  const stack = described(options.stack);
  const { site } = stack.config;
  const checks = checksOfStack(stack, options.system);
  const asked = await askAll(checks, stack.systems, engineOf(stack), options.timeout * 1_000);
  return makeReport({
    asked,
    stack: stack.stack,
    platform: site.platform,
    systems: stack.systems.map(({ name }) => name).filter(isAsked(options.system)),
    monitoring: site.monitoring,
    notes: notesOn(stack),
    runbook: runbookOf(stack),
    toolVersion: version(),
    now: new Date(),
  });
}

function described(stack: string): DescribedStack {
  const file = join(root, `Pulumi.${stack}.yaml`);
  // A laptop's own stack needs no file.
  if (stack !== "dev" && !existsSync(file)) {
    throw new UserError(
      `There is no ${basename(file)}: stack ${stack} has no configuration here.`,
      "Choose a stack with -s, or write its file (docs/configuration.md).",
    );
  }
  return describedStack(stack);
}

const isAsked =
  (chosen: readonly string[] | undefined) =>
  (system: string): boolean =>
    chosen === undefined || chosen.includes(system);

/** All checks of a stack, or those of the engine and of some of its systems. */
export function checksOfStack(
  { stack, systems }: Pick<DescribedStack, "stack" | "systems">,
  chosen?: readonly string[],
): readonly StackCheck[] {
  const names = systems.map(({ name }) => name);
  const unknown = chosen?.filter((name) => !names.includes(name)) ?? [];
  if (unknown.length > 0) {
    throw new UserError(
      `Stack ${stack} has no system ${unknown.map((name) => JSON.stringify(name)).join(", ")}.`,
      didYouMean(unknown[0]!, names) ?? `It has ${names.join(", ")}.`,
    );
  }
  return [
    ...checksOf(engineChecks, "engine", {}),
    ...systems
      .filter(({ name }) => isAsked(chosen)(name))
      .flatMap(({ name: system, checks }) => checks.map((check) => ({ ...check, system }))),
  ];
}

function notesOn({ config: { site } }: DescribedStack): string[] {
  if (site.monitoring !== "off") return [];
  return [
    "monitoring is off: nobody measures error rates, response times of all requests, connections, sizes, disks, memory and load, so they are not checked, and nothing is checked every five minutes (pulumi config set monitoring full)",
  ];
}

function runbookOf({ config: { systems } }: DescribedStack): string {
  const own = systems.find(({ name }) => name === OBSERVER.system)?.config;
  return (own as { readonly runbook?: string } | undefined)?.runbook ?? "docs/alerts.md";
}

const version = (): string =>
  (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string }).version;
