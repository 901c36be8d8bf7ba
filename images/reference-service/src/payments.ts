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

/**
 * Collects by Stripe's API (https://docs.stripe.com/api/payment_intents/create). One request, so without Stripe's
 * library; the time limit and the breaker are those of the link (PR-07).
 */
export function stripePayments({ url, keyFile, settings }: StripeConfig, log: Logger) {
  const upstream = new Upstream("stripe", { ...settings, url });

  return {
    /** Failed too often to be asked now. */
    get resting(): boolean {
      return upstream.resting;
    },

    async collect({ reference, totalCents, paymentMethod }: Due): Promise<Collected> {
      const form = new URLSearchParams({
        amount: String(totalCents),
        currency: CURRENCY,
        payment_method: paymentMethod,
        confirm: "true",
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
        "metadata[order]": reference,
      });
      try {
        const { status, body } = await upstream.send({
          method: "POST",
          url: new URL("/v1/payment_intents", url),
          headers: {
            // Read each time, so that a rotated key is found.
            authorization: `Bearer ${await readSecretLater(keyFile)}`,
            "content-type": "application/x-www-form-urlencoded",
            // The same for every attempt at this order: Stripe charges it once.
            "idempotency-key": `order-${reference}`,
          },
          body: form.toString(),
        });
        return readAnswer(status, body, (about) =>
          log.warn({ ...about, reference }, "payment refused"),
        );
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error;
        log.warn({ reason: error.reason, errno: error.errno, reference }, "payment is away");
        return UNPAID;
      }
    },
  };
}

export type Payments = ReturnType<typeof stripePayments>;

interface Intent {
  readonly id?: string;
  readonly status?: string;
  readonly error?: { readonly type?: string; readonly code?: string };
}

/** What Stripe says of a payment intent: 402 and a type `card_error` are the customer's bank. */
export function readAnswer(
  status: number,
  body: Buffer,
  refused: (about: object) => void,
): Collected {
  let intent: Intent;
  try {
    intent = JSON.parse(body.toString("utf8")) as Intent;
  } catch {
    refused({ status, reason: "no JSON" });
    return UNPAID;
  }
  if (status === 200 && intent.status === "succeeded" && intent.id) {
    return { payment: "paid", paymentId: intent.id };
  }
  if (intent.error?.type === "card_error" || intent.status === "requires_payment_method") {
    return { payment: "declined", paymentId: null };
  }
  refused({ status, intent: intent.status, type: intent.error?.type, code: intent.error?.code });
  return UNPAID;
}
