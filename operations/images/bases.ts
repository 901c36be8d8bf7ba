import { type BaseName, type MonitoringBase } from "../../images/catalog";
import { type BaseArguments } from "./builder";
import { type Docker, engineArchitecture, hasImage, pull } from "./docker";
import {
  collectorStandIn,
  debianStandIn,
  goStandIn,
  mongoStandIn,
  monitoringStandIn,
  nodeStandIns,
  resticStandIn,
  type StandInContext,
} from "./standin";
import { type Steps } from "./steps";

/** The images that the Dockerfiles name by default. A unit test compares. */
export const officialBases: Readonly<Record<BaseName, string>> = {
  DEBIAN_IMAGE: "debian:bookworm-slim",
  DEBIAN_13_IMAGE: "debian:trixie-slim",
  GO_IMAGE: "golang:1.26-bookworm",
  NODE_IMAGE: "node:22-bookworm-slim",
  MONGO_IMAGE: "mongo:8.0",
  RESTIC_IMAGE: "restic/restic:0.18.1",
  COLLECTOR_IMAGE: "otel/opentelemetry-collector-contrib:0.160.0",
  PROMETHEUS_IMAGE: "prom/prometheus:v3.5.0",
  ALERTMANAGER_IMAGE: "prom/alertmanager:v0.28.1",
  NODE_EXPORTER_IMAGE: "prom/node-exporter:v1.9.1",
  BLACKBOX_EXPORTER_IMAGE: "prom/blackbox-exporter:v0.28.0",
  POSTGRES_EXPORTER_IMAGE: "quay.io/prometheuscommunity/postgres-exporter:v0.19.1",
  REDIS_EXPORTER_IMAGE: "oliver006/redis_exporter:v1.69.0",
};

/** One stand-in has the programs of them all, of the same versions. */
const MONITORING: readonly MonitoringBase[] = [
  "PROMETHEUS_IMAGE",
  "ALERTMANAGER_IMAGE",
  "NODE_EXPORTER_IMAGE",
  "BLACKBOX_EXPORTER_IMAGE",
  "POSTGRES_EXPORTER_IMAGE",
  "REDIS_EXPORTER_IMAGE",
];

/** What a stand-in does not do that the official image does. */
const limits: Partial<Record<BaseName, string>> = {
  MONGO_IMAGE: " (FerretDB: rights are not enforced, there are no transactions)",
  PROMETHEUS_IMAGE: " (it answers questions, and has no pages)",
};

/** How long a registry may take to begin its answer. */
export const PATIENCE_MS = 15_000;

/**
 * Makes sure that the base images are in the engine. Each official one that is neither there nor
 * can be pulled is replaced by a stand-in that is made from packages on this machine; the steps
 * say so, and why.
 *
 * @throws UserError when a stand-in cannot be made here, with what to install.
 */
export async function provideBases(
  engine: Docker,
  names: readonly BaseName[],
  steps: Steps,
  context: Omit<StandInContext, "engine" | "steps" | "architecture">,
): Promise<BaseArguments> {
  const missing = new Map<BaseName, string>();
  await steps.run("base images", { estimateSeconds: 60 }, async (say) => {
    await Promise.all(
      [...new Set(names)].map(async (name) => {
        const reference = officialBases[name];
        if (await hasImage(engine, reference)) return;
        const pulled = await pull(reference, PATIENCE_MS);
        if (!pulled.ok) missing.set(name, pulled.reason);
      }),
    );
    for (const [name, reason] of missing) {
      say(
        `${officialBases[name]} cannot be pulled (${reason}): a stand-in takes its place${limits[name] ?? ""}`,
      );
    }
  });
  if (missing.size === 0) return {};

  const standIn: StandInContext = {
    ...context,
    engine,
    steps,
    architecture: await engineArchitecture(engine),
  };
  const chosen: Record<string, string> = {};
  const debian = await debianFor(standIn, "DEBIAN_IMAGE");
  if (missing.has("DEBIAN_IMAGE")) chosen.DEBIAN_IMAGE = debian;
  if (missing.has("DEBIAN_13_IMAGE")) {
    chosen.DEBIAN_13_IMAGE = await debianFor(standIn, "DEBIAN_13_IMAGE");
  }
  if (missing.has("GO_IMAGE")) chosen.GO_IMAGE = await goStandIn(standIn, debian);
  if (missing.has("NODE_IMAGE")) {
    const node = await nodeStandIns(standIn, debian);
    chosen.NODE_IMAGE = node.run;
    chosen.NODE_BUILD_IMAGE = node.build;
  }
  if (missing.has("MONGO_IMAGE")) {
    // Asked for as well: what is built on this base has a program of ours in Go.
    const go = chosen.GO_IMAGE ?? officialBases.GO_IMAGE;
    chosen.MONGO_IMAGE = await mongoStandIn(standIn, debian, go);
  }
  if (missing.has("RESTIC_IMAGE")) {
    // Whatever takes it has a program in Go, too.
    const go = chosen.GO_IMAGE ?? officialBases.GO_IMAGE;
    chosen.RESTIC_IMAGE = await resticStandIn(standIn, go);
  }
  if (missing.has("COLLECTOR_IMAGE")) {
    chosen.COLLECTOR_IMAGE = await collectorStandIn(standIn, await goFor(standIn, debian));
  }
  const watching = MONITORING.filter((name) => missing.has(name));
  if (watching.length > 0) {
    const debian13 = await debianFor(standIn, "DEBIAN_13_IMAGE");
    const monitoring = await monitoringStandIn(standIn, debian13, await goFor(standIn, debian));
    for (const name of watching) chosen[name] = monitoring;
  }
  return chosen;
}

const RELEASES = { DEBIAN_IMAGE: "bookworm", DEBIAN_13_IMAGE: "trixie" } as const;

/** What stand-ins are made on: it is there, or made. */
async function debianFor(standIn: StandInContext, name: keyof typeof RELEASES): Promise<string> {
  const there = await hasImage(standIn.engine, officialBases[name]);
  return there ? officialBases[name] : debianStandIn(standIn, RELEASES[name]);
}

/** What stand-ins are compiled with. Nobody asked for it: it is there, or made. */
async function goFor(standIn: StandInContext, debian: string): Promise<string> {
  const there = await hasImage(standIn.engine, officialBases.GO_IMAGE);
  return there ? officialBases.GO_IMAGE : goStandIn(standIn, debian);
}
