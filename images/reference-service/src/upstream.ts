import {
  BrokenCircuitError,
  bulkhead,
  BulkheadRejectedError,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleAll,
  handleWhen,
  noop,
  retry,
  TaskCancelledError,
  timeout,
  TimeoutStrategy,
  wrap,
} from "cockatiel";
import type { UpstreamSettings } from "./config";
import { HttpError, RETRY_AFTER_SECONDS } from "./errors";
import { counters } from "./metrics";

/** Requests to one other service that are open at once; more are refused rather than piled up. */
const MOST_OPEN = 64;
const FIRST_PAUSE_MS = 50;

export interface UpstreamRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface UpstreamAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

type Reason = "slow" | "failed" | "resting" | "busy";

const TOLD: Readonly<Record<Reason, readonly [number, string]>> = {
  slow: [504, "upstream is too slow"],
  failed: [502, "upstream failed"],
  resting: [503, "upstream failed too often and is left alone for a while"],
  busy: [503, "too many requests wait for the upstream"],
};

/** No answer of another service. It names the service, never an address or a key. */
export class UpstreamError extends HttpError {
  constructor(
    readonly upstream: string,
    readonly reason: Reason,
    /** Of the operating system, as ECONNREFUSED. */
    readonly errno?: string,
  ) {
    const [status, message] = TOLD[reason];
    super(status, message, status === 503 ? RETRY_AFTER_SECONDS : undefined);
  }
}

/**
 * Whether the other side, not the request, is to blame. What it kept and answers again under the same key, as Stripe
 * does with its 500s for a day, tells how it was and not how it is: that opens no breaker and is worth no other attempt.
 */
const isFailure = (answer: unknown): boolean => {
  const { status, headers } = answer as UpstreamAnswer;
  if (headers.get("idempotent-replayed") === "true") return false;
  return status === 429 || (status >= 500 && status !== 501);
};

const isRefused = (error: unknown): boolean =>
  error instanceof BrokenCircuitError || error instanceof BulkheadRejectedError;

/**
 * Another service as this one asks it: with a time limit, a breaker and, where that is safe, another attempt
 * (PR-07). A service that is away costs its callers the breaker's few failures and then nothing.
 */
export class Upstream {
  readonly #settings: UpstreamSettings;
  readonly #breaker;
  /** Until then nobody is let through. */
  #restsUntil = 0;
  readonly #once;
  readonly #again;

  constructor(
    readonly name: string,
    settings: UpstreamSettings,
  ) {
    this.#settings = settings;
    const { timeoutMs, retries, breaker } = settings;
    this.#breaker =
      breaker &&
      circuitBreaker(handleAll.orWhenResult(isFailure), {
        halfOpenAfter: breaker.resetMs,
        breaker: new ConsecutiveBreaker(breaker.failures),
      });
    const open = (state: number) => counters.upstreamOpen.set({ upstream: name }, state);
    open(0);
    // The library itself finds out only when somebody asks.
    this.#breaker?.onBreak(() => (this.#restsUntil = Date.now() + (breaker?.resetMs ?? 0)));
    this.#breaker?.onStateChange((state) => open(state === CircuitState.Closed ? 0 : 1));
    this.#once = wrap(
      bulkhead(MOST_OPEN),
      this.#breaker ?? noop,
      timeout(timeoutMs, TimeoutStrategy.Aggressive),
    );
    const worthAnother = handleWhen((error) => !isRefused(error)).orWhenResult(isFailure);
    this.#again =
      retries === 0
        ? this.#once
        : wrap(
            retry(worthAnother, {
              maxAttempts: retries,
              backoff: new ExponentialBackoff({ initialDelay: FIRST_PAUSE_MS }),
            }),
            this.#once,
          );
  }

  get base(): URL {
    return new URL(this.#settings.url);
  }

  /** Whether it failed too often to be asked now. */
  get resting(): boolean {
    return Date.now() < this.#restsUntil;
  }

  /**
   * Sends a request, with a body at most once unless the link says that it may be sent again.
   * @returns whatever the other side answers
   * @throws UpstreamError where it does not
   */
  async send({ method, url, headers = {}, body }: UpstreamRequest): Promise<UpstreamAnswer> {
    const policy = body === undefined || this.#settings.idempotent ? this.#again : this.#once;
    let outcome = "failed";
    try {
      const answer = await policy.execute(async ({ signal }): Promise<UpstreamAnswer> => {
        const response = await fetch(url, {
          method,
          redirect: "manual",
          signal,
          headers,
          ...(body !== undefined && { body }),
        });
        const { status, headers: own } = response;
        return { status, headers: own, body: Buffer.from(await response.arrayBuffer()) };
      });
      outcome = isFailure(answer) ? "failed" : "ok";
      return answer;
    } catch (error) {
      const told = this.#told(error);
      outcome = told.reason;
      throw told;
    } finally {
      counters.upstreamRequests.inc({ upstream: this.name, outcome });
    }
  }

  #told(error: unknown): UpstreamError {
    if (error instanceof BrokenCircuitError) return new UpstreamError(this.name, "resting");
    if (error instanceof BulkheadRejectedError) return new UpstreamError(this.name, "busy");
    if (error instanceof TaskCancelledError) return new UpstreamError(this.name, "slow");
    const cause =
      error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
    return new UpstreamError(this.name, "failed", cause?.code);
  }
}

/** The services that this one is linked to, by name: each has one breaker for all that is asked of it. */
export type Upstreams = Readonly<Record<string, Upstream>>;

export const upstreamsOf = (settings: Readonly<Record<string, UpstreamSettings>>): Upstreams =>
  Object.fromEntries(Object.entries(settings).map(([name, of]) => [name, new Upstream(name, of)]));
