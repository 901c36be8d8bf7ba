import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * How the payment service is today: `failing` turns requests away before it looks at them, `breaking` fails inside of
 * them and answers so again under the same key, `away` refuses connections.
 */
export type Mood = "well" | "failing" | "breaking" | "away" | { readonly slowMs: number };

/** A card that every bank declines, as Stripe's test mode has it. */
export const DECLINED = "pm_card_chargeDeclined";

/** A card whose bank wants to hear from the guest. */
export const ASKS_GUEST = "pm_card_authenticationRequired";

/** A card that nobody knows. */
export const BOGUS = "pm_bogus";

/** What it answers in, in milliseconds, when it is well. */
const USUAL_MS = 20;

interface Stored {
  readonly status: number;
  readonly body: string;
}

interface Answered extends Stored {
  /** Said before, under the same key. */
  readonly replayed?: boolean;
}

/**
 * A payment service that speaks as much of Stripe's API as an order needs, for tests: payment intents that are
 * confirmed at once, idempotency keys that are honoured, and every kind of trouble on demand.
 */
export class FakeStripe {
  /** Successful charges by order. More than one means that somebody paid twice. */
  readonly charges = new Map<string, number>();
  /** Requests that arrived, whatever became of them. */
  requests = 0;
  private readonly answers = new Map<string, Stored>();
  private server?: Server;
  private current: Mood = "well";

  private constructor(
    readonly port: number,
    private readonly key: string,
  ) {}

  /** @param key the only secret key that it knows */
  static async start(key: string): Promise<FakeStripe> {
    const free = createServer();
    const port = await listen(free, 0);
    await close(free);
    const stripe = new FakeStripe(port, key);
    await stripe.open();
    return stripe;
  }

  async become(mood: Mood): Promise<void> {
    this.current = mood;
    if (mood === "away") await this.stop();
    else await this.open();
  }

  /** As after a day: what failed under a key may be tried again. */
  forgetFailures(): void {
    for (const [key, { status }] of this.answers) if (status === 500) this.answers.delete(key);
  }

  async stop(): Promise<void> {
    const { server } = this;
    delete this.server;
    if (server) await close(server);
  }

  private async open(): Promise<void> {
    if (this.server) return;
    const server = createServer((request, response) => {
      this.answer(request, response).catch(() => response.destroy());
    });
    this.server = server;
    await listen(server, this.port);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests++;
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const mood = this.current;
    await sleep(typeof mood === "object" ? mood.slowMs : USUAL_MS);
    // Whoever lost patience meanwhile is charged all the same: that is what idempotency keys are for.
    const { status, body, replayed }: Answered =
      mood === "failing"
        ? problem(503, "api_error", "Something went wrong on our side.")
        : this.charge(request, new URLSearchParams(Buffer.concat(pieces).toString()));
    response
      .writeHead(status, {
        "content-type": "application/json",
        ...(replayed && { "idempotent-replayed": "true" }),
      })
      .end(body);
  }

  private charge({ method, url, headers }: IncomingMessage, form: URLSearchParams): Answered {
    if (headers.authorization !== `Bearer ${this.key}`) {
      return problem(401, "invalid_request_error", "Invalid API Key provided.");
    }
    if (method !== "POST" || url !== "/v1/payment_intents") {
      return problem(404, "invalid_request_error", "Unrecognized request URL.");
    }
    const key = String(headers["idempotency-key"] ?? "");
    const known = this.answers.get(key);
    if (known) return { ...known, replayed: true };
    const answer =
      this.current === "breaking"
        ? problem(500, "api_error", "Something went wrong inside.")
        : this.intent(form);
    if (key !== "") this.answers.set(key, answer);
    return answer;
  }

  private intent(form: URLSearchParams): Stored {
    const amount = Number(form.get("amount"));
    if (!Number.isInteger(amount) || amount < 1 || form.get("confirm") !== "true") {
      return problem(400, "invalid_request_error", "Invalid integer: amount.");
    }
    if (form.get("payment_method") === DECLINED) {
      return problem(402, "card_error", "Your card was declined.", "card_declined");
    }
    if (form.get("payment_method") === BOGUS) {
      return problem(
        400,
        "invalid_request_error",
        "No such PaymentMethod.",
        "resource_missing",
        "payment_method",
      );
    }
    const id = `pi_${this.answers.size + 1}_${amount}`;
    const intent = (status: string): Stored => ({
      status: 200,
      body: JSON.stringify({ id, object: "payment_intent", amount, status }),
    });
    if (form.get("payment_method") === ASKS_GUEST) return intent("requires_action");
    const order = form.get("metadata[order]") ?? "";
    this.charges.set(order, (this.charges.get(order) ?? 0) + 1);
    return intent("succeeded");
  }
}

const problem = (
  status: number,
  type: string,
  message: string,
  code?: string,
  param?: string,
): Stored => ({
  status,
  body: JSON.stringify({ error: { type, message, code, param } }),
});

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(port, "0.0.0.0", () => resolve((server.address() as AddressInfo).port));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
