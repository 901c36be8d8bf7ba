import { Agent } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { ask, type Target } from "./https";

interface Options {
  readonly target: Target;
  readonly count: number;
  /** Milliseconds between two requests; 0 sends all at once. */
  readonly every: number;
}

/** Sends so many requests and prints how often it got which status, as JSON. */
async function main(): Promise<void> {
  const { target, count, every } = JSON.parse(process.argv[2] ?? "") as Options;
  const statuses: Record<string, number> = {};
  const waits: number[] = [];
  const sent: Promise<void>[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  for (let n = 0; n < count; n++) {
    sent.push(
      ask(target, "/health", { agent }).then(
        ({ status, headers }) => {
          statuses[status] = (statuses[status] ?? 0) + 1;
          if (status === 429) waits.push(Number(headers["retry-after"]));
        },
        (error: NodeJS.ErrnoException) => {
          const code = error.code ?? error.message;
          statuses[code] = (statuses[code] ?? 0) + 1;
        },
      ),
    );
    if (every > 0) await sleep(every);
  }
  await Promise.all(sent);
  agent.destroy();
  process.stdout.write(
    JSON.stringify({ statuses, ...(waits.length > 0 ? { retryAfter: Math.min(...waits) } : {}) }),
  );
}

void main();
