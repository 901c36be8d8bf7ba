import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { parse, YAMLParseError } from "yaml";
import { formatProblems, ProblemsError } from "../../model/problems";
import { type Config, type Environment, loadConfig } from "../../policies/engine/config";
import type { ClusterAccess } from "../../stack/kubernetes/access";
import { evaluate } from "../../policies/engine/evaluate";
import { readConfig } from "../../policies/project";
import { rules } from "../../policies/rules";
import { readBaseline, readReport, writeBaseline } from "../audit/baseline";
import type { Format, FormatContext } from "../audit/formats/format";
import { page } from "../audit/formats/html";
import { json } from "../audit/formats/json";
import { junit } from "../audit/formats/junit";
import { sarif } from "../audit/formats/sarif";
import { table } from "../audit/formats/table";
import { CouldNotRun, Gathered } from "../audit/gathered";
import type { Kind } from "../audit/inputs/documents";
import { gatherPaths } from "../audit/inputs/files";
import { activeRules, type FailOn, makeReport, type Report } from "../audit/report";
import { isRecord } from "../audit/values";
import { ExitCode, Interrupted, messageOf, UserError } from "../errors";
import { coloured, say } from "../output";
import { endOnSignals } from "../process";
import { root } from "../project";
import { configuredEngine, readStackFile } from "../setup/stack-file";

/** Every format, by its name on the command line. */
export const FORMATS: Readonly<Record<string, Format>> = { table, json, sarif, junit, html: page };

/** What a file's name says about its format. */
const EXTENSIONS: Readonly<Record<string, string>> = {
  ".sarif": "sarif",
  ".sarif.json": "sarif",
  ".json": "json",
  ".xml": "junit",
  ".html": "html",
  ".htm": "html",
  ".txt": "table",
};

/** Options of `audit`. */
export interface AuditOptions {
  readonly as?: Kind;
  readonly namespace?: string;
  readonly context?: string;
  readonly swarm?: boolean;
  readonly stack?: string;
  readonly config?: string;
  readonly environment?: Environment;
  readonly format?: readonly string[];
  /** As `--format json`, as other commands have it. */
  readonly json?: boolean;
  readonly output?: readonly string[];
  readonly failOn: FailOn;
  readonly baseline?: string;
  readonly writeBaseline?: boolean;
  readonly previous?: string;
  readonly allowUnreadable?: boolean;
  readonly all?: boolean;
}

/** Judges anything by the policies, and changes nothing. */
export async function audit(what: readonly string[], options: AuditOptions): Promise<void> {
  try {
    process.exitCode = await run(what, options);
  } catch (error) {
    throw asCouldNotRun(error);
  }
}

/** Whatever keeps an audit from taking place has one exit code: nobody may take it for a clean result. */
function asCouldNotRun(error: unknown): Error {
  if (error instanceof Interrupted || error instanceof CouldNotRun) return error;
  if (error instanceof UserError)
    return new CouldNotRun(error.problem, error.fix, { cause: error });
  if (error instanceof ProblemsError) {
    return new CouldNotRun(
      formatProblems(error.subject, error.problems),
      "Mend it and run this again.",
    );
  }
  return new CouldNotRun(
    messageOf(error),
    "This may be a defect in atalaya; --debug shows the details.",
    { cause: error },
  );
}

async function run(what: readonly string[], options: AuditOptions): Promise<number> {
  const outputs = plannedOutputs(options);
  if (options.writeBaseline && options.baseline === undefined) {
    throw new CouldNotRun(
      "--write-baseline does not say where.",
      "Name the file: --baseline FILE --write-baseline",
    );
  }
  const config = configOf(options);
  const previous = options.previous === undefined ? undefined : readReport(options.previous);
  const baseline =
    options.baseline === undefined || options.writeBaseline
      ? undefined
      : readBaseline(options.baseline);

  const gathered = new Gathered();
  const audited = await gather(what, options, gathered);
  endOnSignals();
  gathered.withoutOwned();
  if (gathered.subjects.length === 0) throw nothingFound(audited, gathered);

  const now = new Date();
  const report = makeReport({
    audited,
    gathered,
    evaluation: evaluate(gathered.subjects, config, { rules, now }),
    config,
    failOn: options.failOn,
    ...(baseline === undefined ? {} : { baseline }),
    toolVersion: version(),
    now,
  });
  await write(report, outputs, {
    rules: activeRules(rules, config),
    failOn: options.failOn,
    ...(previous === undefined ? {} : { previous }),
    ...(options.all === undefined ? {} : { all: options.all }),
  });
  return exitCode(report, options);
}

