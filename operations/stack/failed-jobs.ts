import { setInterval } from "node:timers";

import { say } from "../output";
import { lastLines, run } from "../process";
import { STACK_LABEL } from "./recovery-plan";
import { redact } from "./redact";
import { allSecrets } from "./rollback";

/** Marks a service that runs once, with its purpose as the value. */
const JOB_LABEL = "atalaya.job";

const POLL_MS = 3_000;
const LOG_LINES = 20;

/** The parts of `docker service inspect` that are needed here. */
export interface JobInspection {
  readonly ID: string;
  readonly CreatedAt: string;
  readonly Spec: { readonly Name: string; readonly Labels: Readonly<Record<string, string>> };
}

/** A job of this run that ended badly. */
export interface FailedJob {
  readonly name: string;
  readonly purpose: string;
  /** The end of its log. */
  readonly log: string;
}

/**
 * The jobs that were made in this run. One of an earlier run may have been killed since, by a restart of
 * the machine for example, after it had done its work: that is no failure.
 *
 * @param since milliseconds since 1970
 */
export const jobsSince = (
  services: readonly JobInspection[],
  since: number,
): readonly JobInspection[] =>
  services.filter((service) => Date.parse(service.CreatedAt) >= since - POLL_MS);

/**
 * Watches a stack's one-shot jobs while `up` runs. The provider waits for a job until its time is over,
 * whether it failed in its first second or not; so a failed one is shown at once and then removed, which
 * ends the wait.
 *
 * @returns call it to end the watch; gives the jobs that failed
 */
export function watchJobs(stack: string, since: number): () => Promise<readonly FailedJob[]> {
  const failed: FailedJob[] = [];
  let busy: Promise<void> = Promise.resolve();
  let looking = false;
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    busy = look(stack, since, failed).finally(() => (looking = false));
  }, POLL_MS);
  return async () => {
    clearInterval(timer);
    await busy;
    return failed;
  };
}

async function look(stack: string, since: number, failed: FailedJob[]): Promise<void> {
  const ids = await run("docker", [
    ...["service", "ls", "--quiet", "--filter", `label=${STACK_LABEL}=${stack}`],
    ...["--filter", `label=${JOB_LABEL}`],
  ]);
  if (ids.code !== 0 || ids.stdout.trim() === "") return;
  const inspected = await run("docker", ["service", "inspect", ...ids.stdout.trim().split("\n")]);
  if (inspected.code !== 0) return;
  for (const job of jobsSince(JSON.parse(inspected.stdout) as readonly JobInspection[], since)) {
    const tasks = await run("docker", [
      ...["service", "ps", "--no-trunc", "--format", "{{.CurrentState}}"],
      job.ID,
    ]);
    if (!/^(Failed|Rejected)/m.test(tasks.stdout)) continue;
    const log = await run(
      "docker",
      ["service", "logs", "--raw", "--tail", String(LOG_LINES), job.ID],
      { timeoutMs: 15_000 },
    );
    const purpose = job.Spec.Labels[JOB_LABEL] ?? "runs once";
    const text = await withoutSecrets(
      stack,
      lastLines(`${log.stdout}${log.stderr}`.trim(), LOG_LINES),
    );
    failed.push({ name: job.Spec.Name, purpose, log: text });
    say(`The job ${job.Spec.Name}, which ${purpose}, failed. Its last lines:\n${text}`);
    await run("docker", ["service", "rm", job.ID]);
  }
}

/** What a job prints may have the password in it by which it came to a database. */
async function withoutSecrets(stack: string, text: string): Promise<string> {
  try {
    return redact(text, await allSecrets(stack));
  } catch {
    return "(They are not shown: the stack's state cannot be read, and so no secret can be told from other words.)";
  }
}
