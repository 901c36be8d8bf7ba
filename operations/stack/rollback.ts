import { ExitCode, UserError } from "../errors";
import { lastLines, run } from "../process";
import { root } from "../project";
import { servicesOf } from "./engine-objects";
import { redact, secretValues } from "./redact";
import { lastFailedTask, type RolledBack, rolledBackSince, taskErrors } from "./tasks";

/** How much of a failed task's log is shown. */
const LOG_LINES = 20;

/** What is known about a service that does not run as declared. */
interface Failure {
  readonly service: string;
  readonly why: string;
}

/**
 * Explains an update that failed in the engine: the errors of the services' tasks and the end of the
 * failed ones' logs, without any secret's value.
 *
 * @param since when the update began, in milliseconds since 1970
 * @returns the error to throw, or undefined when no service was to blame.
 */
export async function explainFailure(stack: string, since: number): Promise<UserError | undefined> {
  const services = await servicesOf(stack);
  const rolledBack = rolledBackSince(services, since);
  if (rolledBack.length === 0) return undefined;
  const secrets = await allSecrets(stack);
  const failures = await Promise.all(rolledBack.map((one) => explain(one, secrets)));
  const names = rolledBack.map(({ service }) => service).join(", ");
  return new UserError(
    `The engine rolled back ${names}: the new version did not become healthy, the old one is running.`,
    `${failures.map(({ service, why }) => `${service}: ${why}`).join("\n")}\nCorrect the cause and run this again.`,
    ExitCode.rolledBack,
  );
}

async function explain(rolledBack: RolledBack, secrets: ReadonlySet<string>): Promise<Failure> {
  const tasks = await run("docker", [
    ...["service", "ps", "--no-trunc", "--format", "{{json .}}"],
    rolledBack.id,
  ]);
  const errors = taskErrors(tasks.stdout);
  const failed = lastFailedTask(tasks.stdout);
  const log = failed === undefined ? "" : await logOf(failed);
  const why = [
    errors.join("; ") || rolledBack.message,
    ...(log === "" ? [] : ["its last lines:", log.replace(/^/gm, "  ")]),
  ].join("\n");
  return { service: rolledBack.service, why: redact(why, secrets) };
}

async function logOf(task: string): Promise<string> {
  const log = await run("docker", ["service", "logs", "--raw", "--tail", String(LOG_LINES), task], {
    timeoutMs: 15_000,
  });
  return lastLines(`${log.stdout}${log.stderr}`.trim(), LOG_LINES);
}

/** Values that must never be printed, read from the state. */
export async function allSecrets(stack: string): Promise<ReadonlySet<string>> {
  const state = await run("pulumi", ["stack", "export", "--show-secrets", "--stack", stack], {
    cwd: root,
  });
  if (state.code !== 0) throw new Error(`the state of ${stack} cannot be read for redaction`);
  return secretValues(JSON.parse(state.stdout));
}
