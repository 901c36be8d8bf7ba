import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { Environment } from "../policies/engine/config";
import type { AuditOptions } from "./commands/audit";
import type {
  BackupCopyOptions,
  BackupNowOptions,
  BackupOptions,
  BackupRestoreOptions,
} from "./commands/backup";
import type { CompareOptions } from "./commands/compare";
import type { DoctorOptions } from "./commands/doctor";
import type { DownOptions } from "./commands/down";
import type { HealthOptions } from "./commands/health";
import type { BackupStateOptions } from "./commands/backup-state";
import type { ImagesOptions } from "./commands/images";
import type { LogsOptions } from "./commands/logs";
import type { OpenOptions, Page } from "./commands/open";
import type { PoliciesOptions } from "./commands/policies";
import type { PreviewOptions } from "./commands/preview";
import type { RenderOptions } from "./commands/render";
import type { TestOptions } from "./commands/test";
import type { UpOptions } from "./commands/up";
import { ExitCode, Interrupted, messageOf, UserError } from "./errors";
import { LOG_LEVELS } from "../model/logs";
import { colour, say } from "./output";
import { installSignalHandlers } from "./process";

const HELP_END = `
Examples:
  $ npm run up                          stack dev on this machine, everything it needs included
  $ npx atalaya up -s staging --yes     another stack, without questions
  $ npm run down                        stop everything, keep databases and their passwords
  $ npm run down -- --all               remove them too, after a confirmation
  $ npx atalaya render -s prod -o out   its Kubernetes manifests, for a review or for GitOps
  $ npx atalaya compare origin/main     what this branch changes in the manifests of Kubernetes stacks
  $ npx atalaya audit manifests/        judge anything by the policies: files, a state, what runs
  $ npx atalaya health -s prod          how the running stack is, and what to do about what is not well
  $ npx atalaya open grafana -s prod    its dashboards, on this machine alone
  $ npx atalaya logs -s prod --user ana what one person did, over all services
  $ npx atalaya doctor --json           what this machine has and lacks, for programs
  $ npm test -- unit                    one test suite

Exit codes:
  0  done
  1  tried and failed
  2  a wrong argument or unusable input
  3  something is missing on this machine; nothing was changed
  4  the engine rolled a release back; the old version is running
  \`audit\` and \`health\` give a verdict and have their own: see their --help

Environment:
  ATALAYA_TOOLCHAIN      path, download or build: where the Pulumi CLI comes from
  ATALAYA_PULUMI_URL     a mirror of https://get.pulumi.com/releases/sdk
  ATALAYA_TEST_RESULTS   folder for the test suites' results (jest's JSON)
  ATALAYA_GO_VULNERABILITIES  a mirror of https://vuln.go.dev for \`check dependencies\`
  DOCKER_HOST            another Docker engine, for example ssh://deploy@server
  PULUMI_BACKEND_URL     where Pulumi keeps its state; without one it stays on this machine
  CI=true                agree to installing what is missing, like --yes
  NO_COLOR               no colours
`;

/* eslint-disable @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports --
   A command is loaded when it is called:
   `--help` and `doctor` need not wait for Pulumi's SDK. tsx compiles what require() asks for, and not
   what import() does. */
const commands = {
  audit: () => require("./commands/audit") as typeof import("./commands/audit"),
  backup: () => require("./commands/backup") as typeof import("./commands/backup"),
  backupState: () => require("./commands/backup-state") as typeof import("./commands/backup-state"),
  up: () => require("./commands/up") as typeof import("./commands/up"),
  down: () => require("./commands/down") as typeof import("./commands/down"),
  preview: () => require("./commands/preview") as typeof import("./commands/preview"),
  health: () => require("./commands/health") as typeof import("./commands/health"),
  doctor: () => require("./commands/doctor") as typeof import("./commands/doctor"),
  logs: () => require("./commands/logs") as typeof import("./commands/logs"),
  open: () => require("./commands/open") as typeof import("./commands/open"),
  images: () => require("./commands/images") as typeof import("./commands/images"),
  pulumi: () => require("./commands/pulumi") as typeof import("./commands/pulumi"),
  render: () => require("./commands/render") as typeof import("./commands/render"),
  compare: () => require("./commands/compare") as typeof import("./commands/compare"),
  policies: () => require("./commands/policies") as typeof import("./commands/policies"),
  check: () => require("./commands/check") as typeof import("./commands/check"),
  test: () => require("./commands/test") as typeof import("./commands/test"),
};
/* eslint-enable @typescript-eslint/no-require-imports */

