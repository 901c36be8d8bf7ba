import { type Duration, isDuration, milliseconds } from "../model/units";
import type { Description, LinkRequest, Provider } from "./system";

/**
 * How a consumer keeps a provider's trouble to itself (PR-07). The consumer's own client library does the
 * work: it learns all of this from its environment. What is left out is the consumer's own default.
 */
export interface Resilience {
  /** Longest time for one attempt. Gives `…_TIMEOUT_MS`. @example "2 s" */
  readonly timeout?: Duration;
  /**
   * Attempts after one that failed. Requests with a body are sent once all the same, unless `idempotent`.
   * Gives `…_RETRIES`. @example 1
   */
  readonly retries?: number;
  /**
   * Every request with a body carries a key by which the provider knows it again, so that it may be sent
   * again too. Gives `…_IDEMPOTENT=true`. @default false
   */
  readonly idempotent?: boolean;
  /** Stops asking a provider that fails, and tries again after a while. @default never stops */
  readonly breaker?: {
    /** Failures in a row that open it. Gives `…_BREAKER_FAILURES`. @example 5 */
    readonly failures: number;
    /** How long it stays open before one request may try. Gives `…_BREAKER_RESET_MS`. @example "10 s" */
    readonly reset: Duration;
  };
}

/** Longest that is waited for one attempt: gateways and clients give up long before. */
const LONGEST_SECONDS = 300;
/** Attempts after the first one: more would only make an outage worse. */
const MOST_RETRIES = 5;

/** What a link's consumer is told; what cannot be read is left to `checkResilience`. */
export function resilienceEnvironment(env: string, of: Resilience): Record<string, string> {
  const ms = (time: Duration | undefined): number | undefined =>
    time !== undefined && isDuration(time) ? milliseconds(time) : undefined;
  const facts: Record<string, number | boolean | undefined> = {
    TIMEOUT_MS: ms(of.timeout),
    RETRIES: of.retries,
    IDEMPOTENT: of.idempotent === true ? true : undefined,
    BREAKER_FAILURES: of.breaker?.failures,
    BREAKER_RESET_MS: ms(of.breaker?.reset),
  };
  return Object.fromEntries(
    Object.entries(facts).flatMap(([name, value]) =>
      value === undefined ? [] : [[`${env}_${name}`, String(value)]],
    ),
  );
}

/** Reports what is wrong with the resilience that the links to a provider ask for. */
export function checkResilience(to: Description, provider: Provider): void {
  for (const { request } of to.system.linksTo(provider)) {
    for (const [property, value, fix] of problemsOf(request)) {
      to.problem(provider, `links.${request.as}.${property}`, value, fix);
    }
  }
}

function problemsOf({ resilience = {} }: LinkRequest): [string, string, string][] {
  const { timeout, retries, idempotent, breaker } = resilience;
  const problems: [string, string, string][] = [];
  const time = (property: string, value: Duration | undefined): void => {
    if (value === undefined) return;
    const seconds = isDuration(value) ? milliseconds(value) / 1_000 : 0;
    if (seconds > 0 && seconds <= LONGEST_SECONDS) return;
    problems.push([property, `${value}`, `a time above 0, at most ${LONGEST_SECONDS} s: "2 s"`]);
  };
  const whole = (property: string, value: number | undefined, from: number, to: number): void => {
    if (value === undefined || (Number.isInteger(value) && value >= from && value <= to)) return;
    problems.push([property, `${value}`, `a whole number from ${from} to ${to}`]);
  };
  time("timeout", timeout);
  whole("retries", retries, 0, MOST_RETRIES);
  whole("breaker.failures", breaker?.failures, 1, 1_000);
  time("breaker.reset", breaker?.reset);
  if (idempotent === true && (retries ?? 0) === 0) {
    problems.push([
      "idempotent",
      "changes nothing without retries",
      "give retries, or leave it out",
    ]);
  }
  return problems;
}
