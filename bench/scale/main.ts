/**
 * How time and memory grow with the number of services (six objects each), side by side in one run
 * with the same objects written flat for Pulumi and for cdk8s: `npm run bench:scale -- [counts] [runs]`.
 * The toolchain is needed (`npm run doctor`), a cluster is not.
 *
 * Targets: linear; `render` of 1000 services at most twice cdk8s; `preview` at most 1.1 times flat, in
 * time and in memory. cdk8s gets its plain `ApiObject`s: the generated classes cost it more.
 */
import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { table } from "../../operations/output";
import { ready } from "../../operations/setup/prepare";
import { kubernetes } from "../../platforms/kubernetes/kubernetes";
import type { KubernetesObject } from "../../platforms/kubernetes/objects";
import { describeServices, SITE } from "./services";

const ROOT = resolve(__dirname, "..", "..");
const SAMPLE_MS = 50;
/** As in Pulumi.yaml; both programs run with it. */
const QUICK = join(ROOT, "stack", "quick-start.cjs");

interface Cost {
  readonly seconds: number;
  /** Largest sum over all processes at once, in MiB. */
  readonly peak: number;
}

/** Resident memory of a process and all below it, in MiB; what they share counts once for each. */
function memoryOf(root: number): number {
  const parents = new Map<number, number>();
  const pages = new Map<number, number>();
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      parents.set(pid, Number(fields[1]));
      pages.set(pid, Number(fields[21]));
    } catch {
      // It has ended meanwhile.
    }
  }
  const below = (pid: number): boolean => {
    for (let at = pid; at > 1; at = parents.get(at) ?? 0) if (at === root) return true;
    return false;
  };
  const sum = [...pages].filter(([pid]) => below(pid)).reduce((total, [, n]) => total + n, 0);
  return (sum * 4_096) / 2 ** 20;
}

