import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { formatProblems, ProblemsError } from "../../model/problems";
import { NotOnKubernetes, type RenderedStack, renderStack } from "../../stack/render";
import { ExitCode, UserError } from "../errors";
import { result, resultJson, say } from "../output";
import { root } from "../project";
import { describedStack } from "../setup/described";
import { checkStackName } from "../setup/prepare";
import { readSecretValues, seal, sealable, type SecretValues } from "./render-seal";

/** Options of `render`. */
export interface RenderOptions {
  readonly stack: string;
  /** The folder that gets a folder for each system. */
  readonly out: string;
  /** Write nothing; fail where what is there differs. */
  readonly check?: boolean;
  /** A command line that seals a Secret, from standard input to standard output. */
  readonly seal?: string;
  /** Where the values to seal come from: a file of JSON, or `-` for standard input. */
  readonly secrets?: string;
  readonly json?: boolean;
}

/** The first line of every file that we wrote: only such files are ever replaced or removed. */
const MARK = "Written by atalaya render: changes here are lost.";

const marked = (path: string, text: string): string =>
  path.endsWith(".md") ? `<!-- ${MARK} -->\n\n${text}` : `# ${MARK}\n${text}`;

/** The second line of a sealed Secret. It says what was sealed only to those who have the key. */
const sealedFrom = (digest: string): string =>
  `# Sealed from what has the keyed digest ${digest}.\n`;

/** Writes all manifests of a stack as YAML, one folder a system. */
export async function render(options: RenderOptions): Promise<void> {
  checkStackName(options.stack);
  if ((options.seal === undefined) !== (options.secrets === undefined)) {
    throw new UserError(
      "--seal and --secrets go together: a command that seals, and the values to be sealed.",
      "See docs/operations.md, “Secrets for GitOps”.",
      ExitCode.usage,
    );
  }
  const { files, secrets, notices } = rendered(options.stack);
  for (const { path, message } of notices) say(`note  ${path}: ${message}`);
  const wanted = new Map(
    files.map((file) => [join(options.out, file.path), marked(file.path, file.text)]),
  );
  // Sealed forms are left as they are by whoever has no values.
  const kept = new Set(secrets.map(({ path }) => join(options.out, path)));
  if (options.seal !== undefined) {
    const systems = [...new Set(files.map(({ path }) => dirname(path)))];
    const values = await readSecretValues(options.secrets!, systems);
    await sealAll(options, secrets, values, wanted);
  }
  const stale = [...new Set([...wanted.keys()].map(dirname))].flatMap((folder) =>
    ours(folder).filter((file) => !wanted.has(file) && !kept.has(file)),
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

/**
 * Adds the sealed form of every Secret whose values are known. Sealing gives another text every time, so what
 * was sealed from the same values already stays as it is.
 */
async function sealAll(
  options: RenderOptions,
  secrets: RenderedStack["secrets"],
  values: SecretValues,
  wanted: Map<string, string>,
): Promise<void> {
  for (const secret of secrets) {
    const file = join(options.out, secret.path);
    const one = sealable(secret, values);
    if (one === undefined) {
      const unknown = secret.needs.filter((name) => !values.get(secret.system)?.has(name));
      say(`note  ${secret.path}: not sealed, --secrets has no value of ${unknown.join(", ")}`);
      continue;
    }
    const head = one.digest === undefined ? "" : sealedFrom(one.digest);
    const there = existsSync(file) ? readFileSync(file, "utf8") : undefined;
    const same =
      // Nobody can tell whether it is the same without a digest; a check then takes it as it is.
      head === "" ? options.check : there?.startsWith(marked(secret.path, head));
    if (there !== undefined && same) wanted.set(file, there);
    else if (options.check) wanted.set(file, "");
    else wanted.set(file, marked(secret.path, head + (await seal(options.seal!, one))));
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
    return renderStack(describedStack(stack));
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
