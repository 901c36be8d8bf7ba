import { existsSync, readFileSync, statfsSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";

import { ProblemsError } from "../../model/problems";
import { ExitCode } from "../errors";
import { colour, result, resultJson, say, table } from "../output";
import { onPath, run } from "../process";
import { projectName, root, stateFolder } from "../project";
import { backendFacts } from "../setup/backend";
import { describedStack } from "../setup/described";
import { findEngine, readSettings, SETTINGS_FILE } from "../setup/engine";
import { isLocalEndpoint } from "../setup/engine-facts";
import { imagesOf } from "../setup/images";
import { configuredEngine, configuredPlatform, readStackFile } from "../setup/stack-file";
import { goIsUsable, inspectToolchain } from "../setup/toolchain";
import {
  anythingMissing,
  type Check,
  checkBackend,
  checkCluster,
  checkConfiguration,
  checkDisk,
  checkEngine,
  checkImages,
  checkKubectl,
  checkNode,
  checkPort,
  checkSettings,
  checkToolchain,
  portsOf,
  type State,
} from "./doctor-checks";

/** Options of `doctor`. */
export interface DoctorOptions {
  readonly stack: string;
  readonly json?: boolean;
}

/** Says what this machine has and lacks, and how to get it. Changes nothing. */
export async function doctor(options: DoctorOptions): Promise<void> {
  const checks = await allChecks(options.stack);
  if (options.json) resultJson({ ok: !anythingMissing(checks), checks });
  else result(drawn(checks));
  if (anythingMissing(checks)) process.exitCode = ExitCode.missing;
  else if (!options.json) say(colour.green("Nothing is missing: `npm run up` can start."));
}

async function allChecks(stack: string): Promise<readonly Check[]> {
  const nvmrc = existsSync(join(root, ".nvmrc"))
    ? readFileSync(join(root, ".nvmrc"), "utf8").trim()
    : process.versions.node;
  const toolchain = await inspectToolchain();
  return [
    checkNode(process.versions.node, `${nvmrc}.0`),
    checkToolchain({ ...toolchain, goUsable: goIsUsable(toolchain.go) }),
    checkBackend(backendFacts().url, stateFolder(projectName())),
    ...(configuredPlatform(root, stack) === "kubernetes"
      ? await clusterChecks(stack)
      : await engineChecks(stack)),
  ];
}

async function engineChecks(stack: string): Promise<readonly Check[]> {
  const engine = await findEngine(configuredEngine(root, stack));
  const local = isLocalEndpoint(engine.endpoint);
  const checks = [...checkEngine(engine)];
  if (!("facts" in engine)) return checks;
  const folder = engine.facts.dataFolder;
  checks.push(
    checkSettings(engine.endpoint, local ? readSettings() : {}, SETTINGS_FILE),
    checkDisk(local ? freeBytes(folder) : undefined, folder),
    checkImages(await imagesOf(stack)),
  );
  if (local) {
    const published = engine.facts.swarm === "manager" ? await publishedPorts() : new Set<number>();
    for (const port of gatewayPorts(stack)) {
      checks.push(checkPort(port, await isTaken(port), published.has(port)));
    }
  }
  return checks;
}

/** What the stack's cluster lacks: the same questions as `up` asks it. */
async function clusterChecks(stack: string): Promise<readonly Check[]> {
  const kubectl = await onPath("kubectl");
  /* eslint-disable @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports -- see main.ts */
  const { clusterProblems, wantedCluster } =
    require("../../stack/kubernetes/preflight") as typeof import("../../stack/kubernetes/preflight");
  /* eslint-enable */
  try {
    const wanted = wantedCluster(describedStack(stack));
    return [
      checkKubectl(kubectl),
      ...checkCluster(wanted.context, kubectl !== undefined, await clusterProblems(wanted)),
    ];
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error;
    return [checkKubectl(kubectl), ...checkConfiguration(error.problems)];
  }
}

function freeBytes(folder: string): number | undefined {
  // The engine's folder may be closed to this user, or not exist yet: its file system counts.
  for (let path = folder; path !== dirname(path); path = dirname(path)) {
    try {
      const { bavail, bsize } = statfsSync(path);
      return bavail * bsize;
    } catch {
      continue;
    }
  }
  return undefined;
}

/** The public ports of the stack's gateways: configured per system in the stack's file, else 80 and 443. */
function gatewayPorts(stack: string): readonly number[] {
  return portsOf(readStackFile(root, stack).config ?? {});
}

async function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      // Without the right to bind low ports nothing can be said; the engine has that right.
      resolve(error.code === "EADDRINUSE");
    });
    server.listen({ port, host: "0.0.0.0", exclusive: true }, () =>
      server.close(() => resolve(false)),
    );
  });
}

/** Ports that containers of this engine hold, by whichever mode they are published. */
async function publishedPorts(): Promise<ReadonlySet<number>> {
  const said = await run("docker", ["ps", "--format", "{{.Ports}}"]);
  const services = await run("docker", ["service", "ls", "--format", "{{.Ports}}"]);
  const ports = [...`${said.stdout}\n${services.stdout}`.matchAll(/:(\d+)->/g)];
  return new Set(ports.map((match) => Number(match[1])));
}

const marks: Readonly<Record<State, string>> = {
  ok: colour.green("ok"),
  warn: colour.yellow("warn"),
  missing: colour.red("missing"),
};

function drawn(checks: readonly Check[]): string {
  const rows = table(
    ["check", "state", "found"],
    checks.map(({ name, state, found }) => [name, marks[state], found]),
  );
  const todo = checks
    .filter(({ fix }) => fix !== "")
    .map(({ name, state, fix }) => `${marks[state]}  ${colour.bold(name)}: ${fix}`);
  return [rows, ...(todo.length > 0 ? ["", ...todo] : [])].join("\n");
}
