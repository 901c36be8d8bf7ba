import type { Problem } from "../../model/problems";
import {
  type EngineFacts,
  fixOfRemote,
  isLocalEndpoint,
  OLDEST_ENGINE,
  settingsFindings,
} from "../setup/engine-facts";
import { compareVersions } from "../setup/versions";
import { DEFAULT_SYSTEMS } from "../../stack/config";

/** How a check came out: `missing` keeps `up` from working, `warn` does not. */
export type State = "ok" | "warn" | "missing";

/** One row of `doctor`. */
export interface Check {
  readonly name: string;
  readonly state: State;
  /** What was found. */
  readonly found: string;
  /** What to do; empty when there is nothing to do. */
  readonly fix: string;
}

const ok = (name: string, found: string): Check => ({ name, state: "ok", found, fix: "" });
const warn = (name: string, found: string, fix: string): Check => ({
  name,
  state: "warn",
  found,
  fix,
});
const missing = (name: string, found: string, fix: string): Check => ({
  name,
  state: "missing",
  found,
  fix,
});

/** Free disk below which images, volumes and the toolchain do not fit, and below which it gets tight, in bytes. */
const DISK = { least: 3 * 2 ** 30, comfortable: 10 * 2 ** 30 };

/** Memory below which GRUPO_GAD with its monitoring does not fit, and below which it gets tight, in bytes. */
const MEMORY = { least: 1.5 * 2 ** 30, comfortable: 4 * 2 ** 30 };

/** Node.js. This program would not run on one that is too old, so this can only be fine. */
export function checkNode(version: string, developedOn: string): Check {
  const found = `Node.js ${version}`;
  return compareVersions(version, developedOn) >= 0
    ? ok("node", found)
    : warn(
        "node",
        found,
        `Works; @pulumi/pulumi asks for ${developedOn} or newer (.nvmrc), and npm warns about it.`,
      );
}

/** The command that asks a cluster; `up` works without, and then learns from Pulumi alone what is wrong. */
export function checkKubectl(path: string | undefined): Check {
  return path === undefined
    ? warn("kubectl", "not on the PATH", "https://kubernetes.io/docs/tasks/tools")
    : ok("kubectl", path);
}

/** A cluster that was asked, where that was possible, and what it lacks. */
export function checkCluster(
  context: string | undefined,
  asked: boolean,
  problems: readonly Problem[],
): readonly Check[] {
  if (problems.length > 0) return problems.map(toMissing);
  const found = context ?? "the current context";
  return [
    asked ? ok("cluster", found) : warn("cluster", `${found}: not asked`, "Install kubectl first."),
  ];
}

/** A configuration that no stack can be made of. */
export const checkConfiguration = (problems: readonly Problem[]): readonly Check[] =>
  problems.map(toMissing);

const toMissing = ({ path, message, fix }: Problem): Check => missing(path, message, fix ?? "");

/** The Docker engine and its command. */
export function checkEngine(
  engine:
    { readonly endpoint: string; readonly facts: EngineFacts } | { why: string; endpoint: string },
): readonly Check[] {
  if (!("facts" in engine)) {
    return [
      missing(
        "engine",
        `none at ${engine.endpoint}: ${engine.why}`,
        isLocalEndpoint(engine.endpoint)
          ? "`npm run up` offers to install and start one on Debian and Ubuntu; else https://docs.docker.com/engine/install"
          : fixOfRemote(engine.endpoint),
      ),
    ];
  }
  const { facts, endpoint } = engine;
  const found = `Docker ${facts.version} at ${endpoint}`;
  return [
    compareVersions(facts.version, OLDEST_ENGINE) >= 0
      ? ok("engine", found)
      : missing("engine", found, `Upgrade to ${OLDEST_ENGINE} or newer.`),
    checkSwarm(facts),
    checkMemory(facts.memoryBytes, facts.cpus),
  ];
}

function checkSwarm({ swarm, nodes }: EngineFacts): Check {
  if (swarm === "manager") return ok("swarm", `active, ${nodes} node${nodes === 1 ? "" : "s"}`);
  if (swarm === "inactive") {
    return warn("swarm", "inactive", "Nothing to do: `npm run up` initialises it on this node.");
  }
  return missing("swarm", swarm, "`npm run up` says what to do about it.");
}

function checkMemory(bytes: number, cpus: number): Check {
  const found = `${gib(bytes)} GiB, ${cpus} CPU${cpus === 1 ? "" : "s"}`;
  if (bytes < MEMORY.least) {
    return missing("memory", found, `${gib(MEMORY.least)} GiB are the least.`);
  }
  return bytes < MEMORY.comfortable
    ? warn("memory", found, `${gib(MEMORY.comfortable)} GiB leave room for updates.`)
    : ok("memory", found);
}

