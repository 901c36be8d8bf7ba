import { must } from "../../support/commands";
import type { Swarm } from "../../support/swarm";

/**
 * Destroys what is on the volume of a system's PostgreSQL on Swarm, and ends its server.
 * @param db its container
 * @returns when the server was ended, in milliseconds since 1970
 */
export async function loseDatabase(engine: Swarm, db: string): Promise<number> {
  await must("docker", [
    ...["run", "--rm", "--user", "0", "-v", `${engine.service("db-data")}:/lost`],
    ...["--entrypoint", "bash", await must("docker", ["inspect", "-f", "{{.Image}}", db])],
    ...["-c", "rm -rf /lost/15"],
  ]);
  await must("docker", ["kill", "--signal", "KILL", db]);
  return Date.now();
}
