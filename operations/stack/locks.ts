import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

import { ExitCode, UserError } from "../errors";

/** One lock of Pulumi's file backend: who is working on the stack. */
export interface Lock {
  readonly file: string;
  readonly pid: number;
  readonly hostname: string;
  readonly username: string;
  readonly timestamp: string;
}

/** What to do about a lock. */
export type LockVerdict = "abandoned" | "running" | "elsewhere";

/** Reads a lock's JSON; undefined when it is not one, or only half written. */
export function parseLock(file: string, json: string): Lock | undefined {
  try {
    const lock = JSON.parse(json) as Partial<Record<keyof Lock, unknown>>;
    if (typeof lock.pid !== "number" || typeof lock.hostname !== "string") return undefined;
    return {
      file,
      pid: lock.pid,
      hostname: lock.hostname,
      username: typeof lock.username === "string" ? lock.username : "",
      timestamp: typeof lock.timestamp === "string" ? lock.timestamp : "",
    };
  } catch {
    return undefined;
  }
}

/**
 * Judges a lock. Only one of a process that is certainly gone may be cleared: taken on this host, and
 * no Pulumi has its process id any more (after a restart something else may).
 *
 * @param commandOf the name of a running process, or undefined when there is none
 */
export function judgeLock(
  lock: Pick<Lock, "pid" | "hostname">,
  host: string,
  commandOf: (pid: number) => string | undefined,
): LockVerdict {
  if (lock.hostname !== host) return "elsewhere";
  const command = commandOf(lock.pid);
  return command !== undefined && command.includes("pulumi") ? "running" : "abandoned";
}

/**
 * Clears the locks of processes that are gone.
 *
 * @param folder the stack's lock folder; it need not exist
 * @returns the locks that were cleared: a run was interrupted.
 * @throws UserError when somebody is at work, or may be on another machine.
 */
export function clearAbandonedLocks(
  folder: string | undefined,
  stack: string,
  host = hostname(),
  commandOf = commandOfProcess,
): readonly Lock[] {
  if (folder === undefined || !existsSync(folder)) return [];
  const locks = readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => join(folder, name))
    .map((file) => parseLock(file, readFileSync(file, "utf8")) ?? unreadable(file, host));
  for (const lock of locks) {
    const verdict = judgeLock(lock, host, commandOf);
    if (verdict === "abandoned") continue;
    const who = `${lock.username}@${lock.hostname} (process ${lock.pid}) since ${lock.timestamp}`;
    throw new UserError(
      verdict === "running"
        ? `Stack ${stack} is being changed by another Pulumi on this machine: ${who}.`
        : `Stack ${stack} is locked by a Pulumi on another machine: ${who}.`,
      verdict === "running"
        ? "Wait for it, or end it with Ctrl-C where it runs."
        : `If that one is certainly gone: pulumi cancel --stack ${stack}, then run this again.`,
      ExitCode.failed,
    );
  }
  for (const { file } of locks) {
    rmSync(file, { force: true });
    // What Pulumi's file store notes about each file.
    rmSync(`${file}.attrs`, { force: true });
  }
  return locks;
}

/** Pulumi was killed while it wrote its lock: the file is empty or cut off, and names nobody. */
function unreadable(file: string, host: string): Lock {
  return { file, pid: -1, hostname: host, username: "", timestamp: "" };
}

/** Name of a running process on this machine. */
function commandOfProcess(pid: number): string | undefined {
  if (pid <= 0) return undefined;
  if (existsSync("/proc/self/comm")) {
    const file = `/proc/${pid}/comm`;
    return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
  }
  try {
    process.kill(pid, 0);
    // Without /proc the name is not known: take it for Pulumi, which is the careful answer.
    return "pulumi";
  } catch {
    return undefined;
  }
}
