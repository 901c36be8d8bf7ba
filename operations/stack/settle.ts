import { setTimeout as sleep } from "node:timers/promises";
import { say } from "../output";

/** An engine gives up on an update by itself; no wait for it needs longer, in milliseconds. */
const SETTLE_MS = 5 * 60_000;

/**
 * Waits until an engine does nothing any more with what a stack runs. A provider may call an update done
 * between two instances, and an update that was interrupted goes on without it.
 *
 * @param inMotion names of what the engine is still at
 */
export async function untilSettled(inMotion: () => Promise<readonly string[]>): Promise<void> {
  const end = Date.now() + SETTLE_MS;
  for (let said = false; Date.now() < end; said = true) {
    const moving = await inMotion();
    if (moving.length === 0) return;
    if (!said) say(`  waiting for the engine to finish with ${moving.join(", ")} (5 min at most)`);
    await sleep(2_000);
  }
}
