import { writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Writes down which metrics real programs show, with their labels, for `dashboards.test.ts`:
 *
 *   npx tsx test/manifests/metrics/record.ts "redis-exporter@1.69.0, Redis 7.0.15=http://127.0.0.1:9121/metrics" …
 *
 * Each program has to have seen some work first: what was never counted is not shown.
 */

/** Names with their labels, sorted; `name{a,b}`. */
export function metricsIn(text: string): string[] {
  const labels = new Map<string, Set<string>>();
  for (const [, name, rest = ""] of text.matchAll(/^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+/gm)) {
    const own = labels.get(name!) ?? new Set<string>();
    for (const [, label] of rest.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)) own.add(label!);
    labels.set(name!, own);
  }
  return [...labels]
    .map(([name, own]) => (own.size === 0 ? name : `${name}{${[...own].sort().join(",")}}`))
    .sort();
}

async function record(argument: string): Promise<void> {
  const end = argument.indexOf("=http");
  const about = argument.slice(0, end);
  const [name] = about.split("@");
  const response = await fetch(argument.slice(end + 1));
  const lines = metricsIn(await response.text());
  writeFileSync(join(__dirname, `${name}.txt`), [`# ${about}`, ...lines, ""].join("\n"));
  console.log(`${name}: ${lines.length} metrics`);
}

if (require.main === module) {
  void Promise.all(process.argv.slice(2).map(record));
}
