import { spawn } from "node:child_process";
import { existsSync, openSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

import { ExitCode, UserError } from "../errors";
import { confirm, say } from "../output";
import { attach, type Environment, must, onPath, run } from "../process";
import type { StepControl } from "../steps";
import {
  ENGINE_SETTINGS,
  engineFacts,
  type EngineFacts,
  fixOfRemote,
  isLocalEndpoint,
  needsSwarmInit,
} from "./engine-facts";

/** Where a Linux engine reads its settings. */
export const SETTINGS_FILE = "/etc/docker/daemon.json";

/** The packages that make an engine on Debian and Ubuntu. */
const PACKAGES = ["docker.io", "iptables"] as const;

/** An engine that answers. */
export interface Engine {
  /** `unix://…`, `tcp://…` or `ssh://…`. */
  readonly endpoint: string;
  readonly facts: EngineFacts;
  /**
   * For every command that talks to the engine. Pulumi's docker plugin knows DOCKER_HOST but not the
   * docker command's contexts, so the endpoint of the current context goes there.
   */
  readonly env: Environment;
}

/** Where an engine on this machine answers unless it was told otherwise. */
const DEFAULT_ENDPOINT = "unix:///var/run/docker.sock";

/** The engine's address: the stack's, else DOCKER_HOST, else the docker command's current context. */
export async function findEndpoint(configured: string | undefined): Promise<string> {
  if (configured !== undefined) return configured;
  if (process.env.DOCKER_HOST) return process.env.DOCKER_HOST;
  const context = await run("docker", [
    "context",
    "inspect",
    "--format",
    "{{.Endpoints.docker.Host}}",
  ]);
  return (context.code === 0 && context.stdout.trim()) || DEFAULT_ENDPOINT;
}

/**
 * Asks the engine about itself.
 *
 * @param configured its address in the stack's configuration
 * @returns the engine, or in plain words why none answers.
 */
export async function findEngine(
  configured?: string,
): Promise<Engine | { readonly endpoint: string; readonly why: string }> {
  const endpoint = await findEndpoint(configured);
  // The provider's inputs hold DOCKER_HOST where it is set: naming the default as well would show as a
  // change to whoever runs Pulumi without us.
  const env = endpoint === DEFAULT_ENDPOINT ? {} : { DOCKER_HOST: endpoint };
  const info = await run("docker", ["info", "--format", "{{json .}}"], {
    env,
    timeoutMs: isLocalEndpoint(endpoint) ? 15_000 : 45_000,
  });
  if (info.code === 127) return { endpoint, why: "the `docker` command is not installed" };
  const facts = engineFacts(info.stdout);
  if (facts) return { endpoint, facts, env };
  if (info.code === 124) return { endpoint, why: "no answer in time" };
  const said = info.stderr.trim().split("\n").at(-1) ?? "";
  // The question at its end is for people; a full stop follows here.
  const why = said.replace(/ Is the docker daemon running\?$/, "").replace(/\.$/, "");
  return { endpoint, why: why || "no answer" };
}

const MAY_NOT = /permission denied/i;

/** An engine that runs and does not let this user in. */
const mayNot = (endpoint: string, fix: string): UserError =>
  new UserError(
    `The Docker engine at ${endpoint} runs, but ${userInfo().username} may not use it.`,
    `${fix}log in again, or open a shell by \`newgrp docker\`, and run this again. Whoever is in the group docker ` +
      "can become root on this machine.",
    ExitCode.missing,
  );

/**
 * Finds an engine; where none answers, offers to install and start the distribution's.
 *
 * @param yes do so without asking
 * @param configured its address in the stack's configuration
 * @throws UserError that says exactly what to do, when there is no engine to be had.
 */
export async function ensureEngine(yes: boolean | undefined, configured?: string): Promise<Engine> {
  const found = await findEngine(configured);
  if ("facts" in found) return found;
  const { endpoint, why } = found;
  if (process.env.DOCKER_HOST || configured !== undefined || !isLocalEndpoint(endpoint)) {
    throw new UserError(
      `The Docker engine at ${endpoint} does not answer: ${why}.`,
      fixOfRemote(endpoint),
      ExitCode.missing,
    );
  }
  if (MAY_NOT.test(why)) throw mayNot(endpoint, "Run `sudo usermod -aG docker $USER`, then ");
  const sudo = await asRoot();
  if (!isDebian() || sudo === undefined) {
    throw new UserError(
      `No Docker engine answers at ${endpoint}: ${why}.`,
      "Install one (https://docs.docker.com/engine/install), start it, and make sure that you may use it:\n" +
        "  sudo apt-get install docker.io iptables && sudo systemctl start docker && sudo usermod -aG docker $USER",
      ExitCode.missing,
    );
  }
  const installed = (await onPath("dockerd", systemPath())) !== undefined;
  const what = installed
    ? "start the Docker engine of this machine"
    : `install ${PACKAGES.join(" and ")} with apt-get and start the engine (about a minute)`;
  say(`No Docker engine answers at ${endpoint}: ${why}.`);
  if (!(await confirm(`Shall I ${what}?`, yes))) {
    throw new UserError(
      "There is no Docker engine to work with.",
      `Run this again with --yes and I ${what}, or do it yourself:\n` +
        "  sudo apt-get install docker.io iptables && sudo systemctl start docker",
      ExitCode.missing,
    );
  }
  say(`I ${what}.`);
  if (!installed) await install(sudo);
  await start(sudo);
  const started = await waitForEngine();
  if ("facts" in started) return started;
  if (MAY_NOT.test(started.why)) {
    await root(sudo, ["usermod", "-aG", "docker", userInfo().username]);
    throw mayNot(endpoint, "You are in the group docker from your next login on: ");
  }
  throw new UserError(
    "The Docker engine was started but does not answer within 60 s.",
    `Look at ${DAEMON_LOG} or \`journalctl -u docker\`.`,
  );
}

/** Debian keeps dockerd in /usr/sbin, which is not on every user's PATH. */
function systemPath(): Environment {
  return { PATH: `${process.env.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin` };
}

/** The words to put before a command so that it runs as root; undefined where there is no way. */
async function asRoot(): Promise<readonly string[] | undefined> {
  if (process.getuid?.() === 0) return [];
  const allowed = await run("sudo", ["-n", "true"]);
  if (allowed.code === 0) return ["sudo", "-n"];
  // Somebody is there whom it can ask.
  return allowed.code !== 127 && process.stdin.isTTY ? ["sudo"] : undefined;
}

function isDebian(): boolean {
  if (process.platform !== "linux" || !existsSync("/etc/os-release")) return false;
  const release = readFileSync("/etc/os-release", "utf8");
  return /^ID(_LIKE)?="?.*\b(debian|ubuntu)\b/m.test(release);
}

/**
 * Runs a command as root, on this terminal: that is where sudo asks for a password, and whom it remembers then.
 *
 * @throws UserError when it fails; it has said why
 */
async function root(sudo: readonly string[], command: readonly string[]): Promise<void> {
  const settings = Object.entries({ ...systemPath(), DEBIAN_FRONTEND: "noninteractive" });
  const [name, ...args] = [...sudo, "env", ...settings.map((of) => of.join("=")), ...command];
  if ((await attach(name!, args, { quietStdout: true })) === 0) return;
  throw new UserError(`As root, \`${command.join(" ")}\` failed; see above.`, "Correct the cause.");
}

async function install(sudo: readonly string[]): Promise<void> {
  // Before the package: it starts the engine where systemd runs, and the settings count from then on.
  if (!existsSync(SETTINGS_FILE)) {
    say(`Writing ${SETTINGS_FILE}: no new privileges, process limits, log rotation.`);
    await writeAsRoot(sudo, SETTINGS_FILE, `${JSON.stringify(ENGINE_SETTINGS, null, 2)}\n`);
  }
  await root(sudo, ["apt-get", "update", "-qq"]);
  await root(sudo, ["apt-get", "install", "-y", "-qq", "--no-install-recommends", ...PACKAGES]);
}

const writeAsRoot = (sudo: readonly string[], file: string, text: string): Promise<void> =>
  root(sudo, [
    ...["sh", "-c", 'mkdir -p "$(dirname "$1")" && printf %s "$2" >"$1"', "sh"],
    ...[file, text],
  ]);

const DAEMON_LOG = "/var/log/atalaya-dockerd.log";

async function start(sudo: readonly string[]): Promise<void> {
  if (existsSync("/run/systemd/system")) {
    await root(sudo, ["systemctl", "enable", "--now", "docker"]);
    return;
  }
  say(`systemd does not run here: starting dockerd in the background (log: ${DAEMON_LOG}).`);
  if (sudo.length > 0) {
    await root(sudo, ["sh", "-c", `setsid nohup dockerd >>${DAEMON_LOG} 2>&1 </dev/null &`]);
    return;
  }
  const log = openSync(DAEMON_LOG, "a", 0o600);
  const daemon = spawn("dockerd", [], {
    env: { ...process.env, ...systemPath() },
    stdio: ["ignore", log, log],
    detached: true,
  });
  // It outlives this process; dockerd itself keeps /var/run/docker.pid.
  daemon.on("error", () => undefined);
  daemon.unref();
}

/** @returns the engine, or why none answers: none does within a minute, or it does not let this user in. */
async function waitForEngine(): Promise<Engine | { readonly why: string }> {
  const until = Date.now() + 60_000;
  for (;;) {
    const found = await findEngine();
    if ("facts" in found || MAY_NOT.test(found.why) || Date.now() >= until) return found;
    await sleep(1_000);
  }
}

/**
 * Initialises Swarm mode where it is not active, after saying so.
 *
 * @throws UserError for a node that cannot manage its swarm.
 */
export async function ensureSwarm(engine: Engine, control: StepControl): Promise<void> {
  if (!needsSwarmInit(engine.facts)) {
    const { nodes } = engine.facts;
    control.done(
      `Docker ${engine.facts.version}, Swarm with ${nodes} node${nodes === 1 ? "" : "s"}`,
    );
    return;
  }
  control.progress("Swarm mode is off: initialising it on this node, reachable from itself only");
  // Loopback: a swarm of one node needs no port on any network, and no choice between addresses.
  // To add nodes later: `docker swarm leave --force` after `atalaya down`, then init with an address.
  await must(
    "docker",
    ["swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:2377"],
    { env: engine.env, fix: "`docker info` tells more about the engine's Swarm mode." },
  );
  control.done(`Docker ${engine.facts.version}, Swarm initialised (one node)`);
}

/** The engine's settings, where its file can be read: a local engine's alone. */
export function readSettings(file = SETTINGS_FILE): Readonly<Record<string, unknown>> | undefined {
  if (!existsSync(file)) return {};
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
