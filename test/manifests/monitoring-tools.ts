import { join } from "node:path";
import { must } from "../../operations/process";
import { BUILD_MS, made, needGo } from "../../operations/setup/parts";

/** The programs that watch and judge, by their official names. */
export type MonitoringProgram =
  "alertmanager" | "amtool" | "blackbox_exporter" | "prometheus" | "promtool";

/** What the stand-in for their images is built from: the versions that people get. */
const SOURCES = join(__dirname, "..", "..", "operations", "images", "standins", "monitoring");

/**
 * Path of a program; all are built when the first is asked for.
 * @throws Error that says what this machine lacks
 */
export async function program(name: MonitoringProgram): Promise<string> {
  const monitoring = { name: "monitoring", sources: SOURCES, kept: "manifests" };
  const folder = await made(monitoring, async (into) => {
    await needGo(monitoring.name);
    await must("sh", [join(SOURCES, "build"), into], { timeoutMs: BUILD_MS });
  });
  return join(folder, name);
}
