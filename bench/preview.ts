/**
 * What an unchanged `pulumi preview` costs, against empty Pulumi programs, side by side in one
 * run: `npm run bench [runs]`. Needs the toolchain (`npm run doctor`) and an `up` of the stack `dev`
 * before it; without one the preview shows creations, and says so.
 *
 * Target: at most 1.5 s over an empty program. There are two: one as `pulumi new typescript` makes it, whose types
 * Pulumi itself checks and strips at every preview, and one with this stack's own options, from which only the
 * program differs. A third program shows what is left to save: a plain list of this stack's own resources in
 * JavaScript, which describes, checks and lowers nothing.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { stringify } from "yaml";
import { table } from "../operations/output";
import { ready } from "../operations/setup/prepare";

interface Figure {
  readonly what: string;
  readonly seconds: readonly number[];
}

const root = path.resolve(__dirname, "..");
const TARGET = 1.5;
const PREVIEW = ["preview", "--non-interactive", "--stack"];
/** As in Pulumi.yaml, but by a path that other folders find, too. */
const QUICK_START = path.join(root, "stack", "quick-start.cjs");
const NODE_ARGS = ["--max-semi-space-size=32", "--require", QUICK_START];
const OWN_OPTIONS = { nodeargs: NODE_ARGS.join(" "), typescript: false, packagemanager: "npm" };
const STOCK_OPTIONS = { packagemanager: "npm" };
/** As `pulumi new typescript` writes it, but for `types`: there nothing but Node's are installed. */
const TSCONFIG = {
  compilerOptions: {
    ...{ strict: true, outDir: "bin", target: "es2020", module: "commonjs" },
    ...{ moduleResolution: "node", sourceMap: true, experimentalDecorators: true, pretty: true },
    ...{ noFallthroughCasesInSwitch: true, noImplicitReturns: true },
    ...{ forceConsistentCasingInFileNames: true, types: ["node"] },
  },
  files: ["index.ts"],
};
/** Name of the stack of each of the other programs. */
const STACK = "bench";

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

const EMPTY = 'import * as pulumi from "@pulumi/pulumi";\n';

/** Makes a program with a stack of its own. @returns how long its preview takes, in seconds */
function program(
  folder: string,
  options: object,
  env: NodeJS.ProcessEnv,
  source: string = EMPTY,
): () => number {
  const write = (file: string, content: object | string): void =>
    writeFileSync(
      path.join(folder, file),
      typeof content === "string" ? content : stringify(content),
    );
  mkdirSync(folder);
  write("Pulumi.yaml", { name: "bench-empty", runtime: { name: "nodejs", options } });
  write("index.ts", source);
  write("tsconfig.json", JSON.stringify(TSCONFIG));
  write("package.json", '{ "name": "bench-empty", "main": "index.ts" }\n');
  symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"));
  const own = { ...env, PULUMI_BACKEND_URL: `file://${folder}`, PULUMI_CONFIG_PASSPHRASE: "x" };
  time("pulumi", ["stack", "init", STACK], folder, own);
  return () => time("pulumi", [...PREVIEW, STACK], folder, own);
}

interface Exported {
  readonly deployment: {
    readonly resources?: readonly {
      readonly urn: string;
      readonly type: string;
      readonly custom: boolean;
      readonly inputs?: Readonly<Record<string, unknown>>;
    }[];
  };
}

/**
 * The resources of a stack as a list, made by one call each, without components, links between them, or the typed
 * classes. Its stack has no state, so they are previewed as creations, which spares Pulumi the comparison.
 */
