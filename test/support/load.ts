import { Agent } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { ask, type Target } from "./https";

export interface LoadOptions {
  readonly target: Target;
  /** Requests a second, half of them POST, half on new connections. */
  readonly rate: number;
  /** Seconds after which it stops by itself. */
  readonly maxSeconds: number;
  /** Begins the name of every item that is posted, or the key of every order. */
  readonly prefix: string;
  /** What is asked for and posted. @default items, by their name */
  readonly resource?: {
    readonly read: string;
    readonly write: string;
    /** Sent with an Idempotency-Key of its own each time. */
    readonly body: object;
  };
}

/** A request that got no 2xx. */
export interface Lost {
  /** ISO 8601. */
  readonly at: string;
  readonly method: string;
  readonly connection: "kept" | "new";
  /** HTTP status, or the error's code. */
  readonly code: string;
  readonly milliseconds: number;
}

export interface LoadReport {
  readonly sent: number;
  readonly seconds: number;
  /** Requests a second over the whole time. */
  readonly rate: number;
  /** Requests that were sent in each whole second of the clock, `from` being the first one, in seconds since 1970. */
  readonly eachSecond: { readonly from: number; readonly sent: readonly number[] };
  readonly lost: readonly Lost[];
  /** Names of the items that the API said it had made. */
  readonly posted: readonly string[];
  /** Milliseconds. */
  readonly latency: Readonly<Record<"p50" | "p95" | "p99" | "max", number>>;
}

/** More requests than this at once are never open: what comes on top waits. */
const MAX_OPEN = 200;
/** A request that takes longer is lost, in milliseconds. */
const TIMEOUT_MS = 10_000;
const TICK_MS = 10;
const ITEMS = { read: "/api/v1/items?limit=1", write: "/api/v1/items" } as const;

/** What clients that ran beside each other sent as one; its seconds are those in which all of them ran. */
export function together(reports: readonly LoadReport[]): LoadReport {
  const sum = (of: (report: LoadReport) => number): number =>
    reports.reduce((total, report) => total + of(report), 0);
  const worst = (of: keyof LoadReport["latency"]): number =>
    Math.max(...reports.map(({ latency }) => latency[of]));
  const spans = reports.map(({ eachSecond }) => eachSecond);
  const from = Math.max(...spans.map((span) => span.from));
  const to = Math.min(...spans.map((span) => span.from + span.sent.length));
  return {
    sent: sum((r) => r.sent),
    seconds: Math.min(...reports.map((r) => r.seconds)),
    rate: sum((r) => r.rate),
    eachSecond: {
      from,
      sent: Array.from({ length: Math.max(0, to - from) }, (_, n) =>
        sum(({ eachSecond: one }) => one.sent[from + n - one.from]!),
      ),
    },
    lost: reports.flatMap((r) => r.lost),
    posted: reports.flatMap((r) => r.posted),
    latency: { p50: worst("p50"), p95: worst("p95"), p99: worst("p99"), max: worst("max") },
  };
}

/** Requests a second in the slowest of all spans of so many seconds in a row; 0 where the load had no such span. */
export function slowest({ eachSecond: { sent } }: LoadReport, span: number): number {
  const spans = Array.from({ length: Math.max(0, sent.length - span + 1) }, (_, n) =>
    sent.slice(n, n + span).reduce((total, count) => total + count, 0),
  );
  return spans.length === 0 ? 0 : Math.min(...spans) / span;
}

/** Steady load from this process's own address, until told to stop. */
export class Load {
  private readonly kept = new Agent({ keepAlive: true, maxSockets: 8 });
  private readonly lost: Lost[] = [];
  private readonly posted: string[] = [];
  private readonly latencies: number[] = [];
  private readonly sentIn = new Map<number, number>();
  private sent = 0;
  private open = 0;
  private stopped = false;

  constructor(private readonly options: LoadOptions) {}

  stop(): void {
    this.stopped = true;
  }

  /** Runs until `stop` or the time is over, then waits for what is open. */
  async run(): Promise<LoadReport> {
    const { rate, maxSeconds } = this.options;
    const begun = Date.now();
    const elapsed = (): number => (Date.now() - begun) / 1_000;
    let due = 0;
    let last = begun;
    while (!this.stopped && elapsed() < maxSeconds) {
      const now = Date.now();
      // Time that this process did not get makes no burst afterwards: a fifth of a second is caught up
      // at most. What is left out is a lower rate, which the report shows.
      due = Math.min(due + ((now - last) * rate) / 1_000, rate / 5);
      last = now;
      while (due >= 1 && this.open < MAX_OPEN) {
        due -= 1;
        const second = Math.floor(now / 1_000);
        this.sentIn.set(second, (this.sentIn.get(second) ?? 0) + 1);
        void this.one(this.sent++);
      }
      await sleep(TICK_MS);
    }
    const seconds = elapsed();
    const [from, to] = [Math.ceil(begun / 1_000), Math.floor(Date.now() / 1_000)];
    while (this.open > 0) await sleep(TICK_MS);
    this.kept.destroy();
    const sorted = [...this.latencies].sort((a, b) => a - b);
    const quantile = (q: number): number => sorted[Math.floor((sorted.length - 1) * q)] ?? 0;
    return {
      sent: this.sent,
      seconds,
      rate: this.sent / seconds,
      eachSecond: {
        from,
        sent: Array.from(
          { length: Math.max(0, to - from) },
          (_, n) => this.sentIn.get(from + n) ?? 0,
        ),
      },
      lost: this.lost,
      posted: this.posted,
      latency: { p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99), max: quantile(1) },
    };
  }

  private async one(number: number): Promise<void> {
    const method = number % 2 === 0 ? "GET" : "POST";
    const connection = Math.floor(number / 2) % 2 === 0 ? "kept" : "new";
    const name = `${this.options.prefix}-${number}`;
    const begun = Date.now();
    let code: string;
    this.open++;
    try {
      const { resource } = this.options;
      const { read, write } = resource ?? ITEMS;
      const { status } = await ask(this.options.target, method === "POST" ? write : read, {
        method,
        timeoutMs: TIMEOUT_MS,
        ...(method === "POST" ? { json: resource?.body ?? { name } } : {}),
        ...(method === "POST" && resource ? { headers: { "idempotency-key": name } } : {}),
        ...(connection === "kept" ? { agent: this.kept } : {}),
      });
      code = String(status);
    } catch (error) {
      code = (error as NodeJS.ErrnoException).code ?? String(error);
    } finally {
      this.open--;
    }
    const milliseconds = Date.now() - begun;
    this.latencies.push(milliseconds);
    if (/^2\d\d$/.test(code)) {
      if (method === "POST") this.posted.push(name);
      return;
    }
    this.lost.push({ at: new Date(begun).toISOString(), method, connection, code, milliseconds });
  }
}
