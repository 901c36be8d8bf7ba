import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { formatProblems, ProblemsError } from "../../model/problems";
import { NotOnKubernetes, type RenderedStack, renderStack } from "../../stack/render";
import { systems } from "../../systems";
import { ExitCode, UserError } from "../errors";
import { result, resultJson, say } from "../output";
import { projectName, root } from "../project";
import { checkStackName } from "../setup/prepare";

/** Options of `render`. */
export interface RenderOptions {
  readonly stack: string;
  /** The folder that gets a folder for each system. */
  readonly out: string;
  /** Write nothing; fail where what is there differs. */
  readonly check?: boolean;
  readonly json?: boolean;
}

/** The first line of every file that we wrote: only such files are ever replaced or removed. */
const MARK = "Written by atalaya render: changes here are lost.";

const marked = (path: string, text: string): string =>
  path.endsWith(".md") ? `<!-- ${MARK} -->\n\n${text}` : `# ${MARK}\n${text}`;

/** Writes all manifests of a stack as YAML, one folder a system. */
export function render(options: RenderOptions): void {
  checkStackName(options.stack);
  const { files, notices } = rendered(options.stack);
  for (const { path, message } of notices) say(`note  ${path}: ${message}`);
  const wanted = new Map(
    files.map((file) => [join(options.out, file.path), marked(file.path, file.text)]),
  );
  const stale = [...new Set([...wanted.keys()].map(dirname))].flatMap((folder) =>
    ours(folder).filter((file) => !wanted.has(file)),
  );
  const changed = [...wanted].filter(
    ([file, text]) => !existsSync(file) || readFileSync(file, "utf8") !== text,
  );
  const foreign = changed.filter(([file]) => existsSync(file) && !isOurs(file));
  if (foreign.length > 0) {
    throw new UserError(
      `${foreign.map(([file]) => file).join(", ")}: not written by atalaya, so not replaced.`,
      "Choose another folder with --out, or move the file away.",
      ExitCode.usage,
    );
  }
  const differences = [...changed.map(([file]) => file), ...stale].sort();
  if (options.check) {
    if (options.json) resultJson({ differences });
    if (differences.length === 0) return;
    throw new UserError(
      `${differences.length} files are not what stack ${options.stack} declares: ${differences.join(", ")}`,
      `npx atalaya render -s ${options.stack} -o ${options.out}`,
    );
  }
  for (const [file, text] of changed) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  for (const file of stale) rmSync(file);
  if (options.json) resultJson({ files: [...wanted.keys()], changed: differences });
  else {
    result(
      `${wanted.size} files in ${options.out}: ${changed.length} written, ${stale.length} removed, ${wanted.size - changed.length} as they were`,
    );
  }
}

function rendered(stack: string): RenderedStack {
  const file = join(root, `Pulumi.${stack}.yaml`);
  if (!existsSync(file)) {
    throw new UserError(
      `There is no ${basename(file)}: stack ${stack} has no configuration here.`,
      "Choose a stack with -s, or write its file (docs/configuration.md).",
      ExitCode.usage,
    );
  }
  try {
    return renderStack(stack, projectName(), file, systems);
  } catch (error) {
    if (error instanceof NotOnKubernetes) {
      throw new UserError(
        `Stack ${stack}: ${error.message}.`,
        `Say in ${basename(file)}: atalaya:platform: kubernetes`,
        ExitCode.usage,
      );
    }
    if (!(error instanceof ProblemsError)) throw error;
    throw new UserError(
      formatProblems(error.subject, error.problems),
      `Mend ${basename(file)} and run it again.`,
      ExitCode.usage,
    );
  }
}

const isOurs = (file: string): boolean =>
  readFileSync(file, "utf8").split("\n", 1)[0]!.includes(MARK);

function ours(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(?:yaml|md)$/.test(entry.name))
    .map((entry) => join(folder, entry.name))
    .filter(isOurs);
}
