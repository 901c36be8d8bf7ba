import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

import { ExitCode, UserError } from "../errors";
import { lastLines, run } from "../process";
import { repositoryFiles, isDockerfile, isShellScript } from "./files";
import { npmFindings } from "./npm-audit";
import { type Tool, toolPath } from "./tools";

/** What a check found. */
export interface CheckResult {
  readonly clean: boolean;
  /** For people; a secret's value never stands in it. */
  readonly report: string;
}

/** One check of this repository. */
export interface Check {
  /** What it looks at, for the heading. */
  readonly what: string;
  /**
   * @param root the checkout's top folder
   * @throws UserError with exit code 3 when it could not look: that is not the same as finding nothing
   */
  readonly run: (root: string) => Promise<CheckResult>;
}

/** Names of the checks, in the order in which they run: the quick ones first. */
export type CheckName = "workflows" | "dockerfiles" | "scripts" | "secrets" | "dependencies";

const NOTHING: CheckResult = { clean: true, report: "nothing to look at" };

/** All checks (GG-11). Each judges with a program of others. */
export const checks: Readonly<Record<CheckName, Check>> = {
  workflows: {
    what: "GitHub Actions, by actionlint",
    run: async (root) => {
      const files = await filesOf(root, (file) => /^\.github\/workflows\/.+\.ya?ml$/.test(file));
      if (files.length === 0) return NOTHING;
      // Their scripts are judged as well where ShellCheck is there; Python is in none of them.
      const args = ["-no-color", "-pyflakes=", ...files];
      return judged("actionlint", args, root, { findings: 1 });
    },
  },
  dockerfiles: {
    what: "our own Dockerfiles, by hadolint",
    run: async (root) => {
      const files = await filesOf(root, isDockerfile);
      if (files.length === 0) return NOTHING;
      const config = join(root, ".hadolint.yaml");
      const args = existsSync(config) ? ["--config", config] : [];
      return judged("hadolint", ["--no-color", ...args, ...files], root, { findings: 1 });
    },
  },
  scripts: {
    what: "our own shell scripts, by ShellCheck",
    run: async (root) => {
      const files = await filesOf(root, (file) => isShellScript(root, file));
      if (files.length === 0) return NOTHING;
      return judged("shellcheck", ["--color=never", ...files], root, { findings: 1 });
    },
  },
  secrets: {
    what: "secrets in the working tree and in every commit, by gitleaks",
    run: async (root) => {
      // 1 is gitleaks' own code for trouble as well.
      const findings = 10;
      const config = join(root, ".gitleaks.toml");
      const args = [
        ...["--redact", "--verbose", "--no-banner", "--no-color", "--exit-code", `${findings}`],
        ...(existsSync(config) ? ["--config", config] : []),
      ];
      const tree = await judged("gitleaks", ["dir", ".", ...args], root, { findings });
      // What was added and taken out again is public all the same.
      const commits = await judged("gitleaks", ["git", ".", ...args], root, { findings });
      return all([tree, commits]);
    },
  },
  dependencies: {
    what: "known weaknesses in what we use, by npm audit and govulncheck",
    run: async (root) => {
      const files = await repositoryFiles(root);
      const locks = files.filter((file) => /(?:^|\/)package-lock\.json$/.test(file));
      // What ends in an image of ours; the toolchain and the checkers run on nobody's server.
      const programs = files.filter((file) => /^images\/.+\/go\.mod$/.test(file));
      const results: CheckResult[] = [];
      for (const lock of locks) results.push(await npmAudit(root, dirname(lock)));
      for (const program of programs) results.push(await goAudit(root, dirname(program)));
      return results.length === 0 ? NOTHING : all(results);
    },
  },
};

async function npmAudit(root: string, folder: string): Promise<CheckResult> {
  // Asks by the lock file alone: nothing is installed, no script of a package runs.
  const asked = ["audit", "--package-lock-only", "--json"];
  const ran = await run("npm", asked, { cwd: join(root, folder) });
  const findings = npmFindings(ran.stdout);
  if (findings === undefined) {
    throw couldNotRun("npm audit", folder, `${ran.stdout}\n${ran.stderr}`);
  }
  return {
    clean: !findings.some(({ fails }) => fails),
    report: [
      `npm ${folder}: ${findings.length} findings`,
      ...findings.map(({ text }) => text),
    ].join("\n"),
  };
}

/** By what is called, not by what is merely listed. */
async function goAudit(root: string, folder: string): Promise<CheckResult> {
  const database = process.env.ATALAYA_GO_VULNERABILITIES;
  const args = [...(database ? ["-db", database] : []), "./..."];
  const found = await judged("govulncheck", args, join(root, folder), {
    findings: 3,
    env: { CGO_ENABLED: "0", GOWORK: "off", GOFLAGS: "-mod=readonly" },
  });
  return { ...found, report: `go ${folder}: ${found.report}` };
}

async function filesOf(
  root: string,
  wanted: (file: string) => boolean,
): Promise<readonly string[]> {
  // Git still lists what was just removed.
  return (await repositoryFiles(root)).filter(
    (file) => wanted(file) && existsSync(join(root, file)),
  );
}

/** A tool's judgement by its exit code: none, findings, or the tool's own trouble. */
async function judged(
  tool: Tool,
  args: readonly string[],
  cwd: string,
  { findings, env }: { readonly findings: number; readonly env?: Record<string, string> },
): Promise<CheckResult> {
  const program = await toolPath(tool);
  const ran = await run(program, args, { cwd, env: { NO_COLOR: "1", ...env } });
  const said = `${ran.stdout}\n${ran.stderr}`.trim();
  if (ran.code !== 0 && ran.code !== findings) throw couldNotRun(tool, cwd, said);
  return { clean: ran.code === 0, report: said };
}

function couldNotRun(what: string, where: string, said: string): UserError {
  return new UserError(
    `${what} could not look at ${where}, which is not the same as finding nothing.`,
    lastLines(said.trim(), 12),
    ExitCode.missing,
  );
}

const all = (results: readonly CheckResult[]): CheckResult => ({
  clean: results.every(({ clean }) => clean),
  report: results.map(({ report }) => report).join("\n"),
});
