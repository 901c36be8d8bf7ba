import { Agent } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { ask, type Target } from "./https";

interface Options {
  readonly target: Target;
  readonly count: number;
  /** Milliseconds between two requests; 0 sends all at once. */
  readonly every: number;
  /** Milliseconds from this process's start to the first: until then all that run beside it have started, too. @default 0 */
  readonly after?: number;
  /** Milliseconds: by the clock, spans of this length are in turn one of quiet and one of flood. @default all is quiet */
  readonly pulse?: number;
}

/** Sends so many requests and prints how often it got which status, and how long they took, as JSON. */
async function main(): Promise<void> {
  const options = JSON.parse(process.argv[2] ?? "") as Options;
  const { target, count, every, after = 0, pulse = Infinity } = options;
  const statuses: Record<string, number> = {};
  const waits: number[] = [];
  const took = { flood: [] as number[], quiet: [] as number[] };
  const sent: Promise<void>[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const span = (): keyof typeof took => (Math.floor(Date.now() / pulse) % 2 ? "flood" : "quiet");
  await sleep(after - performance.now());
  for (let n = 0; n < count; n++) {
    const [begun, during] = [performance.now(), span()];
    sent.push(
      ask(target, "/health", { agent }).then(
        ({ status, headers }) => {
          took[during].push(performance.now() - begun);
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
    JSON.stringify({
      statuses,
      p95Ms: { flood: p95(took.flood), quiet: p95(took.quiet) },
      ...(waits.length > 0 ? { retryAfter: Math.min(...waits) } : {}),
    }),
  );
}

function p95(milliseconds: readonly number[]): number {
  const sorted = [...milliseconds].sort((a, b) => a - b);
  return Math.round((sorted[Math.floor((sorted.length - 1) * 0.95)] ?? 0) * 10) / 10;
}

void main();
