import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { UserError } from "../errors";
import { lastLines } from "../process";
import { type Docker, docker } from "./docker";

/** A registry that the engine pulls our images from. */
export interface Registry {
  /** Host, with its port and path if it has them: `registry.example.org/team`. */
  readonly address: string;
  /** Absent for a registry that asks for no login (or where the client is logged in already). */
  readonly credentials?: { readonly user: string; readonly password: string };
}

/** A docker client that is logged in to a registry. */
export interface LoggedIn {
  readonly client: Docker;
  /** Arguments and environment that make any docker command use this login. */
  readonly global: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Logs in for the time of `work` only. The password goes through standard input into a folder that
 * nobody else can read and that is removed afterwards, whatever happens; the person's own docker
 * configuration is not touched.
 *
 * @throws UserError when the registry refuses the login.
 */
export async function withRegistry<T>(
  engine: Docker,
  registry: Registry,
  work: (login: LoggedIn) => Promise<T>,
): Promise<T> {
  if (registry.credentials === undefined) return work({ client: engine, global: [], env: {} });
  const folder = mkdtempSync(join(tmpdir(), "atalaya-login-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  try {
    const global = ["--config", folder];
    const env = await endpoint(engine);
    const client = docker(global, env);
    const { user, password } = registry.credentials;
    const host = registry.address.split("/")[0]!;
    const login = await client.run(["login", "--username", user, "--password-stdin", host], {
      input: password,
      timeoutMs: 60_000,
    });
    if (login.code !== 0) {
      throw new UserError(
        `The registry ${host} refused the login of ${user}.`,
        `${lastLines(login.stderr.trim(), 3)}\nCheck the registry's user and password in the stack's configuration.`,
      );
    }
    return await work({ client, global, env });
  } finally {
    remove();
    process.off("exit", remove);
  }
}

/** Another configuration folder knows no contexts: the current one's engine is named instead. */
async function endpoint(engine: Docker): Promise<Record<string, string>> {
  if (process.env.DOCKER_HOST) return {};
  const { code, stdout } = await engine.run([
    "context",
    "inspect",
    "--format",
    "{{.Endpoints.docker.Host}}",
  ]);
  return code === 0 && stdout.trim() !== "" ? { DOCKER_HOST: stdout.trim() } : {};
}
