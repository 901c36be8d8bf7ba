import { closeSync, openSync, readSync } from "node:fs";
import { basename, join } from "node:path";

import { must } from "../process";

/** What belongs to the repository: what Git tracks, and what it would add; nothing that is ignored. */
export async function repositoryFiles(root: string): Promise<readonly string[]> {
  const listed = await must(
    "git",
    ["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "-z"],
    { cwd: root, fix: "The checks look at what Git knows: run them in a clone." },
  );
  return listed.split("\0").filter((file) => file !== "");
}

export const isDockerfile = (file: string): boolean =>
  /^Dockerfile(?:\..+)?$|\.Dockerfile$/.test(basename(file));

/** Whether a file's first line names a shell that ShellCheck knows. */
export function isShellScript(root: string, file: string): boolean {
  let handle: number;
  try {
    handle = openSync(join(root, file), "r");
  } catch {
    // Deleted, and Git was not told yet; or a link to nothing.
    return false;
  }
  try {
    const start = Buffer.alloc(64);
    const length = readSync(handle, start, 0, start.length, 0);
    return /^#!.*[/ ](?:ba|da|k)?sh\b/.test(start.toString("latin1", 0, length));
  } catch {
    return false;
  } finally {
    closeSync(handle);
  }
}