function plainList(env: NodeJS.ProcessEnv): { readonly count: number; readonly source: string } {
  const { stdout } = spawnSync("pulumi", ["stack", "export", "--stack", "dev"], {
    ...{ cwd: root, env, encoding: "utf8", maxBuffer: 2 ** 28 },
  });
  const { resources = [] } = (JSON.parse(stdout) as Exported).deployment;
  const plain = (inputs: unknown): unknown =>
    JSON.parse(JSON.stringify(inputs ?? {}), (key, value: unknown) => {
      if (key === "__defaults") return undefined;
      // An encrypted value: as many characters as it has at most.
      const secret = (value as { ciphertext?: string } | null)?.ciphertext;
      return secret === undefined ? value : "x".repeat(secret.length);
    });
  const list = resources
    .filter(({ custom, type }) => custom && !type.startsWith("pulumi:"))
    .map(({ type, urn, inputs }) => [type, urn.split("::").at(-1)!, plain(inputs)]);
  const source = `import * as pulumi from "@pulumi/pulumi";
for (const [type, name, inputs] of ${JSON.stringify(list)} as any[]) new pulumi.CustomResource(type, name, inputs);
`;
  return { count: list.length, source };
}

async function main(): Promise<void> {
  const runs = Number(process.argv[2] ?? 5);
  const environment = await ready("dev");
  const env = { ...process.env, ...environment };
  const folder = mkdtempSync(path.join(os.tmpdir(), "atalaya-bench-"));
  try {
    const node = (code: string): number =>
      time(process.execPath, [...NODE_ARGS, "-e", code], root, env);
    const { count, source } = plainList(env);
    const samples = {
      cli: () => time("pulumi", ["version"], root, env),
      start: () => node('require("./stack")'),
      described: () => node('require("./stack"); require("./bench/describe")'),
      stock: program(path.join(folder, "stock"), STOCK_OPTIONS, env),
      own: program(path.join(folder, "own"), OWN_OPTIONS, env),
      plain: program(path.join(folder, "plain"), OWN_OPTIONS, env, source),
      warm: () => time("pulumi", [...PREVIEW, "dev"], root, env),
    };
    const cold = time("pulumi", [...PREVIEW, "dev"], root, { ...env, TSX_DISABLE_CACHE: "1" });
    const names = Object.keys(samples) as (keyof typeof samples)[];
    const seen = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<
      keyof typeof samples,
      number[]
    >;
    for (let i = 0; i < runs; i++) {
      for (const name of names) seen[name].push(samples[name]());
    }
    print([
      { what: "preview of an empty program as pulumi new makes it", seconds: seen.stock },
      { what: "preview of an empty program with our options", seconds: seen.own },
      { what: `preview of a plain list of this stack's ${count} resources`, seconds: seen.plain },
      { what: "preview of this stack, cold (nothing cached)", seconds: [cold] },
      { what: "preview of this stack, warm", seconds: seen.warm },
      { what: "… CLI alone (pulumi version)", seconds: seen.cli },
      { what: "… program start (node, tsx, imports)", seconds: seen.start },
      { what: "… start, then describe and lower", seconds: seen.described },
    ]);
    const [warm, cli, start, described] = [seen.warm, seen.cli, seen.start, seen.described].map(
      median,
    ) as [number, number, number, number];
    const floor = median(seen.plain) - median(seen.own);
    console.log(
      `\nthe plain list over the empty program with our options: ${floor.toFixed(2)} s; this stack over the plain list: ${(warm - median(seen.plain)).toFixed(2)} s`,
    );
    // What no command does alone: the engine, its plugins, and telling it of each resource.
    console.log(
      `\nby difference: program ${(described - start).toFixed(2)} s, engine and plugins ${(warm - cli - described).toFixed(2)} s`,
    );
    for (const [what, seconds] of [
      ["as pulumi new makes it", seen.stock],
      ["with our options", seen.own],
    ] as const) {
      const over = warm - median(seconds);
      console.log(
        `over the empty program ${what}: ${over.toFixed(2)} s, ${(warm / median(seconds)).toFixed(2)} times (target: at most ${TARGET} s) — ${over <= TARGET ? "met" : "MISSED"}`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function print(figures: readonly Figure[]): void {
  const rows = figures.map(({ what, seconds }) => [
    what,
    ...[median(seconds), Math.min(...seconds), Math.max(...seconds)].map((v) => v.toFixed(2)),
  ]);
  console.log(table(["wall seconds", "median", "min", "max"], rows));
}

void main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