async function measure(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<Cost> {
  const began = process.hrtime.bigint();
  const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stdout.on("data", (data: Buffer) => (said = (said + String(data)).slice(-4_000)));
  child.stderr.on("data", (data: Buffer) => (said = (said + String(data)).slice(-4_000)));
  let peak = 0;
  const sampling = setInterval(() => (peak = Math.max(peak, memoryOf(child.pid!))), SAMPLE_MS);
  const code = await new Promise((done) => child.on("close", done));
  clearInterval(sampling);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${said}`);
  return { seconds: Number(process.hrtime.bigint() - began) / 1e9, peak };
}

/** The same objects as somebody would write them without us. */
function flatPulumi(objects: readonly KubernetesObject[]): string {
  const made = objects.map(({ key, manifest }) => {
    const { apiVersion, kind } = manifest;
    const [group, version] = apiVersion.includes("/")
      ? apiVersion.split("/")
      : ["core", apiVersion];
    const place = group!.split(".")[0];
    return `new k8s.${place}.${version}.${kind}(${JSON.stringify(key)}, ${JSON.stringify(manifest)}, { provider });`;
  });
  return `const k8s = require("@pulumi/kubernetes");
const provider = new k8s.Provider("cluster", { renderYamlToDirectory: process.env.BENCH_FOLDER });
${made.join("\n")}
`;
}

const flatCdk8s = (objects: readonly KubernetesObject[]): string => `
const { ApiObject, App, Chart } = require("cdk8s");
const app = new App({ outdir: process.argv[2] });
const chart = new Chart(app, "many");
${objects.map(({ key, manifest }) => `new ApiObject(chart, ${JSON.stringify(key.replace(":", "-"))}, ${JSON.stringify(manifest)});`).join("\n")}
app.synth();
`;

/** A Pulumi project with a state of its own in a folder. */
function project(folder: string, main: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "Pulumi.yaml"),
    `name: bench\nruntime:\n  name: nodejs\n  options:\n    nodeargs: --max-semi-space-size=32 --require ${QUICK}\n    typescript: false\nmain: ${main}\n`,
  );
  writeFileSync(join(folder, "package.json"), '{ "name": "bench" }\n');
  if (!existsSync(join(folder, "node_modules"))) {
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  }
  const state = mkdtempSync(join(folder, "state-"));
  const own = { ...env, PULUMI_BACKEND_URL: `file://${state}`, PULUMI_CONFIG_PASSPHRASE: "bench" };
  const made = spawnSync("pulumi", ["stack", "init", "bench"], {
    cwd: folder,
    env: own,
    encoding: "utf8",
  });
  if (made.status !== 0) throw new Error(made.stderr);
  return own;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function main(): Promise<void> {
  const [counts = "10,100,1000", runs = "3"] = process.argv.slice(2);
  const cdk8s = join(__dirname, "node_modules");
  if (!existsSync(cdk8s)) {
    const installed = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], {
      cwd: __dirname,
      stdio: "inherit",
    });
    if (installed.status !== 0) throw new Error("npm ci failed");
  }
  const env = { ...process.env, ...(await ready("dev")) };
  const work = mkdtempSync(join(tmpdir(), "atalaya-bench-"));
  const rows: string[][] = [];
  try {
    for (const count of counts.split(",").map(Number)) {
      const { objects } = kubernetes.lower(describeServices(count), SITE);
      const plain = objects.filter((object) => object.content === undefined);
      const folder = join(work, String(count));
      mkdirSync(folder);
      const synth = join(folder, "cdk8s.js");
      writeFileSync(synth, flatCdk8s(plain));
      symlinkSync(cdk8s, join(folder, "node_modules"));
      const flat = join(folder, "flat");
      mkdirSync(flat);
      writeFileSync(join(flat, "index.js"), flatPulumi(plain));
      const more = { ...env, BENCH_COUNT: String(count) };
      const flatEnv = project(flat, "index.js", { ...more, BENCH_FOLDER: join(flat, "yaml") });
      const own = join(folder, "own");
      mkdirSync(own);
      writeFileSync(
        join(own, "index.js"),
        `require(${JSON.stringify(join(__dirname, "preview.ts"))});\n`,
      );
      const ownEnv = project(own, "index.js", { ...more, BENCH_FOLDER: join(own, "yaml") });
      const preview = ["preview", "--non-interactive", "--stack", "bench"];
      const contestants: Record<string, () => Promise<Cost>> = {
        "cdk8s synth": () => measure(process.execPath, [synth, join(folder, "synth")], folder, env),
        "atalaya render": () =>
          measure(
            process.execPath,
            [
              "--require",
              "tsx/cjs",
              join(__dirname, "render.ts"),
              String(count),
              join(folder, "render"),
            ],
            ROOT,
            env,
          ),
        "preview, flat": () => measure("pulumi", preview, flat, flatEnv),
        "preview, atalaya": () => measure("pulumi", preview, own, ownEnv),
      };
      const costs = new Map<string, Cost[]>(Object.keys(contestants).map((name) => [name, []]));
      for (let run = 0; run < Number(runs); run++) {
        for (const [name, work_] of Object.entries(contestants))
          costs.get(name)!.push(await work_());
      }
      const of = (name: string, part: keyof Cost): number =>
        median(costs.get(name)!.map((cost) => cost[part]));
      for (const [base, name] of [
        ["cdk8s synth", "atalaya render"],
        ["preview, flat", "preview, atalaya"],
      ] as const) {
        for (const each of [base, name]) {
          const ratio = (part: keyof Cost): string =>
            each === base ? "1" : (of(each, part) / of(base, part)).toFixed(2);
          rows.push([
            String(count),
            String(plain.length),
            each,
            of(each, "seconds").toFixed(2),
            ratio("seconds"),
            of(each, "peak").toFixed(0),
            ratio("peak"),
          ]);
        }
      }
      console.error(`${count} services: measured`);
    }
    const head = ["services", "objects", "what", "seconds", "ratio", "peak MiB", "ratio"];
    console.log(table(head, rows));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

void main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
