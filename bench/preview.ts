/**
 * What an unchanged `pulumi preview` costs, against an empty Pulumi program, side by side in one
 * run: `npm run bench [runs]`. Needs the toolchain (`npm run doctor`) and an `up` of the stack `dev`
 * before it; without one the preview shows creations, and says so.
 *
 * Target: at most 1.5 s over the empty program.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import Table from "cli-table3";
import { ready } from "../operations/setup/prepare";

interface Figure {
  readonly what: string;
  readonly seconds: readonly number[];
}

const root = path.resolve(__dirname, "..");
const TARGET = 1.5;
/** As in Pulumi.yaml. */
const NODE_ARGS = ["--max-semi-space-size=32", "--require", "atalaya/quick-start"];

function time(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): number {
  const start = process.hrtime.bigint();
  const { status, stderr, stdout } = spawnSync(command, args, { cwd, env, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}${stderr}`);
  return Number(process.hrtime.bigint() - start) / 1e9;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function main(): Promise<void> {
  const runs = Number(process.argv[2] ?? 5);
  const environment = await ready("dev");
  const env = { ...process.env, ...environment };
  const empty = mkdtempSync(path.join(os.tmpdir(), "atalaya-bench-"));
  try {
    // The same runtime settings, so that only the program differs.
    writeFileSync(
      path.join(empty, "Pulumi.yaml"),
      "name: bench-empty\nruntime:\n  name: nodejs\n  options:\n    nodeargs: --require tsx/cjs\n    typescript: false\nmain: index.ts\n",
    );
    writeFileSync(path.join(empty, "index.ts"), 'import "@pulumi/pulumi";\n');
    writeFileSync(path.join(empty, "package.json"), '{ "name": "bench-empty" }\n');
    symlinkSync(path.join(root, "node_modules"), path.join(empty, "node_modules"));
    const state = { ...env, PULUMI_BACKEND_URL: `file://${empty}`, PULUMI_CONFIG_PASSPHRASE: "x" };
    time("pulumi", ["stack", "init", "bench"], empty, state);

    const preview = ["preview", "--non-interactive", "--stack"];
    const samples: Record<string, () => number> = {
      "CLI alone (pulumi version)": () => time("pulumi", ["version"], root, env),
      "program start (node, tsx, imports)": () =>
        time(process.execPath, [...NODE_ARGS, "-e", 'require("./stack")'], root, env),
      "describe and lower, in process": () =>
        time(process.execPath, [...NODE_ARGS, "bench/describe.ts"], root, env),
      "preview of an empty program": () => time("pulumi", [...preview, "bench"], empty, state),
      "preview of this stack, warm": () => time("pulumi", [...preview, "dev"], root, env),
    };
    const cold = time("pulumi", [...preview, "dev"], root, { ...env, TSX_DISABLE_CACHE: "1" });
    const figures = new Map<string, number[]>(Object.keys(samples).map((what) => [what, []]));
    for (let i = 0; i < runs; i++) {
      for (const [what, sample] of Object.entries(samples)) figures.get(what)!.push(sample());
    }
    print([
      { what: "preview of this stack, cold (nothing cached)", seconds: [cold] },
      ...[...figures].map(([what, seconds]) => ({ what, seconds })),
    ]);
    const over =
      median(figures.get("preview of this stack, warm")!) -
      median(figures.get("preview of an empty program")!);
    console.log(
      `\nover the empty program: ${over.toFixed(2)} s (target: at most ${TARGET} s) — ${over <= TARGET ? "met" : "MISSED"}`,
    );
  } finally {
    rmSync(empty, { recursive: true, force: true });
  }
}

function print(figures: readonly Figure[]): void {
  const table = new Table({ head: ["wall seconds", "median", "min", "max"] });
  for (const { what, seconds } of figures) {
    table.push(
      [what, median(seconds), Math.min(...seconds), Math.max(...seconds)].map((v) =>
        typeof v === "number" ? v.toFixed(2) : v,
      ),
    );
  }
  console.log(table.toString());
}

void main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