function exitCode(report: Report, options: AuditOptions): number {
  if (options.writeBaseline) {
    const count = writeBaseline(options.baseline!, report);
    say(`${options.baseline!}: ${count} findings are accepted from now on.`);
    return ExitCode.ok;
  }
  if (report.summary.failing > 0) return ExitCode.failed;
  return report.summary.unreadable > 0 && !options.allowUnreadable ? ExitCode.usage : ExitCode.ok;
}

interface Output {
  readonly format: string;
  /** Standard output where absent. */
  readonly file?: string;
}

/**
 * Which formats go where: a file's name says its format, or else the one `--format` does; a format that no
 * file has taken goes to standard output, where else the table goes.
 */
export function plannedOutputs({
  format = [],
  json: asJson = false,
  output = [],
}: Pick<AuditOptions, "format" | "json" | "output">): Output[] {
  const files = output.map((file) => {
    const name = basename(file).toLowerCase();
    const [, found = format.length === 1 ? format[0] : undefined] =
      Object.entries(EXTENSIONS).find(([extension]) => name.endsWith(extension)) ?? [];
    if (found === undefined) {
      throw new CouldNotRun(
        `${file} does not say in which format it is to be written.`,
        `Call it *${Object.keys(EXTENSIONS).join(", *")}, or give one --format.`,
      );
    }
    return { format: found, file };
  });
  const taken = new Set(files.map((file) => file.format));
  const rest = [
    ...new Set([...(asJson ? ["json"] : []), ...format.filter((each) => !taken.has(each))]),
  ];
  if (rest.length > 1) {
    throw new CouldNotRun(
      `Standard output cannot carry ${rest.join(" and ")} at once.`,
      "Give each a file with --output.",
    );
  }
  return [...files, { format: rest[0] ?? "table" }];
}

async function write(
  report: Report,
  outputs: readonly Output[],
  context: FormatContext,
): Promise<void> {
  for (const { format, file } of outputs) {
    const text = written(format, report, {
      ...context,
      coloured: file === undefined && coloured,
    });
    if (file === undefined) {
      await new Promise<void>((done) => process.stdout.write(text, () => done()));
      continue;
    }
    try {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    } catch (error) {
      throw new CouldNotRun(
        `${file} cannot be written (${(error as NodeJS.ErrnoException).code ?? "unknown error"}).`,
        "Choose another file.",
        { cause: error },
      );
    }
  }
}

/** @throws CouldNotRun where the text would be longer than any may be */
function written(format: string, report: Report, context: FormatContext): string {
  try {
    return FORMATS[format]!(report, context);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CouldNotRun(
      `${report.findings.length} findings are too many for one report in ${format}.`,
      "Audit it in several parts.",
      { cause: error },
    );
  }
}

/**
 * A stack's policies, with its project's, where one is named; else the defaults: what a project exempts of
 * its own says nothing about anybody else's. Over both, what was given.
 */
function configOf({ config: file, stack, environment }: AuditOptions): Config {
  const given = {
    ...(file === undefined ? {} : readGiven(file)),
    ...(environment === undefined ? {} : { environment }),
  };
  const ids = rules.map(({ id }) => id);
  return stack === undefined
    ? loadConfig(given, ids)
    : readConfig({ from: root, stack, given }, ids);
}

