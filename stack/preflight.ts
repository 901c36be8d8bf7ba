import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Problem } from "../model/problems";

const run = promisify(execFile);

export interface Preflight {
  /** Engine's address. @default Docker's own choice */
  readonly engine?: string;
  readonly images: readonly string[];
  /** The engine pulls what it does not have. */
  readonly pulls: boolean;
}

/**
 * What is missing for an `up` on this engine: an answer, Swarm, images. Asked through Docker's own
 * client, which knows every kind of address. Without a client nothing is said: the provider needs none.
 */
export async function preflight(wanted: Preflight): Promise<Problem[]> {
  const env =
    wanted.engine === undefined ? process.env : { ...process.env, DOCKER_HOST: wanted.engine };
  const docker = (...args: string[]): Promise<string> =>
    run("docker", args, { env, timeout: 10_000 }).then(({ stdout }) => stdout.trim());
  const absent = await docker("--version").then(
    () => false,
    () => true,
  );
  if (absent) return [];
  const [info, ...images] = await Promise.allSettled([
    docker("info", "--format", "{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}"),
    ...wanted.images.map((image) => docker("image", "inspect", "--format", "{{.Id}}", image)),
  ]);
  if (info.status === "rejected" || !info.value.includes(" ")) {
    return [
      {
        path: "engine",
        message: `no Docker engine answers at ${wanted.engine ?? process.env["DOCKER_HOST"] ?? "the default address"}`,
        fix: "start one, or let `npm run up` install it; `npm run doctor` says what is missing",
      },
    ];
  }
  const problems: Problem[] = [];
  if (info.value !== "active true") {
    problems.push({
      path: "engine",
      message: `its Swarm mode is not active on a manager (${info.value.split(" ")[0] ?? "unknown"})`,
      fix: "docker swarm init --advertise-addr 127.0.0.1 (or `npm run up`, which does it)",
    });
  }
  const missing = wanted.images.filter((_, i) => images[i]?.status === "rejected");
  if (!wanted.pulls && missing.length > 0) {
    problems.push({
      path: "images",
      message: `the engine does not have ${missing.join(", ")}`,
      fix: "npx atalaya images (builds what is ours), or docker pull for a team's own",
    });
  }
  return problems;
}
