import { ExitCode, UserError } from "../errors";
import { compareVersions } from "./versions";

/** The oldest Docker engine that everything here was run on. */
export const OLDEST_ENGINE = "20.10";

/** What an engine says about itself. */
export interface EngineFacts {
  readonly version: string;
  /** State of Swarm mode on the engine's node. */
  readonly swarm: "inactive" | "manager" | "worker" | "pending" | "error" | "locked";
  /** Number of nodes in the swarm; 0 outside one. */
  readonly nodes: number;
  /** The engine's data folder, on its own machine. */
  readonly dataFolder: string;
  readonly cpus: number;
  readonly memoryBytes: number;
}

/** The part of `docker info --format '{{json .}}'` that is used here. */
interface DockerInfo {
  readonly ServerVersion?: string;
  readonly ServerErrors?: readonly string[];
  readonly DockerRootDir?: string;
  readonly NCPU?: number;
  readonly MemTotal?: number;
  readonly Swarm?: {
    readonly LocalNodeState?: string;
    readonly ControlAvailable?: boolean;
    readonly Nodes?: number;
  };
}

/** Reads `docker info`'s JSON. Undefined when no engine answered. */
export function engineFacts(json: string): EngineFacts | undefined {
  let info: DockerInfo;
  try {
    info = JSON.parse(json) as DockerInfo;
  } catch {
    return undefined;
  }
  if (!info.ServerVersion) return undefined;
  return {
    version: info.ServerVersion,
    swarm: swarmState(info.Swarm),
    nodes: info.Swarm?.Nodes ?? 0,
    dataFolder: info.DockerRootDir ?? "",
    cpus: info.NCPU ?? 0,
    memoryBytes: info.MemTotal ?? 0,
  };
}

function swarmState(swarm: DockerInfo["Swarm"]): EngineFacts["swarm"] {
  const state = swarm?.LocalNodeState;
  if (state === "active") return swarm?.ControlAvailable ? "manager" : "worker";
  return state === "pending" || state === "error" || state === "locked" ? state : "inactive";
}

/**
 * What has to happen before services can be declared on this engine.
 *
 * @returns whether Swarm mode has to be initialised.
 * @throws UserError for an engine that is too old, or a node that cannot manage its swarm.
 */
export function needsSwarmInit(engine: EngineFacts): boolean {
  if (compareVersions(engine.version, OLDEST_ENGINE) < 0) {
    throw new UserError(
      `The Docker engine is ${engine.version}; ${OLDEST_ENGINE} or newer is needed.`,
      "Upgrade it: https://docs.docker.com/engine/install",
      ExitCode.missing,
    );
  }
  const fixes: Partial<Record<EngineFacts["swarm"], string>> = {
    worker:
      "Point DOCKER_HOST at a manager of its swarm, or run `docker node promote <this node>` on one.",
    pending: "It is joining or has lost its managers: look at `docker info`, and try again then.",
    error: "`docker info` names the error; `docker swarm leave --force` gives up on that swarm.",
    locked: "Unlock it with `docker swarm unlock`.",
  };
  const fix = fixes[engine.swarm];
  if (fix !== undefined) {
    throw new UserError(
      `The Docker engine's Swarm mode is “${engine.swarm}”.`,
      fix,
      ExitCode.missing,
    );
  }
  return engine.swarm === "inactive";
}

/** The settings that we write for an engine that we install, and look for in any other. */
export const ENGINE_SETTINGS = {
  // What a Swarm service cannot say for itself: no process gains rights that its parent lacks, …
  "no-new-privileges": true,
  // … a container cannot fork without end or hold every file, …
  "default-ulimits": {
    nproc: { Name: "nproc", Soft: 4096, Hard: 4096 },
    nofile: { Name: "nofile", Soft: 65536, Hard: 65536 },
  },
  // … and its log does not fill the disk.
  "log-driver": "json-file",
  "log-opts": { "max-size": "10m", "max-file": "3" },
} as const;

/** The keys of an engine's settings file (`daemon.json`) that fall short, each with the reason. */
export function settingsFindings(settings: Readonly<Record<string, unknown>>): readonly string[] {
  const findings: string[] = [];
  if (settings["no-new-privileges"] !== true) {
    findings.push("no-new-privileges is not true: a process in a container may gain rights");
  }
  const limits = settings["default-ulimits"] as Record<string, unknown> | undefined;
  if (limits?.nproc === undefined) {
    findings.push("default-ulimits has no nproc: a container may start processes without end");
  }
  const driver = settings["log-driver"] ?? "json-file";
  const options = settings["log-opts"] as Record<string, unknown> | undefined;
  // The driver named “local” rotates by itself; drivers that send logs away keep nothing here.
  if (driver === "json-file" && options?.["max-size"] === undefined) {
    findings.push("log-opts has no max-size: containers outside a stack may fill the disk");
  }
  return findings;
}

/** Whether an endpoint such as `unix:///var/run/docker.sock` is on this machine. */
export function isLocalEndpoint(endpoint: string): boolean {
  return endpoint.startsWith("unix://") || endpoint.startsWith("npipe://");
}

/** What to do where an engine somewhere else does not answer. */
export const fixOfRemote = (endpoint: string): string =>
  endpoint.startsWith("ssh://")
    ? `Check that \`ssh ${endpoint.replace("ssh://", "")} docker version\` works without a password.`
    : "Start that engine, or correct its address (DOCKER_HOST, or atalaya:engine in the stack's file).";
