/**
 * What monitoring takes on a running stack, by component, on this Docker engine:
 *
 *   npm run bench:memory -- <stack> [looks, 6] [seconds between, 10]
 *
 * Targets: under 600 MiB with `monitoring: lean`, under 1.5 GiB with `full`, for three systems. Which of them the stack
 * has stands in its file. Exit code 1 beyond the target. Give Prometheus two hours first: that is what it keeps in memory.
 */
import { table } from "../../operations/output";
import { must } from "../../operations/process";
import { root } from "../../operations/project";
import { readStackFile } from "../../operations/setup/stack-file";
import { breakdown, type Breakdown, type Line, readSize, type Taken } from "./breakdown";

const MIB = 2 ** 20;
const TARGETS = { lean: 600 * MIB, full: 1536 * MIB } as const;

const objects = (text: string): Record<string, string>[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, string>);

/** Docker joins labels by commas; those that are asked for have none in them. */
const label = (labels: string, name: string): string =>
  labels
    .split(",")
    .find((one) => one.startsWith(`${name}=`))
    ?.slice(name.length + 1) ?? "";

async function look(stack: string): Promise<Taken[]> {
  const json = ["--no-trunc", "--format", "{{json .}}"];
  const filter = ["--filter", `label=atalaya.stack=${stack}`];
  const running = objects(await must("docker", ["ps", ...filter, ...json]));
  const ids = running.map(({ ID }) => ID!);
  if (ids.length === 0) throw new Error(`nothing of the stack ${stack} runs on this engine`);
  const stats = objects(await must("docker", ["stats", "--no-stream", ...json, ...ids]));
  return running.flatMap(({ ID, Names, Labels }) => {
    const found = stats.find((one) => one["ID"] === ID);
    if (found === undefined) return [];
    // Its working set: Docker takes files that were not read for long off.
    const [memory, limit] = found["MemUsage"]!.split("/").map(readSize);
    return [
      {
        name: Names!,
        system: label(Labels!, "atalaya.system"),
        component: label(Labels!, "atalaya.component"),
        image: label(Labels!, "atalaya.image"),
        memory: memory!,
        limit: limit!,
      },
    ];
  });
}

const mib = (bytes: number): string => (bytes / MIB).toFixed(1);

function print(
  { monitoring, systems, most, allowed }: Breakdown,
  mode: keyof typeof TARGETS,
): void {
  const head = ["system", "component", "instances", "MiB", "limit, MiB"];
  const row = ({ system, component, instances, memory, limit }: Line): string[] => [
    system,
    component,
    String(instances),
    mib(memory),
    mib(limit),
  ];
  const all = ["monitoring", "all at once", "", mib(most), mib(allowed)];
  console.log(table(head, [...monitoring.map(row), all]));
  console.log(table(head, systems.map(row)));
  const target = TARGETS[mode];
  const verdict = most < target ? "within" : "beyond";
  console.log(
    `monitoring (${mode}): ${mib(most)} MiB, ${verdict} the target of ${mib(target)} MiB`,
  );
  if (most >= target) process.exitCode = 1;
}

async function main(): Promise<void> {
  const [stack, looks = "6", between = "10"] = process.argv.slice(2);
  if (stack === undefined || !(Number(looks) >= 1) || !(Number(between) >= 0)) {
    console.error("usage: npm run bench:memory -- <stack> [looks] [seconds between]");
    process.exitCode = 2;
    return;
  }
  const samples: Taken[][] = [];
  for (let i = 0; i < Number(looks); i++) {
    if (i > 0) await new Promise((next) => setTimeout(next, Number(between) * 1_000));
    samples.push(await look(stack));
  }
  const all = breakdown(samples);
  const { config = {} } = readStackFile(root, stack);
  print(all, config["atalaya:monitoring"] === "lean" ? "lean" : "full");
}

void main();
