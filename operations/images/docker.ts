import { spawn } from "node:child_process";

import { UserError } from "../errors";
import { lastLines, must, run, type RunOptions, type RunResult } from "../process";

/**
 * The docker client. Everything goes through it, and nothing assumes that the engine runs on this
 * machine: `DOCKER_HOST=ssh://…` works as well.
 */
export interface Docker {
  run(args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** @throws UserError when the command fails. */
  must(args: readonly string[], options?: RunOptions): Promise<string>;
}

/** @param global arguments before the command, such as `--config` */
export function docker(global: readonly string[] = [], env: RunOptions["env"] = {}): Docker {
  const with_ = (options: RunOptions = {}): RunOptions => ({
    ...options,
    env: { ...env, ...options.env },
  });
  return {
    run: (args, options) => run("docker", [...global, ...args], with_(options)),
    must: (args, options) => must("docker", [...global, ...args], with_(options)),
  };
}

/** Whether the engine has an image of that reference. */
export async function hasImage(engine: Docker, reference: string): Promise<boolean> {
  const { code } = await engine.run(["image", "inspect", "--format", "{{.Id}}", reference]);
  return code === 0;
}

/**
 * The engine's architecture as Go spells it: `amd64`, `arm64`.
 *
 * @throws UserError when no engine answers.
 */
export async function engineArchitecture(engine: Docker): Promise<string> {
  const { code, stdout, stderr } = await engine.run(["version", "--format", "{{.Server.Arch}}"], {
    timeoutMs: 30_000,
  });
  if (code === 0 && stdout.trim() !== "") return stdout.trim();
  throw new UserError(
    "No Docker engine answers.",
    `${lastLines(stderr.trim(), 3)}\n\`npx atalaya doctor\` says what is missing.`,
    3,
  );
}

/** How a pull ended: the image is there, or why not, in one line. */
export type Pulled = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/**
 * Pulls an image once. A registry that does not begin to answer within `patienceMs` counts as out
 * of reach; one that does gets all the time the layers need.
 *
 * @param global arguments before the command, such as `--config`
 */
export function pull(
  reference: string,
  patienceMs: number,
  global: readonly string[] = [],
  env: RunOptions["env"] = {},
): Promise<Pulled> {
  return new Promise((resolve) => {
    const child = spawn("docker", [...global, "pull", reference], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    let patienceOver = false;
    const timer = setTimeout(() => {
      patienceOver = true;
      child.kill("SIGKILL");
    }, patienceMs);
    // The first line, “Pulling from …”, comes once the registry has answered.
    child.stdout.on("data", () => clearTimeout(timer));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    child.on("error", (error) => {
      clearTimeout(timer);
      resolve({ ok: false, reason: error.message });
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      if (code === 0) resolve({ ok: true });
      else if (patienceOver) {
        resolve({ ok: false, reason: `no answer within ${patienceMs / 1000} s` });
      } else resolve({ ok: false, reason: lastLines(said.trim(), 1) || `exit code ${code}` });
    });
  });
}
