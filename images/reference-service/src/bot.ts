import { setTimeout as sleep } from "node:timers/promises";
import { readFile } from "node:fs/promises";
import { z } from "zod";
import type { BotConfig } from "./config";
import type { Logger } from "./log";
import { counters } from "./metrics";
import { backoffMs } from "./timing";

/** Longest time for one poll. */
const POLL_TIMEOUT_MS = 20_000;

const updatesSchema = z.object({
  result: z.array(z.object({ update_id: z.number().int() })),
});

/** What a poll brought; `offset` is where the next one begins. */
export interface Poll {
  readonly updates: number;
  readonly offset: number | undefined;
}

/** A poll that failed, told without its address: that can hold the token. */
export class PollError extends Error {
  constructor(
    message: string,
    readonly retryAfterMs?: number,
  ) {
    super(message);
    this.name = "PollError";
  }
}

/**
 * Asks once. With a token the address is that of Telegram's `getUpdates`, without one
 * BOT_API_URL itself.
 * @throws PollError, whose message names neither the address nor the token
 */
export async function poll(
  bot: BotConfig & { readonly url: string },
  offset: number | undefined,
  signal: AbortSignal,
): Promise<Poll> {
  let url = bot.url;
  if (bot.tokenFile) {
    // Read each time, so that a rotated token is found.
    const token = (await readFile(bot.tokenFile, "utf8")).trim();
    const query = offset === undefined ? "" : `?offset=${offset}`;
    url = `${bot.url.replace(/\/$/, "")}/bot${token}/getUpdates${query}`;
  }
  let answer: Response;
  try {
    answer = await fetch(url, {
      redirect: "error",
      signal: AbortSignal.any([signal, AbortSignal.timeout(POLL_TIMEOUT_MS)]),
    });
  } catch (error) {
    // The error's own text may quote the address; its cause's code says enough.
    const { name, cause } = error as Error;
    throw new PollError((cause as NodeJS.ErrnoException | undefined)?.code ?? name);
  }
  if (!answer.ok) {
    const seconds = Number(answer.headers.get("retry-after"));
    await answer.body?.cancel();
    throw new PollError(`status ${answer.status}`, seconds > 0 ? seconds * 1000 : undefined);
  }
  if (!bot.tokenFile) {
    await answer.body?.cancel();
    return { updates: 0, offset };
  }
  const parsed = updatesSchema.safeParse(await answer.json().catch(() => undefined));
  if (!parsed.success) throw new PollError("unexpected answer");
  const last = parsed.data.result.at(-1)?.update_id;
  return { updates: parsed.data.result.length, offset: last === undefined ? offset : last + 1 };
}

/** Polls until the signal; without an address it only says so. Failures are counted and waited out. */
export async function runBot(bot: BotConfig, log: Logger, signal: AbortSignal): Promise<void> {
  const { url } = bot;
  if (!url) {
    log.info("bot is dry: no BOT_API_URL");
    return;
  }
  let offset: number | undefined;
  let failures = 0;
  while (!signal.aborted) {
    let pauseMs = bot.intervalSeconds * 1000;
    try {
      const result = await poll({ ...bot, url }, offset, signal);
      offset = result.offset;
      if (failures > 0) log.info("polling works again");
      failures = 0;
      counters.botPolls.inc({ outcome: "ok" });
      counters.botUpdates.inc(result.updates);
      if (result.updates > 0) log.info({ updates: result.updates }, "updates received");
    } catch (error) {
      if (signal.aborted) return;
      const { message, retryAfterMs } =
        error instanceof PollError ? error : new PollError("the token cannot be read");
      pauseMs = Math.max(pauseMs, retryAfterMs ?? backoffMs(failures));
      failures++;
      counters.botPolls.inc({ outcome: "failed" });
      log.warn({ reason: message, failures, pauseMs }, "poll failed");
    }
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}
