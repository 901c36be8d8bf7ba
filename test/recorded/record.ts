/** Records the states of systems as this version deploys them. usage: record.ts LABEL PLATFORM SYSTEM… */
import { writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { startCluster } from "../support/cluster";
import { freePorts, Workspace } from "../support/workspace";
import { KUBECONFIG, type Platform, PASSPHRASE, previewUpgrade, type Recorded } from "./recorded";

async function main(): Promise<void> {
  const [label, platform, ...systems] = process.argv.slice(2);
  if (label === undefined || !isPlatform(platform) || systems.length === 0) {
    throw new Error("usage: record.ts LABEL swarm|kubernetes SYSTEM…");
  }
  const cluster = platform === "kubernetes" ? await startCluster() : undefined;
  if (cluster !== undefined) {
    process.env["PATH"] = [...cluster.bin, process.env["PATH"]].join(delimiter);
    // Not by the configuration: a cluster's address is no part of a state.
    process.env["KUBECONFIG"] = cluster.kubeconfig;
  }
  try {
    for (const system of systems) await record(label, platform, system);
  } finally {
    await cluster?.stop();
  }
}

async function record(label: string, platform: Platform, system: string): Promise<void> {
  const [http, https] = (await freePorts(2)) as [number, number];
  const config = {
    platform,
    systems: [system],
    ...(platform === "swarm" ? { [system]: { ports: { http, https } } } : {}),
  };
  const stack = await Workspace.create({ config, passphrase: PASSPHRASE });
  try {
    await stack.up();
    const exported = await stack.pulumi("stack", "export", "--stack", stack.stack);
    const kubeconfig = process.env["KUBECONFIG"];
    const recorded: Recorded = {
      stack: stack.stack,
      config,
      state: JSON.parse(
        kubeconfig === undefined ? exported : exported.replaceAll(kubeconfig, KUBECONFIG),
        // Where in this machine's folders a resource was written is nobody's business.
        (key, value: unknown) =>
          key === "sourcePosition" || key === "stackTrace" ? undefined : value,
      ) as Recorded["state"],
    };
    // What this version made, this version leaves as it is: else the record would prove nothing later.
    const { steps } = await previewUpgrade(recorded);
    const changed = steps.map(({ op, urn }) => `${op} ${urn}`);
    // The engine's address is another in that preview.
    const bad = changed.filter((step) => !step.includes("::pulumi:providers:"));
    if (bad.length > 0) throw new Error(`${system} changes at once: ${bad.join(", ")}`);
    const file = join(__dirname, `${label}.${system}.${platform}.json`);
    writeFileSync(file, `${JSON.stringify(recorded)}\n`);
    console.error(`wrote ${file}`);
  } finally {
    await stack.remove();
  }
}

const isPlatform = (name: string | undefined): name is Platform =>
  name === "swarm" || name === "kubernetes";

void main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
