import cluster from "node:cluster";
import { setTimeout as sleep } from "node:timers/promises";
import { runBot } from "./bot";
import { localBus, workerBus, type Bus } from "./bus";
import { runPrimary } from "./cluster";
import { ConfigError, loadConfig, type Config, type DatabaseConfig } from "./config";
import { connectDependencies } from "./dependencies";
import { Lifecycle } from "./lifecycle";
import { createLogger, safeError, type Logger } from "./log";
import { clusterRegistry, registerProcessMetrics } from "./metrics";
import { migrate } from "./migrate";
import { buildServer } from "./server";

/** Longest time that requests have to finish after the server stopped accepting. */
const FINISH_MS = 10_000;

/** Longest wait for dependencies before the port opens all the same, for whoever asks how it is. */
const FIRST_READY_MS = 5_000;

/** Serves until SIGTERM or SIGINT, then drains. */
async function serve(config: Config, log: Logger, bus: Bus): Promise<number> {
  const dependencies = connectDependencies(config, log);
  const lifecycle = new Lifecycle(dependencies, config.neverReady);
  registerProcessMetrics(config, dependencies);
  const app = await buildServer({ config, log, dependencies, lifecycle, bus });
  // Several workers share one port, and a check reaches any of them: one that listens before it is
  // connected answers 503 although the instance was found ready.
  await Promise.race([dependencies.waitUntilUp(), sleep(FIRST_READY_MS)]);
  await app.listen({ host: config.host, port: config.port });

  const stop = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => {
        stop.abort();
        resolve();
      });
    }
  });
  const bot = config.role === "bot" ? runBot(config.bot, log, stop.signal) : undefined;
  void dependencies.waitUntilUp().then(() => {
    if (!stop.signal.aborted) log.info("dependencies are up");
  });

  await stopped;
  // Readiness is red and answers close their connections, while a gateway that has not noticed
  // yet is still served. Only then are the doors closed.
  // A bot is sent no requests, and the next one waits for this one to be gone.
  const drainSeconds = config.role === "bot" ? 0 : config.drainSeconds;
  log.info({ drainSeconds }, "draining");
  lifecycle.startDraining();
  await sleep(drainSeconds * 1000);
  const force = setTimeout(() => {
    log.warn("requests did not finish in time");
    for (const client of app.websocketServer.clients) client.terminate();
    app.server.closeAllConnections();
  }, FINISH_MS);
  await app.close();
  clearTimeout(force);
  await bot;
  await dependencies.close();
  log.info("stopped");
  return 0;
}

async function runMigration(
  config: Config & { readonly database: DatabaseConfig },
  log: Logger,
): Promise<number> {
  // As the first process of a container it would otherwise ignore the signal.
  process.on("SIGTERM", () => process.exit(143));
  try {
    const ran = await migrate(config, log);
    log.info({ ran }, "database is up to date");
    return 0;
  } catch (err) {
    log.fatal({ err }, "migration failed");
    console.error(err instanceof Error ? err.message : err);
    return 1;
  }
}

function isMigration(config: Config): config is Config & { readonly database: DatabaseConfig } {
  return config.role === "migrate" && config.database !== undefined;
}

async function main(): Promise<number> {
  const [command, ...rest] = process.argv.slice(2);
  if ((command !== undefined && command !== "migrate") || rest.length > 0) {
    console.error("usage: node dist/main.js [migrate]");
    return 2;
  }
  if (process.env["BREAK"] === "start") {
    console.error("this version is broken on purpose: BREAK=start");
    return 1;
  }
  const config = loadConfig(process.env, command);
  const worker = cluster.worker?.id;
  const log = createLogger(config, worker);
  dieLoudly(log);
  if (isMigration(config)) return runMigration(config, log);
  if (config.workers > 1 && cluster.isPrimary) return runPrimary(config, log);
  if (worker !== undefined) {
    clusterRegistry();
    return serve(config, log, workerBus());
  }
  const bus = localBus();
  bus.onBroadcast((message) => {
    if (message.kind === "exit") process.exit(message.code);
  });
  return serve(config, log, bus);
}

/** An error that nobody caught leaves an unknown state: better a new process. */
function dieLoudly(log: Logger): void {
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (err: unknown) => {
      log.fatal({ err }, event);
      process.exit(1);
    });
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof ConfigError ? error.message : JSON.stringify(safeError(error)));
    process.exit(1);
  },
);
