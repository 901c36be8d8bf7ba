import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where the figures of a run go: `ATALAYA_TEST_RESULTS`, or the machine's temporary folder. */
export function measurementsFile(env: NodeJS.ProcessEnv = process.env): string {
  return join(env["ATALAYA_TEST_RESULTS"] || tmpdir(), "measurements.json");
}

/**
 * Writes down what a live test measured, and prints it.
 * @param name what was measured; a second measurement of the same name replaces the first
 */
export function measured(name: string, figures: unknown): void {
  const file = measurementsFile();
  mkdirSync(join(file, ".."), { recursive: true });
  const known = existsSync(file)
    ? (JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>)
    : {};
  writeFileSync(file, `${JSON.stringify({ ...known, [name]: figures }, null, 2)}\n`);
  // Not console.log: jest would add the place of the call to each.
  process.stderr.write(`  measured: ${name}: ${JSON.stringify(figures)}\n`);
}
