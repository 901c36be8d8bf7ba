import { Load, type LoadOptions } from "./load";

/**
 * A load generator as a process of its own, so that it can run at another network address. Reads its
 * options as JSON from the first argument, runs until SIGTERM, prints its report as JSON.
 */
async function main(): Promise<void> {
  const load = new Load(JSON.parse(process.argv[2] ?? "") as LoadOptions);
  process.on("SIGTERM", () => load.stop());
  const running = load.run();
  process.stderr.write("started\n");
  const report = await running;
  process.stdout.write(JSON.stringify(report));
}

void main();
