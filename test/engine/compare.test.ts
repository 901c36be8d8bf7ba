import { execFileSync } from "node:child_process";
import { appendFileSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { run } from "../support/commands";
import { ROOT, Workspace } from "../support/workspace";

jest.setTimeout(300_000);

let workspace: Workspace;
const git = (...args: string[]): string =>
  execFileSync("git", ["-c", "user.name=Somebody", "-c", "user.email=a@example.org", ...args], {
    cwd: workspace.folder,
    encoding: "utf8",
  });

/** A repository with production of Flores Victoria, and a commit that changes it. */
beforeAll(async () => {
  workspace = await Workspace.create({});
  const file = join(workspace.folder, "Pulumi.prod.yaml");
  cpSync(join(ROOT, "Pulumi.prod.yaml"), file);
  git("init", "--quiet");
  // A link here, which the ignored folder's pattern does not mean.
  appendFileSync(join(workspace.folder, ".git", "info", "exclude"), "node_modules\n");
  git("add", "--all");
  git("commit", "--quiet", "--message", "before");
  const stack = parse(readFileSync(file, "utf8")) as {
    config: { "atalaya:flores-victoria": Record<string, unknown> };
  };
  Object.assign(stack.config["atalaya:flores-victoria"], {
    postgres: { storage: "10 GiB" },
    services: { "cart-service": { min: 3 } },
  });
  writeFileSync(file, stringify(stack));
  git("commit", "--quiet", "--all", "--message", "after");
});

afterAll(() => workspace.discard());

const compare = async (
  revision: string,
): Promise<{ code: number; stdout: string; stderr: string }> =>
  run(
    process.execPath,
    [join(workspace.folder, "operations", "atalaya.mjs"), "compare", revision],
    {
      cwd: workspace.folder,
      env: workspace.env,
    },
  );

test("two commits, each rendered by its own code: what endangers data on top (AT-04)", async () => {
  const { code, stdout } = await compare("HEAD^1");
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^### Manifests of stack prod\n\n> \[!CAUTION\]\n> \*\*Data: look at 1 object before you merge\*\*\n>\n> - \*\*changed\*\* PersistentVolumeClaim `prod-flores-victoria\/db-data`: a claim cannot become smaller/,
  );
  expect(stdout).toMatch(/-\s+storage: 20Gi\n\+\s+storage: 10Gi\n/);
  expect(stdout).toMatch(/changed HorizontalPodAutoscaler <code>cart-service<\/code>/);
  // Nothing of it stays.
  expect(git("worktree", "list").trim().split("\n")).toHaveLength(1);
  expect(git("status", "--porcelain")).toBe("");
});

test("a revision that nobody knows is told, with what to do", async () => {
  const { code, stderr } = await compare("no-such-branch");
  expect(code).toBe(2);
  expect(stderr).toMatch(/no-such-branch is no revision that Git knows[\s\S]*git fetch/);
});