const AUDIT_HELP = `
What is audited, one of:
  files and folders   Kubernetes YAML or JSON, compose files, Pulumi states and stacks' files, each found out by itself
  -                   the same, from standard input
  --namespace NS      what is declared and runs in a namespace, by kubectl
  --swarm             what runs on a Docker Swarm
  --stack NAME        by itself: the stack's recorded state and its file. With another of these: that stack's policies
                      (atalaya:policies), cluster and engine

Output: a table on standard output. --output writes files, whose names say their format (*.json, *.sarif,
*.xml for JUnit, *.html); --format sends another one to standard output, or names the format of one file.

Examples:
  $ npx atalaya audit k8s/ compose.yaml
  $ helm template shop ./chart | npx atalaya audit -
  $ npx atalaya audit k8s/ -o audit.html -o audit.sarif -o audit.json --previous last/audit.json
  $ npx atalaya audit k8s/ --baseline accepted.json --write-baseline
  $ npx atalaya audit --namespace shop --context staging
  $ npx atalaya audit -s prod

Exit codes:
  0  nothing that fails the audit
  1  findings that do: what a preview would stop, or those from --fail-on upwards; neither exempt nor in the
     baseline
  2  it could not run, or not everything could be read (unless --allow-unreadable)
`;

const HEALTH_HELP = `
Checks follow from the components that the stack has; docs/health.md lists them with their limits. Without
monitoring there are fewer, and the last lines say so.

Examples:
  $ npx atalaya health
  $ npx atalaya health -s prod --system pronto --verbose
  $ npx atalaya health -s prod --json | jq '.checks[] | select(.status != "well")'

Exit codes:
  0  all is well
  1  a warning, or something could not be asked
  2  something is critical
  3  nothing was asked: a wrong argument, a configuration that cannot be used
`;

const STATE_HELP = `
Keep the copies where neither this machine nor the state's backend is. What opens the secrets in them, a passphrase or a
key service, is in none of them: keep that apart, too. README.md in each copy says how the stack comes back from it.

Examples:
  $ npx atalaya backup state -s prod --to /mnt/elsewhere/atalaya
`;

const LOGS_HELP = `
Lines of all services in the order of time. What is typed is looked for as it is: no pattern, no query language.

  --session, --user, --request   what lines say of themselves, as JSON (session_id, user, request_id and their usual
                                 spellings) or as text (SESSION_ID=…)
  --grep                         any text that stands in the line

Examples:
  $ npx atalaya logs --system pronto --session S-81 --since 1h
  $ npx atalaya logs -s prod --system pronto --user ana --since 2026-11-23T10:00:00Z --until 2026-11-23T11:00:00Z
  $ npx atalaya logs -s prod --system pronto --service api --service db --level error --follow
  $ npx atalaya logs -s prod --request 6f1c… --json | jq -r .line

Who may reach the engine may read them: they hold personal data, for as long as the stack's \`logs\` says.
`;

const RESTORE_HELP = `
All that can be checked is checked before anything is made: repository, key, backup, moment, room.

Examples:
  $ npx atalaya backup restore --to 2026-11-23T10:15:00Z --dry-run
  $ npx atalaya backup restore -s prod --system shop --to 2026-11-23T10:15:00Z
  $ npx atalaya backup switch -s prod --system shop --copy 1
  $ npx atalaya backup restore -s prod --system shop --serve     its volume is lost
`;

/** A whole number from 0 on, as an argument. */
function whole(value: string): number {
  if (/^\d{1,3}$/.test(value)) return Number(value);
  throw new InvalidArgumentError("Expected a whole number.");
}

/** Seconds, as an argument. */
function positive(value: string): number {
  const number = Number(value);
  if (Number.isFinite(number) && number > 0) return number;
  throw new InvalidArgumentError("Expected a number of seconds above 0.");
}

/** A TCP port, as an argument. */
function portNumber(value: string): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= 1 && number <= 65_535) return number;
  throw new InvalidArgumentError("Expected a port from 1 to 65535.");
}

