import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";

/**
 * Reads a secret's file; one newline at its end does not belong to the value.
 * @throws the file system's error, which names the path and never the content.
 */
export function readSecret(path: string): string {
  return withoutNewline(readFileSync(path, "utf8"));
}

/** `readSecret` for a process that serves meanwhile. */
export async function readSecretLater(path: string): Promise<string> {
  return withoutNewline(await readFile(path, "utf8"));
}

const withoutNewline = (text: string): string => text.replace(/\r?\n$/, "");
