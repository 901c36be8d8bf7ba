import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { compareManifests } from "../compare/manifests";
import { readManifests } from "../compare/read";
import { type Comparison, comparisonSummary } from "../compare/summary";
import { ExitCode, UserError } from "../errors";
import { result, resultJson, say } from "../output";
import { must, run } from "../process";
import { root } from "../project";
import { configuredPlatform, stackFiles } from "../setup/stack-file";

/** Options of `compare`. */
export interface CompareOptions {
  readonly json?: boolean;
}

/**
 * Says what differs between two folders of manifests, or what this working tree makes of the Kubernetes
 * stacks of an earlier revision. Needs no cluster and no credential (AT-04).
 * @param before a folder, or a revision that Git knows
 * @param after a folder; without one, what this working tree renders
 */
export async function compare(
  before: string,
  after: string | undefined,
  options: CompareOptions,
): Promise<void> {
  const comparisons = after === undefined ? await withRevision(before) : [folders(before, after)];
  if (options.json) resultJson({ comparisons });
  else result(comparisonSummary(comparisons));
}

function folders(before: string, after: string): Comparison {
  const missing = [before, after].filter(
    (folder) => !existsSync(folder) || !statSync(folder).isDirectory(),
  );
  if (missing.length > 0) {
    throw new UserError(
      `${missing.join(" and ")}: no such folder.`,
      "npx atalaya compare <folder> <folder>, or npx atalaya compare <revision>",
      ExitCode.usage,
    );
  }
  return {
    of: `${before} → ${after}`,
    changes: compareManifests(readManifests(before), readManifests(after)),
  };
}

async function withRevision(revision: string): Promise<Comparison[]> {
  const known = await run("git", ["rev-parse", "--verify", "--quiet", `${revision}^{commit}`], {
    cwd: root,
  });
  if (known.code !== 0) {
    throw new UserError(
      `${revision} is no revision that Git knows.`,
      "Name a branch, a tag or a commit (`git fetch` first), or two folders.",
      ExitCode.usage,
    );
  }
  const work = mkdtempSync(join(tmpdir(), "atalaya-compare-"));
  const base = join(work, "base");
  const out = { before: join(work, "before"), after: join(work, "after") };
  try {
    await must("git", ["worktree", "add", "--detach", base, known.stdout.trim()], { cwd: root });
    const stacks = { before: kubernetesStacks(base), after: kubernetesStacks(root) };
    shareModules(base);
    for (const stack of stacks.before) await renderInto(base, stack, join(out.before, stack));
    for (const stack of stacks.after) await renderInto(root, stack, join(out.after, stack));
    return [...new Set([...stacks.before, ...stacks.after])].sort().map((stack) => ({
      of: `stack ${stack}`,
      changes: compareManifests(of(join(out.before, stack)), of(join(out.after, stack))),
    }));
  } finally {
    await run("git", ["worktree", "remove", "--force", base], { cwd: root });
    rmSync(work, { recursive: true, force: true });
  }
}

/** A stack that one side does not have has no manifests there. */
const of = (folder: string): ReturnType<typeof readManifests> =>
  existsSync(folder) ? readManifests(folder) : [];

const kubernetesStacks = (folder: string): readonly string[] =>
  stackFiles(folder).filter((stack) => configuredPlatform(folder, stack) === "kubernetes");

/** The packages of this checkout, where the other revision locks the same; else it installs its own. */
function shareModules(base: string): void {
  const lock = (folder: string): string => readFileSync(join(folder, "package-lock.json"), "utf8");
  if (lock(base) === lock(root)) {
    symlinkSync(join(root, "node_modules"), join(base, "node_modules"), "dir");
  }
}

/** Each side renders by its own code: that may be what differs. */
async function renderInto(checkout: string, stack: string, out: string): Promise<void> {
  say(`rendering stack ${stack} of ${checkout === root ? "this working tree" : "the revision"}`);
  await must(
    process.execPath,
    [join(checkout, "operations", "atalaya.mjs"), "render", "--stack", stack, "--out", out],
    { cwd: checkout },
  );
}
