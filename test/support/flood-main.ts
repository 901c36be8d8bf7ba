import { setTimeout as sleep } from "node:timers/promises";
import { handshake, type Target } from "./https";

interface Options {
  readonly target: Target;
  readonly count: number;
  /** Milliseconds between two requests. */
  readonly every: number;
  /** Milliseconds from this process's start to the first. */
  readonly after: number;
  /** Milliseconds: by the clock, spans of this length are in turn one of quiet and one of flood. */
  readonly pulse: number;
}

const CONNECTIONS = 4;

/**
 * A flood that costs whoever sends it next to nothing, so that what others feel is the gateway's doing: written
 * without waiting for answers, on a few connections. Prints how often it got which status, as JSON.
 */
async function main(): Promise<void> {
  const { target, count, every, after, pulse } = JSON.parse(process.argv[2] ?? "") as Options;
  const statuses: Record<string, number> = {};
  let retryAfter = Infinity;
  let answered = 0;
  const flooding = (): boolean => Math.floor(Date.now() / pulse) % 2 === 1;
  await sleep(after - performance.now());
  // Connected at the last moment: a gateway parts with connections on which nobody asks.
  while (!flooding()) await sleep(5);
  let over = false;
  const sockets = await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const socket = await handshake(target, { ALPNProtocols: ["http/1.1"] });
      // The begin of an answer may come in two pieces.
      let rest = "";
      socket.on("data", (piece: Buffer) => {
        const lines = (rest + piece.toString("latin1")).split("\r\n");
        rest = lines.pop()!;
        for (const line of lines) {
          const status = /HTTP\/1\.1 (\d{3})/.exec(line)?.[1];
          if (status !== undefined) {
            statuses[status] = (statuses[status] ?? 0) + 1;
            answered++;
          }
          const wait = /^retry-after: (\d+)$/i.exec(line)?.[1];
          if (wait !== undefined) retryAfter = Math.min(retryAfter, Number(wait));
        }
      });
      socket.on("error", () => (statuses["broken"] = (statuses["broken"] ?? 0) + 1));
      socket.on("close", () => {
        if (!over) statuses["closed"] = (statuses["closed"] ?? 0) + 1;
      });
      return socket;
    }),
  );
  const asked = `GET /health HTTP/1.1\r\nHost: ${target.host}\r\n\r\n`;
  for (let n = 0; n < count; n++) {
    while (!flooding()) await sleep(5);
    sockets[n % CONNECTIONS]!.write(asked);
    await sleep(every);
  }
  for (let waited = 0; answered < count && waited < 3_000; waited += 50) await sleep(50);
  over = true;
  for (const socket of sockets) socket.destroy();
  process.stdout.write(JSON.stringify({ statuses, retryAfter }));
}

void main();
