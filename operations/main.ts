import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { Environment } from "../policies/engine/config";
import type { AuditOptions } from "./commands/audit";
import type { CompareOptions } from "./commands/compare";
import type { DoctorOptions } from "./commands/doctor";
import type { DownOptions } from "./commands/down";
import type { ImagesOptions } from "./commands/images";
import type { PoliciesOptions } from "./commands/policies";
import type { PreviewOptions } from "./commands/preview";
import type { RenderOptions } from "./commands/render";
import type { TestOptions } from "./commands/test";
import type { UpOptions } from "./commands/up";
import { ExitCode, Interrupted, messageOf, UserError } from "./errors";
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
  $ npx atalaya doctor --json           what this machine has and lacks, for programs
  $ npm test -- unit                    one test suite

Exit codes:
  0  done
  1  tried and failed
  2  a wrong argument or unusable input
  3  something is missing on this machine; nothing was changed
  4  the engine rolled a release back; the old version is running

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
  up: () => require("./commands/up") as typeof import("./commands/up"),
  down: () => require("./commands/down") as typeof import("./commands/down"),
  preview: () => require("./commands/preview") as typeof import("./commands/preview"),
  doctor: () => require("./commands/doctor") as typeof import("./commands/doctor"),
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
  files and folders   Kubernetes YAML or JSON, compose files, Pulumi states, each found out by itself
  -                   the same, from standard input
  --namespace NS      what is declared and runs in a namespace, by kubectl
  --swarm             what runs on a Docker Swarm
  --stack NAME        by itself: the stack's recorded state. With another of these: that stack's policies
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

const several = (value: string, before: readonly string[] = []): string[] => [...before, value];

const ENVIRONMENTS: readonly Environment[] = ["dev", "staging", "prod"];
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
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  if (debug) say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  if (error instanceof Interrupted) {
    say("Interrupted. Run the same command again: it goes on where this stopped.");
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
