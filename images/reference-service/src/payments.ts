import type { StripeConfig } from "./config";
import type { Logger } from "./log";
import { readSecretLater } from "./secrets";
import type { Due } from "./stores/orders";
import { Upstream, UpstreamError } from "./upstream";

/** How an attempt to collect ended; `unpaid` may be tried again, and nobody is charged twice for it. */
export type Collected =
  | { readonly payment: "paid"; readonly paymentId: string }
  | { readonly payment: "declined"; readonly paymentId: null }
  | { readonly payment: "unpaid" };

const CURRENCY = "mxn";

const UNPAID: Collected = { payment: "unpaid" };
const DECLINED: Collected = { payment: "declined", paymentId: null };

/**
 * From this age on an order's payment is looked for before another attempt, in milliseconds. Stripe keeps what it
 * answered under a key, a 500 too, for 24 h at least: within them an attempt charges nobody again, after them it could.
 * What it charged can be found after a minute or so.
 */
const LOOK_FIRST_MS = 3_600_000;

/**
 * Collects by Stripe's API (https://docs.stripe.com/api/payment_intents/create). One request, so without Stripe's
 * library; the time limit and the breaker are those of the link (PR-07).
 */
export function stripePayments({ url, keyFile, settings }: StripeConfig, log: Logger) {
  const upstream = new Upstream("stripe", { ...settings, url });
  // Read each time, so that a rotated key is found.
  const authorization = async () => `Bearer ${await readSecretLater(keyFile)}`;

  /** What became of the attempts so far; undefined where Stripe knows of none. */
  async function find(reference: string, refused: Refused): Promise<Collected | undefined> {
    const at = new URL("/v1/payment_intents/search", url);
    at.searchParams.set("query", `metadata['order']:'${reference}'`);
    const { status, body } = await upstream.send({
      method: "GET",
      url: at,
      headers: { authorization: await authorization() },
    });
    return readFound(status, body, refused);
  }

  async function attempt(
    { reference, totalCents, paymentMethod }: Due,
    refused: Refused,
  ): Promise<Collected> {
    const form = new URLSearchParams({
      amount: String(totalCents),
      currency: CURRENCY,
      payment_method: paymentMethod,
      confirm: "true",
      "automatic_payment_methods[enabled]": "true",
      "automatic_payment_methods[allow_redirects]": "never",
      "metadata[order]": reference,
    });
    const { status, body } = await upstream.send({
      method: "POST",
      url: new URL("/v1/payment_intents", url),
      headers: {
        authorization: await authorization(),
        "content-type": "application/x-www-form-urlencoded",
        // The same for every attempt at this order: Stripe charges it once.
        "idempotency-key": `order-${reference}`,
      },
      body: form.toString(),
    });
    return readAnswer(status, body, refused);
  }

  return {
    /** Failed too often to be asked now. */
    get resting(): boolean {
      return upstream.resting;
    },

    async collect(due: Due): Promise<Collected> {
      const { reference, placedAt } = due;
      const refused = (about: object) => log.warn({ ...about, reference }, "payment refused");
      try {
        const old = Date.now() - placedAt.getTime() > LOOK_FIRST_MS;
        const found = old ? await find(reference, refused) : undefined;
        return found ?? (await attempt(due, refused));
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error;
        log.warn({ reason: error.reason, errno: error.errno, reference }, "payment is away");
        return UNPAID;
      }
    },
  };
}

export type Payments = ReturnType<typeof stripePayments>;

type Refused = (about: object) => void;

interface Intent {
  readonly id?: string;
  readonly status?: string;
  readonly error?: { readonly type?: string; readonly code?: string; readonly param?: string };
}

/**
 * Intents that nobody is charged for any more: no other card comes, and nothing here asks the guest what a bank wants
 * to know (3-D Secure).
 */
const ENDED = ["requires_payment_method", "requires_action", "canceled"];

/** What Stripe says to an attempt. */
export function readAnswer(status: number, body: Buffer, refused: Refused): Collected {
  const intent = parsed<Intent>(body);
  if (intent !== undefined) return readIntent(status, intent, refused);
  refused({ status, reason: "no JSON" });
  return UNPAID;
}

/** What Stripe found of an order's attempts; undefined where there is nothing. */
export function readFound(status: number, body: Buffer, refused: Refused): Collected | undefined {
  const intents = parsed<{ readonly data?: readonly Intent[] }>(body)?.data;
  if (status !== 200 || intents === undefined) {
    refused({ status, reason: "cannot be looked for" });
    return UNPAID;
  }
  const is = (name: string) => intents.find((intent) => intent.status === name);
  // One that is paid, or may still be, counts before those that are over.
  const first = is("succeeded") ?? is("processing") ?? intents[0];
  return first && readIntent(status, first, refused);
}

/** A type `card_error` is the customer's bank. */
function readIntent(
  status: number,
  { id, status: state = "", error }: Intent,
  refused: Refused,
): Collected {
  if (status === 200 && state === "succeeded" && id) {
    return { payment: "paid", paymentId: id };
  }
  const { type, code, param } = error ?? {};
  // A card that Stripe does not know, or not with this key, and never will.
  const unknown = (status === 400 || status === 404) && param === "payment_method";
  if (type === "card_error" || unknown || ENDED.includes(state)) return DECLINED;
  refused({ status, intent: state, type, code });
  return UNPAID;
}

function parsed<T>(body: Buffer): T | undefined {
  try {
    return JSON.parse(body.toString("utf8")) as T;
  } catch {
    return undefined;
  }
}
