/** Records the state of a system as this version deploys it on Swarm. usage: record.ts LABEL SYSTEM */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts, Workspace } from "../support/workspace";
import { PASSPHRASE, type Recorded } from "./recorded";

async function main(): Promise<void> {
  const [label, system] = process.argv.slice(2);
  if (label === undefined || system === undefined) throw new Error("usage: record.ts LABEL SYSTEM");
  const [http, https] = (await freePorts(2)) as [number, number];
  const config = { systems: [system], [system]: { ports: { http, https } } };
  const stack = await Workspace.create({ config, passphrase: PASSPHRASE });
  try {
    await stack.up();
    const recorded: Recorded = {
      stack: stack.stack,
      config,
      state: JSON.parse(await stack.pulumi("stack", "export", "--stack", stack.stack)) as object,
    };
    const file = join(__dirname, `${label}.${system}.swarm.json`);
    writeFileSync(file, `${JSON.stringify(recorded)}\n`);
    console.error(`wrote ${file}`);
  } finally {
    await stack.remove();
  }
}

void main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
