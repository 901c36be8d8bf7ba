import { readFileSync, writeFileSync } from "node:fs";

const CHUNK = 64 * 2 ** 20;

/** Bytes, of a line of /proc/meminfo. */
function meminfo(name: string): number {
  const [, kib] = new RegExp(`^${name}: +(\\d+) kB`, "m").exec(
    readFileSync("/proc/meminfo", "utf8"),
  )!;
  return Number(kib) * 1_024;
}

/** Leaves just this share of the machine's memory to all others until it is ended. */
function main(): void {
  const left = Number(process.argv[2]) * meminfo("MemTotal");
  // Where memory runs out all the same, this process goes first.
  writeFileSync("/proc/self/oom_score_adj", "1000");
  const eaten: Buffer[] = [];
  const adjust = (): void => {
    // Filled, since untouched pages are nobody's.
    while (meminfo("MemAvailable") > left) eaten.push(Buffer.alloc(CHUNK, 1));
    while (meminfo("MemAvailable") < left - 3 * CHUNK && eaten.length > 0) {
      eaten.pop();
      // Given back now, or all of it would be let go before the first byte is.
      gc!();
    }
  };
  adjust();
  process.stdout.write("eaten\n");
  setInterval(adjust, 200);
}

main();
