/**
 * What the policies cost: `npm run bench:policies`. Needs the toolchain (`npm run doctor`) for the preview, and
 * nothing for the rest. `npm run bench:policies -- compared` sets them beside those of others instead, `-- published`
 * beside their published lists alone.
 *
 * Targets: the pack starts in less than 2 s; all rules take less than 1 ms for a resource; an audit of 6000
 * Kubernetes objects takes less than 3 s of CPU and is linear.
 */
import { spawn } from "node:child_process";
import { cpus } from "node:os";
import { join } from "node:path";
import { table } from "../../operations/output";
import { loadConfig } from "../../policies/engine/config";
import { evaluate } from "../../policies/engine/evaluate";
import type { JsonObject } from "../../policies/engine/field";
import { fromManifest, type Subject } from "../../policies/engine/subject";
import { rules } from "../../policies/rules";
import { subjectsOf } from "../../policies/tools/fixtures";
import { compared } from "./compared/compared";
import { published } from "./compared/published";

const TARGETS = { startSeconds: 2, resourceMilliseconds: 1, auditSeconds: 3, objects: 6_000 };
const root = join(__dirname, "..", "..");
const config = loadConfig(
  {},
  rules.map(({ id }) => id),
);

/** Seconds from the start of the pack's process until it says where it answers. */
function start(): Promise<number> {
  const begun = process.hrtime.bigint();
  return new Promise((resolve, reject) => {
    const pack = spawn(join(root, "policies", "run"), ["127.0.0.1:1"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    pack.on("error", reject);
    pack.on("exit", (code) => reject(new Error(`the pack ended with ${String(code)}`)));
    pack.stdout.once("data", () => {
      resolve(Number(process.hrtime.bigint() - begun) / 1e9);
      pack.removeAllListeners("exit");
      pack.kill();
    });
  });
}

/** As many objects as asked for: shops, each in a namespace of its own, some with something to find. */
function objects(count: number): Subject[] {
  const world = subjectsOf({ world: "kubernetes" });
  return Array.from({ length: count }, (_, i) => {
    const shop = Math.floor(i / world.length);
    const { props } = world[i % world.length]!;
    const text = JSON.stringify(props).replaceAll('"shop"', `"shop-${shop}"`);
    const own = shop % 10 === 0 ? text.replaceAll('"runAsNonRoot":true', '"x":1') : text;
    return fromManifest(JSON.parse(own) as JsonObject)!;
  });
}

/** CPU seconds of all rules over some objects. */
function audit(count: number): { seconds: number; findings: number } {
  const subjects = objects(count);
  const before = process.cpuUsage();
  const { findings } = evaluate(subjects, config, { rules });
  const { user, system } = process.cpuUsage(before);
  return { seconds: (user + system) / 1e6, findings: findings.length };
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function main(): Promise<void> {
  console.log(`${rules.length} rules, Node ${process.version}, ${cpus()[0]?.model ?? "?"}`);
  const starts: number[] = [];
  for (let i = 0; i < 5; i++) starts.push(await start());

  audit(200);
  const sizes = [750, 1_500, 3_000, 6_000, 12_000];
  const audits = sizes.map((size) => ({ size, runs: [audit(size), audit(size), audit(size)] }));
  const rows = audits.map(({ size, runs }) => {
    const seconds = median(runs.map((run) => run.seconds));
    const each = ((seconds / size) * 1e3).toFixed(3);
    return [String(size), String(runs[0]!.findings), seconds.toFixed(2), each];
  });
  console.log(table(["objects", "findings", "CPU seconds", "ms an object"], rows));

  const at = (size: number): number =>
    median(audits.find((one) => one.size === size)!.runs.map((run) => run.seconds));
  const each = (at(TARGETS.objects) / TARGETS.objects) * 1e3;
  judge("the pack starts in", median(starts), TARGETS.startSeconds, "s");
  judge("all rules, for a resource", each, TARGETS.resourceMilliseconds, "ms");
  judge(`audit of ${TARGETS.objects} objects`, at(6_000), TARGETS.auditSeconds, "s of CPU");
  // Twice the objects, twice the time: 1.25 leaves room for the garbage collector.
  judge("growth from 3000 to 12000 objects", at(12_000) / at(3_000) / 4, 1.25, "times linear");
}

function judge(what: string, value: number, most: number, unit: string): void {
  const met = value <= most;
  console.log(`${what}: ${value.toFixed(2)} ${unit} (at most ${most}): ${met ? "met" : "MISSED"}`);
  if (!met) process.exitCode = 1;
}

const what: Readonly<Record<string, () => Promise<void>>> = { compared, published };
void (what[process.argv[2] ?? ""] ?? main)();