const several = (value: string, before: readonly string[] = []): string[] => [...before, value];

const ENVIRONMENTS: readonly Environment[] = ["dev", "staging", "prod"];
const PAGES: readonly Page[] = ["grafana", "prometheus", "alertmanager"];
const AUDIT_FORMATS = ["table", "json", "sarif", "junit", "html"];

/** Each of several must be a known one. */
function formats(value: string, before?: readonly string[]): string[] {
  if (AUDIT_FORMATS.includes(value)) return several(value, before);
  throw new InvalidArgumentError(`Allowed choices are ${AUDIT_FORMATS.join(", ")}.`);
}

function program(): Command {
  const atalaya = new Command("atalaya")
    .description("Runs whole systems from one declaration: Pulumi on Docker Swarm or Kubernetes.")
    .option("--debug", "show stack traces of errors")
    .enablePositionalOptions()
    .showHelpAfterError("(atalaya --help lists the commands)")
    .addHelpText("after", HELP_END)
    .exitOverride();
  const onStack = (name: string, description: string): Command =>
    atalaya
      .command(name)
      .description(description)
      .option("-s, --stack <name>", "the stack to work on", "dev");

  onStack("up", "set up what is missing and bring the stack to what its program declares")
    .option("-y, --yes", "agree to everything without asking")
    .option("--json", "print the result as JSON")
    .option("--no-policies", "without the policies, in an emergency")
    .action((options: UpOptions) => commands.up().up(options));
  onStack("down", "remove the stack's services; protected data stays and is named")
    .option("--all", "remove protected data and the stack itself as well")
    .option("-y, --yes", "agree to everything without asking, --all included")
    .option("--json", "print the result as JSON")
    .action((options: DownOptions) => commands.down().down(options));
  onStack("preview", "show what `up` would change")
    .option("--diff", "show each property that would change")
    .option("--markdown", "print a summary for a pull request: data at stake first, no values")
    .option("--policy-pack <path>", "another policy pack than our own: its folder, or its program")
    .option("--no-policies", "without any")
    .option("-y, --yes", "agree to everything without asking")
    .action((options: PreviewOptions) => commands.preview().preview(options));
  onStack(
    "render",
    "write a Kubernetes stack's manifests, without Pulumi, a cluster or a credential",
  )
    .option("-o, --out <folder>", "where to write them", "rendered")
    .option("--check", "write nothing; fail where the folder differs")
    .option("--seal <command>", "a command that seals Secrets, from standard input to output")
    .option(
      "--secrets <file>",
      "values to seal: the output `passwords` as JSON, - for standard input",
    )
    .option("--json", "print the files' names as JSON")
    .action((options: RenderOptions) => commands.render().render(options));
  atalaya
    .command("audit")
    .description(
      "judge manifests, compose files, a state or what runs by the policies; changes nothing",
    )
    .argument("[what...]", "files, folders, or - for standard input")
    .addOption(
      new Option("--as <kind>", "what the files are, where that cannot be found out").choices([
        "kubernetes",
        "compose",
        "state",
      ]),
    )
    .option("-n, --namespace <name>", "a namespace of a cluster")
    .option("--context <name>", "the kubectl context of that cluster")
    .option("--swarm", "a Docker Swarm")
    .option("-s, --stack <name>", "a stack: its state, or its policies for what else is audited")
    .option(
      "--config <file>",
      "configuration of the policies, over the project's and the stack's own (policies/README.md)",
    )
    .addOption(
      new Option("--environment <name>", "as which environment (default: prod)").choices(
        ENVIRONMENTS,
      ),
    )
    .option("-f, --format <format>", AUDIT_FORMATS.join(", "), formats)
    .option("--json", "the report as JSON on standard output")
    .option("-o, --output <file>", "write a file; several are possible", several)
    .addOption(
      new Option(
        "--fail-on <what>",
        "mandatory: what a preview would stop; or a severity and those above",
      )
        .choices(["mandatory", "low", "medium", "high", "critical", "never"])
        .default("mandatory"),
    )
    .option("--baseline <file>", "findings that are accepted; only others fail")
    .option("--write-baseline", "accept today's findings: write that file")
    .option("--previous <file>", "an earlier JSON report, for the trend")
    .option("--allow-unreadable", "do not fail for what cannot be read")
    .option("--all", "every place in the table, not the first five of a rule")
    .addHelpText("after", AUDIT_HELP)
    .action((what: string[], options: AuditOptions) => commands.audit().audit(what, options));
  onStack("health", "ask a running stack how it is, and say what to do about what is not well")
    .option("--system <name>", "only this system, and the engine; several are possible", several)
    .option("--timeout <seconds>", "that one check may take", positive, 10)
    .option("--verbose", "show who was asked, and how long it took")
    .option("--json", "print the report as JSON")
    .addHelpText("after", HEALTH_HELP)
    // A wrong argument must not look like an answer.
    .exitOverride((error) => {
      if (error.exitCode !== 0) error.exitCode = ExitCode.missing;
      throw error;
    })
    .action((options: HealthOptions) => commands.health().health(options));
  onStack("logs", "show what containers printed, of all services in the order of time")
    .option("--system <name>", "only this system")
    .option("--service <name>", "only this component; several are possible", several)
    .addOption(new Option("--level <level>", "this one and worse").choices(LOG_LEVELS))
    .option("--session <id>", "of this session")
    .option("--user <name>", "of this user")
    .option("--request <id>", "of this request")
    .option("--grep <text>", "with this text in the line")
    .option("--since <time>", "how long ago, or a moment", "1h")
    .option("--until <time>", "how long ago, or a moment (default: now)")
    .option("-f, --follow", "go on with what comes, until Ctrl-C")
    .option("--json", "one JSON object a line")
    .addHelpText("after", LOGS_HELP)
    .action((options: LogsOptions) => commands.logs().logs(options));
  onStack("open", "open a page of those who watch on this machine alone, until Ctrl-C")
    .addArgument(new Argument("<page>", "which one").choices(PAGES))
    .option("-p, --port <port>", "on this machine (default: the page's own, or any)", portNumber)
    .option("--show-password", "print Grafana's password, too")
    .option("--json", "print the address as JSON")
    .action((page: Page, options: OpenOptions) => commands.open().open(page, options));
  const backup = atalaya
    .command("backup")
    .description("what is backed up, a backup at once, restores and drills");
  const onDatabases = (name: string, description: string): Command =>
    backup
      .command(name)
      .description(description)
      .option("-s, --stack <name>", "the stack to work on", "dev")
      .option("--system <name>", "only this system")
      .option("--component <name>", "only this database")
      .option("--json", "print the result as JSON");
  onDatabases(
    "status",
    "newest backup, last WAL and recovery point; fails where one is late",
  ).action((options: BackupOptions) => commands.backup().status(options));
  onDatabases("list", "every backup that there is").action((options: BackupOptions) =>
    commands.backup().list(options),
  );
  onDatabases("now", "back up to every repository at once")
    .addOption(
      new Option("--type <type>", "full, differential or incremental")
        .choices(["full", "diff", "incr"])
        .default("incr"),
    )
    .action((options: BackupNowOptions) => commands.backup().now(options));
  onDatabases(
    "prepare",
    "make what a repository lacks to take backups, as a new one for one that was lost for good",
  ).action((options: BackupOptions) => commands.backup().prepareRepositories(options));
  const changing = (name: string, description: string): Command =>
    onDatabases(name, description)
      .option("-y, --yes", "agree to everything without asking")
      .option("--no-up", "only write it into the stack's configuration, for a review");
  changing("restore", "a new database beside the old one, from a backup; never over it")
    .option("--to <moment>", "latest, or a moment with its zone: 2026-11-23T10:15:00Z")
    .option("--to-name <name>", "a restore point (pg_create_restore_point)")
    .option("--from <repository>", "of several; the first one that has a fitting backup")
    .option("--set <label>", "begin with this backup")
    .option("--serve", "the database goes on with it at once, as when its volume is lost")
    .option("--dry-run", "only find out whether it can be done")
    .addHelpText("after", RESTORE_HELP)
    .action((options: BackupRestoreOptions) => commands.backup().restore(options));
  changing("switch", "have the database go on with a restored copy, or with its first volume (0)")
    .requiredOption("--copy <number>", "which", whole)
    .action((options: BackupCopyOptions) => commands.backup().switchTo(options));
  changing("discard", "take a restored copy away on which the database never ran")
    .requiredOption("--copy <number>", "which", whole)
    .action((options: BackupCopyOptions) => commands.backup().discard(options));
  onDatabases(
    "drill",
    "try a restore of the newest backups now, and check what comes of it",
  ).action((options: BackupOptions) => commands.backup().drill(options));
  backup
    .command("state")
    .description("copy the stack's own state and configuration to a folder, secrets encrypted")
    .option("-s, --stack <name>", "the stack to work on", "dev")
    .requiredOption(
      "--to <folder>",
      "each copy is a folder of its own in it, with how it comes back",
    )
    .option("--json", "print the result as JSON")
    .addHelpText("after", STATE_HELP)
    .action((options: BackupStateOptions) => commands.backupState().state(options));
  onStack("doctor", "say what this machine has and lacks, and how to get it")
    .option("--json", "print the result as JSON")
    .action((options: DoctorOptions) => commands.doctor().doctor(options));
  onStack("images", "build the images that we own where they are not there yet")
    .option("--list", "only list them")
    .option("--push", "push them to the stack's registry")
    .option("-y, --yes", "agree to everything without asking")
    .option("--json", "print the result as JSON")
    .action((options: ImagesOptions) => commands.images().images(options));
  atalaya
    .command("pulumi")
    .description("run Pulumi itself, with the toolchain and the state that `up` uses")
    .usage("[-s <stack>] <arguments for Pulumi>")
    .argument("[args...]", "as for the pulumi command")
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action((args: string[]) => commands.pulumi().pulumi(args));
  atalaya
    .command("compare")
    .description("say what differs between two folders of manifests, or since a revision")
    .argument("<before>", "a folder, or a revision of this repository, for example origin/main")
    .argument("[after]", "a folder; without one, what this working tree renders")
    .option("--json", "print the differences as JSON instead of Markdown")
    .action((before: string, after: string | undefined, options: CompareOptions) =>
      commands.compare().compare(before, after, options),
    );
  atalaya
    .command("policies")
    .description("have the policy pack judge stacks as if they were new: no state, no credential")
    .argument("[stacks...]", "only these; without one, all that have a file here but dev")
    .option("--policy-pack <path>", "another pack: its folder, or its program")
    .option("-y, --yes", "agree to everything without asking")
    .action((stacks: string[], options: PoliciesOptions) =>
      commands.policies().policies(stacks, options),
    );
  atalaya
    .command("check")
    .description("judge this repository: workflows, dockerfiles, scripts, secrets, dependencies")
    .argument("[checks...]", "only these")
    .action((names: string[]) => commands.check().check(names));
  atalaya
    .command("test")
    .description("run the test suites: unit, checks, manifests, engine, live, cluster")
    .argument("[suites...]", "only these; live/links is one file of a suite")
    .option("-y, --yes", "agree to everything without asking")
    .option("--fresh", "run slow test files again although nothing changed since they passed")
    .option(
      "--retry",
      "try once more what failed in a slow suite, the case, then its file; what passes only then is named",
    )
    .option("--json", "print the counts as JSON")
    .action((names: string[], options: TestOptions) => commands.test().test(names, options));
  return atalaya;
}

/**
 * Runs the command line and sets the process's exit code.
 *
 * @param args the arguments after the program's name
 */
export async function main(args: readonly string[]): Promise<void> {
  installSignalHandlers();
  try {
    await program().parseAsync([...args], { from: "user" });
  } catch (error) {
    process.exitCode = exitCodeOf(error, args.includes("--debug"));
  }
}

function exitCodeOf(error: unknown, debug: boolean): number {
  // Commander's own code for a wrong argument is 1.
  if (error instanceof CommanderError)
    return error.exitCode === 1 ? ExitCode.usage : error.exitCode;
  if (debug) say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  if (error instanceof Interrupted) {
    say(`Interrupted. ${error.fix}`);
    return 128 + error.number;
  }
  if (error instanceof UserError) {
    say(`\n${colour.red("✗")} ${error.problem}`);
    say(error.fix.replace(/^/gm, "  "));
    return error.exitCode;
  }
  say(`\n${colour.red("✗")} ${messageOf(error)}`);
  say(debug ? "" : "  Run it again with --debug for the details; this may be a defect in atalaya.");
  return ExitCode.failed;
}
