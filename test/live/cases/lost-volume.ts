import { must } from "../../support/commands";
import { until } from "../../support/poll";
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

/**
 * Waits until a lost database answers with its rows again.
 * @param killed when it was lost, in milliseconds since 1970
 * @param rows a question that only the restored database can answer
 * @returns how many milliseconds that took
 */
export async function servedAgain(killed: number, rows: () => Promise<string>): Promise<number> {
  await until("the rows are there", { within: 180_000, every: 500 }, rows);
  return Date.now() - killed;
}
