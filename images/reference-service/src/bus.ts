import { EventEmitter } from "node:events";
import type { Worker } from "node:cluster";
import { localMetrics } from "./metrics";

/** What the processes of one container tell each other: a fault of the tests, or an exit. */
export type Broadcast =
  | { readonly kind: "fail"; readonly rate: number; readonly seconds: number }
  | { readonly kind: "slow"; readonly ms: number; readonly seconds: number }
  | { readonly kind: "exit"; readonly code: number };

/** How a worker reaches the others of its container; with one worker there are no others. */
export interface Bus {
  /** Metrics of the whole container in Prometheus's text format. */
  metrics(): Promise<string>;
  /** Tells every process of the container, this one too. */
  broadcast(message: Broadcast): void;
  onBroadcast(listener: (message: Broadcast) => void): void;
}

const METRICS_TIMEOUT_MS = 6_000;

/** Between a worker and the primary. */
export type BusMessage =
  | { readonly bus: "metrics"; readonly id: number }
  | { readonly bus: "metrics-reply"; readonly id: number; readonly text?: string }
  | { readonly bus: "broadcast"; readonly message: Broadcast };

/** Tells our messages from those of node:cluster and prom-client. */
export function isBusMessage(message: unknown): message is BusMessage {
  return typeof message === "object" && message !== null && "bus" in message;
}

/** The bus of a process that is alone in its container. */
export function localBus(): Bus {
  const events = new EventEmitter();
  return {
    metrics: localMetrics,
    broadcast: (message) => void events.emit("broadcast", message),
    onBroadcast: (listener) => void events.on("broadcast", listener),
  };
}

/** The bus of a worker: everything goes through the primary. */
export function workerBus(): Bus {
  const events = new EventEmitter();
  const waiting = new Map<number, (text?: string) => void>();
  let lastId = 0;
  process.on("message", (message: unknown) => {
    if (!isBusMessage(message)) return;
    if (message.bus === "broadcast") events.emit("broadcast", message.message);
    if (message.bus === "metrics-reply") waiting.get(message.id)?.(message.text);
  });
  const send = (message: BusMessage) => void process.send?.(message);
  return {
    metrics: () =>
      new Promise((resolve, reject) => {
        const id = ++lastId;
        const settle = (text?: string) => {
          clearTimeout(timer);
          waiting.delete(id);
          if (text === undefined) reject(new Error("the workers' metrics did not come together"));
          else resolve(text);
        };
        const timer = setTimeout(settle, METRICS_TIMEOUT_MS);
        waiting.set(id, settle);
        send({ bus: "metrics", id });
      }),
    broadcast: (message) => send({ bus: "broadcast", message }),
    onBroadcast: (listener) => void events.on("broadcast", listener),
  };
}

/** The primary's side: sums metrics up, passes broadcasts on, and ends the container when told. */
export function serveBus(
  worker: Worker,
  others: () => Iterable<Worker>,
  sum: () => Promise<string>,
  exit: (code: number) => void,
): void {
  worker.on("message", (message: unknown) => {
    if (!isBusMessage(message)) return;
    if (message.bus === "broadcast") {
      if (message.message.kind === "exit") exit(message.message.code);
      else for (const other of others()) other.send(message);
    }
    if (message.bus === "metrics") {
      const reply = (text?: string) => {
        const answer = {
          bus: "metrics-reply",
          id: message.id,
          ...(text !== undefined && { text }),
        };
        if (worker.isConnected()) worker.send(answer);
      };
      sum().then(reply, () => reply());
    }
  });
}