function readGiven(file: string): object {
  const fix = "Name a YAML or JSON file; policies/README.md says what it may hold.";
  let read: unknown;
  try {
    read = parse(readFileSync(file, "utf8"), { logLevel: "error", merge: true });
  } catch (error) {
    const what = error instanceof YAMLParseError ? "is no YAML" : "cannot be read";
    throw new CouldNotRun(`The configuration ${file} ${what}.`, fix, { cause: error });
  }
  if (read === null || isRecord(read)) return read ?? {};
  throw new CouldNotRun(`The configuration ${file} is no mapping.`, fix);
}

/** Reads what was asked for. @returns how it is called in the report */
async function gather(
  what: readonly string[],
  options: AuditOptions,
  into: Gathered,
): Promise<string[]> {
  const asked = [
    what.length > 0 ? "files" : undefined,
    options.namespace === undefined ? undefined : "--namespace",
    options.swarm ? "--swarm" : undefined,
  ].filter((each) => each !== undefined);
  if (asked.length > 1) {
    throw new CouldNotRun(
      `${asked.join(" and ")} cannot be audited at once.`,
      "Run it once for each.",
    );
  }
  // Each way brings its own libraries: files need none of them.
  /* eslint-disable @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports -- see main.ts */
  if (options.namespace !== undefined) {
    const { gatherNamespace } =
      require("../audit/inputs/cluster") as typeof import("../audit/inputs/cluster");
    const cluster = clusterOf(options);
    await gatherNamespace(options.namespace, into, cluster);
    return [
      `namespace ${options.namespace}${cluster.context === undefined ? "" : ` of ${cluster.context}`}`,
    ];
  }
  if (options.swarm) {
    const { gatherSwarm } =
      require("../audit/inputs/swarm") as typeof import("../audit/inputs/swarm");
    const engine = options.stack === undefined ? undefined : configuredEngine(root, options.stack);
    await gatherSwarm(into, engine === undefined ? {} : { DOCKER_HOST: engine });
    return [`Swarm${engine === undefined ? "" : ` at ${engine}`}`];
  }
  if (what.length > 0) {
    endOnSignals();
    await gatherPaths(what, into, options.as === undefined ? {} : { as: options.as });
    return what.map((path) => (path === "-" ? "(standard input)" : path));
  }
  if (options.stack === undefined) {
    throw new CouldNotRun(
      "Nothing was named to audit.",
      "Name files, folders or -, or give --namespace, --swarm, or --stack for a stack's state.\n`atalaya audit --help` shows examples.",
    );
  }
  const { gatherStack } =
    require("../audit/inputs/stack") as typeof import("../audit/inputs/stack");
  /* eslint-enable */
  await gatherStack(options.stack, into);
  return [`stack ${options.stack}`];
}

function clusterOf({ stack, context }: AuditOptions): ClusterAccess {
  const configured =
    stack === undefined
      ? {}
      : ((readStackFile(root, stack).config?.["atalaya:kubernetes"] ?? {}) as ClusterAccess);
  const chosen = context ?? configured.context;
  return {
    ...(configured.kubeconfig === undefined ? {} : { kubeconfig: configured.kubeconfig }),
    ...(chosen === undefined ? {} : { context: chosen }),
  };
}

function nothingFound(audited: readonly string[], { unreadable, skipped }: Gathered): CouldNotRun {
  const shown = unreadable
    .slice(0, 20)
    .map(
      ({ source, reason, fix }) =>
        `${source.file}${source.line === undefined ? "" : `:${source.line}`}: ${reason}${fix === undefined ? "" : ` (${fix})`}`,
    );
  const rest = unreadable.length - shown.length;
  return new CouldNotRun(
    `There is nothing to judge in ${audited.join(", ")}.`,
    [
      ...shown,
      ...(rest > 0 ? [`… and ${rest} more`] : []),
      ...(skipped > 0
        ? [
            `${skipped} files hold no Kubernetes object, compose file, Pulumi state or configuration.`,
          ]
        : []),
      ...(unreadable.length + skipped === 0 ? ["It holds no object."] : []),
    ].join("\n"),
  );
}

const version = (): string =>
  (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string }).version;
