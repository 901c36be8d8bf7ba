import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { must } from "./commands";
import { ROOT } from "./workspace";

/** Does something in a copy of the reference service that has its packages, and files of its own for what is temporary. */
export async function inReferenceService<T>(
  work: (folder: string, env: NodeJS.ProcessEnv) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "atalaya-reference-"));
  try {
    cpSync(join(ROOT, "images", "reference-service"), folder, {
      recursive: true,
      filter: (path) => !["node_modules", "dist"].includes(basename(path)),
    });
    await must("npm", ["ci", "--no-audit", "--no-fund"], { cwd: folder });
    const env = { ...process.env, TMPDIR: join(folder, "tmp") };
    mkdirSync(env.TMPDIR);
    return await work(folder, env);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
