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

const ownEnvironment = (folder: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...env,
  ...{ PULUMI_BACKEND_URL: `file://${folder}`, PULUMI_CONFIG_PASSPHRASE: "x" },
});

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
  const own = ownEnvironment(folder, env);
  time("pulumi", ["stack", "init", STACK], folder, own);
  return () => time("pulumi", [...PREVIEW, STACK], folder, own);
}

interface Resource {
  readonly urn: string;
  readonly type: string;
  readonly custom: boolean;
  readonly id?: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly outputs?: Readonly<Record<string, unknown>>;
  /** Its provider's URN and id. */
  readonly provider?: string;
}

interface Exported {
  readonly deployment: { readonly resources?: readonly Resource[] };
}

const nameOf = (urn: string): string => urn.split("::").at(-1)!;

/** A secret becomes one of the same shape and length that is none. */
const plain = <T>(value: T): T =>
  JSON.parse(
    JSON.stringify(value, (_key, of: unknown) => {
      const secret = (of as { plaintext?: string } | null)?.plaintext;
      if (secret === undefined) return of;
      return JSON.parse(secret, (_name, part: unknown) =>
        typeof part === "string" ? "x".repeat(part.length) : part,
      ) as unknown;
    }),
  ) as T;

/**
 * The resources of stack `dev` as a plain list: one call each, without components, links between them, or the typed
 * classes; with the state that belongs to it, so that nothing changes either.
 */
function plainList(folder: string, env: NodeJS.ProcessEnv): { count: number; run: () => number } {
  const exported = (cwd: string, stack: string, own: NodeJS.ProcessEnv): Exported => {
    const args = ["stack", "export", "--show-secrets", "--stack", stack];
    const { stdout, stderr, status } = spawnSync("pulumi", args, {
      ...{ cwd, env: own, encoding: "utf8", maxBuffer: 2 ** 28 },
    });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as Exported;
  };
  const all = plain(exported(root, "dev", env).deployment.resources ?? []).filter(
    (of) => of.custom,
  );
  const isProvider = ({ type }: Resource): boolean => type.startsWith("pulumi:providers:");
  const isDefault = (urn: string): boolean => nameOf(urn).startsWith("default");
  const providerOf = ({ provider = "" }: Resource): Resource | undefined =>
    all.find((of) => isProvider(of) && provider === `${of.urn}::${of.id ?? ""}`);
  const providers = all.filter((of) => isProvider(of) && !isDefault(of.urn));
  const list = all.filter((of) => !isProvider(of));
  const inputs = ({ inputs: of = {} }: Resource): object =>
    JSON.parse(
      JSON.stringify(of, (key, value: unknown) => (key === "__defaults" ? undefined : value)),
    ) as object;
  const data = {
    providers: providers.map((of) => [of.type.split(":").at(-1), nameOf(of.urn), inputs(of)]),
    list: list.map((of) => {
      const by = providerOf(of);
      const own = by === undefined || isDefault(by.urn) ? undefined : nameOf(by.urn);
      return [of.type, nameOf(of.urn), inputs(of), own, by?.inputs?.["version"]];
    }),
  };
  const source = `import * as pulumi from "@pulumi/pulumi";
const data = ${JSON.stringify(data)} as any;
const providers: Record<string, pulumi.ProviderResource> = {};
for (const [of, name, inputs] of data.providers) providers[name] = new pulumi.ProviderResource(of, name, inputs);
for (const [type, name, inputs, provider, version] of data.list)
  new pulumi.CustomResource(type, name, inputs, provider === undefined ? { version } : { provider: providers[provider] });
`;
  const run = program(folder, OWN_OPTIONS, env, source);
  const own = ownEnvironment(folder, env);
  const prefix = `urn:pulumi:${STACK}::bench-empty::`;
  const stackUrn = `${prefix}pulumi:pulumi:Stack::bench-empty-${STACK}`;
  const urn = (of: Resource): string => `${prefix}${of.type}::${nameOf(of.urn)}`;
  const empty = exported(folder, STACK, own);
  const state = {
    ...empty,
    deployment: {
      ...empty.deployment,
      resources: [
        { urn: stackUrn, custom: false, type: "pulumi:pulumi:Stack" },
        ...[...all.filter(isProvider), ...list].map((of) => {
          const by = providerOf(of);
          return {
            ...{ urn: urn(of), custom: true, id: of.id, type: of.type, parent: stackUrn },
            ...{ inputs: of.inputs, outputs: of.outputs },
            ...(by === undefined ? {} : { provider: `${urn(by)}::${by.id ?? ""}` }),
          };
        }),
      ],
    },
  };
  const { status, stderr } = spawnSync("pulumi", ["stack", "import", "--stack", STACK], {
    ...{ cwd: folder, env: own, encoding: "utf8", input: JSON.stringify(state) },
  });
  if (status !== 0) throw new Error(stderr);
  // Else it would be compared with something else.
  time("pulumi", [...PREVIEW, STACK, "--expect-no-changes"], folder, own);
  return { count: list.length, run };
}

async function main(): Promise<void> {
  const runs = Number(process.argv[2] ?? 5);
  const environment = await ready("dev");
  const env = { ...process.env, ...environment };
  const folder = mkdtempSync(path.join(os.tmpdir(), "atalaya-bench-"));
  try {
    const node = (code: string): number =>
      time(process.execPath, [...NODE_ARGS, "-e", code], root, env);
    const { count, run: list } = plainList(path.join(folder, "plain"), env);
    const samples = {
      cli: () => time("pulumi", ["version"], root, env),
      start: () => node('require("./stack")'),
      described: () => node('require("./stack"); require("./bench/describe")'),
      stock: program(path.join(folder, "stock"), STOCK_OPTIONS, env),
      own: program(path.join(folder, "own"), OWN_OPTIONS, env),
      plain: list,
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