/** Free space where the engine keeps its data. */
export function checkDisk(free: number | undefined, folder: string): Check {
  if (free === undefined) {
    return warn("disk", `not visible from here (${folder})`, "Look at it on the engine's machine.");
  }
  const found = `${gib(free)} GiB free in ${folder}`;
  const fix = "Make room: `docker system df` shows what the engine holds.";
  if (free < DISK.least) return missing("disk", found, fix);
  return free < DISK.comfortable ? warn("disk", found, fix) : ok("disk", found);
}

/**
 * The settings of the engine that a Swarm service cannot express.
 *
 * @param settings undefined when the file cannot be read
 */
export function checkSettings(
  endpoint: string,
  settings: Readonly<Record<string, unknown>> | undefined,
  file: string,
): Check {
  if (!isLocalEndpoint(endpoint)) {
    return warn("engine settings", "not visible from here", `Look at ${file} on its machine.`);
  }
  if (!settings) return warn("engine settings", `${file} is not readable JSON`, "Correct it.");
  const findings = settingsFindings(settings);
  return findings.length === 0
    ? ok("engine settings", "no new privileges, process limit, log rotation")
    : warn(
        "engine settings",
        findings.join("; "),
        `Set them in ${file} and restart the engine (it stops all containers); see operations/README.md.`,
      );
}

/** A port that the gateway wants. */
export function checkPort(port: number, taken: boolean, ours: boolean): Check {
  const name = `port ${port}`;
  if (!taken) return ok(name, "free");
  return ours
    ? ok(name, "held by a service of the engine")
    : missing(
        name,
        "taken by another program",
        `Stop it (\`ss -ltnp 'sport = :${port}'\` names it), or configure another port for the gateway.`,
      );
}

/**
 * The public ports in a stack's configuration: `ports: { http, https }` of each system that it runs, 80 and 443 when
 * absent.
 */
export function portsOf(config: Readonly<Record<string, unknown>>): readonly number[] {
  const chosen = structured(config["atalaya:systems"]);
  const systems = Array.isArray(chosen) ? chosen.map(String) : DEFAULT_SYSTEMS;
  const port = (system: string, name: "http" | "https", otherwise: number): number => {
    const of = structured(config[`atalaya:${system}`]) as Ports | null | undefined;
    const value = of?.ports?.[name];
    return typeof value === "number" ? value : otherwise;
  };
  const pair = (system: string): number[] => [port(system, "http", 80), port(system, "https", 443)];
  return [...new Set(systems.flatMap(pair))];
}

interface Ports {
  readonly ports?: Readonly<Record<string, unknown>> | null;
}

/** `pulumi config set` without `--path` leaves JSON as the text that it was given. */
function structured(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    // A mistake that `up` tells of.
    return undefined;
  }
}

/** Where the Pulumi CLI and its plugins come from. */
export function checkToolchain(found: {
  readonly ready?: { readonly source: string; readonly version: string };
  readonly tries: readonly string[];
  readonly goUsable: boolean;
}): Check {
  if (found.ready) {
    return ok("pulumi", `${found.ready.version} (${found.ready.source})`);
  }
  const way = found.tries.join(", then ");
  const goHint = found.goUsable
    ? ""
    : " Building needs Go (https://go.dev/dl), which is not installed or too old.";
  return warn("pulumi", "not here yet", `Nothing to do: \`npm run up\` tries ${way}.${goHint}`);
}

/** The images that we own. */
export function checkImages(
  images: readonly { readonly tag: string; readonly present: boolean }[],
): Check {
  const absent = images.filter(({ present }) => !present).map(({ tag }) => tag);
  return absent.length === 0
    ? ok("images", `${images.length} present`)
    : warn(
        "images",
        `${absent.length} of ${images.length} not built yet: ${absent.join(", ")}`,
        "Nothing to do: `npm run up` builds them; `npx atalaya images` does it alone.",
      );
}

/** Where Pulumi keeps its state. */
export function checkBackend(url: string | undefined, ownFolder: string): Check {
  return ok("pulumi state", url === undefined ? `${ownFolder} on this machine` : `yours, ${url}`);
}

/** Whether `up` would have to stop. */
export function anythingMissing(checks: readonly Check[]): boolean {
  return checks.some(({ state }) => state === "missing");
}

function gib(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(1);
}
