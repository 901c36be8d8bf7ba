import { existsSync, readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import type { Document } from "yaml";
import { formatProblem, ProblemsError } from "../model/problems";
import type { SystemModel } from "../model/system";
import { Atalaya, type Target } from "./atalaya";
import type { RawConfig } from "./config";
import { type Deployable, type DescribedStack, describeStack } from "./describe";

export { Atalaya } from "./atalaya";
export type { Deployable } from "./describe";

/** What `pulumi stack output` shows. */
export interface StackOutputs {
  /** Addresses by the system and the host behind it. */
  readonly urls: Record<string, string>;
  /** Where people find the credentials: hints, never the credentials. */
  readonly credentials: readonly string[];
  /** Passwords by system and name, encrypted: `pulumi stack output passwords --show-secrets`. */
  readonly passwords: pulumi.Output<Record<string, Record<string, string>>>;
}

/** The Pulumi program: reads the stack's configuration, creates its systems, returns its outputs. */
export async function deploy(
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as for describeStack
  offered: readonly Deployable<any>[],
): Promise<StackOutputs> {
  try {
    const described = describeStack(pulumi.getStack(), pulumiConfig(), offered);
    const { config, systems } = described;
    for (const notice of config.notices) void pulumi.log.warn(formatProblem(notice));
    const platform = await target(described);
    const made: Atalaya[] = [];
    for (const system of systems) {
      const { watches } = offered.find(({ name }) => name === system.name)!;
      // Who watches what is not there yet, or not any more, raises an alarm for nothing.
      const after = watches ? [...made] : [];
      made.push(new Atalaya(system.name, { system, platform, sensitive: config.sensitive, after }));
    }
    return {
      urls: addresses(systems),
      credentials: [
        "pulumi stack output passwords --show-secrets   (npx atalaya pulumi … where it is not on PATH)",
      ],
      passwords: pulumi.secret(
        pulumi.all(Object.fromEntries(made.map((m, i) => [systems[i]!.name, m.credentials]))),
      ),
    };
  } catch (error) {
    // A person's mistake is told as it is, without the stack of calls that found it.
    if (!(error instanceof ProblemsError)) throw error;
    const told = new pulumi.RunError(error.message);
    // Pulumi inspects an error that has a stack, for its own trace, and that takes half a minute here.
    delete told.stack;
    throw told;
  }
}

/** One address a host; the system's name alone where it has only one. */
function addresses(systems: readonly SystemModel[]): Record<string, string> {
  return Object.fromEntries(
    systems.flatMap(({ name, endpoints }) =>
      endpoints.map(({ url }) => [
        endpoints.length === 1 ? name : `${name} ${new URL(url).hostname}`,
        url,
      ]),
    ),
  );
}

/* eslint-disable @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports --
   Only the chosen platform's SDK is loaded: each costs a tenth of a second of everybody's preview. tsx
   compiles what require() asks for, and not what import() does. */
function target(described: DescribedStack): Promise<Target> {
  switch (described.config.site.platform) {
    case "swarm":
      return (require("./swarm/target") as typeof import("./swarm/target")).prepareSwarm(described);
    case "kubernetes":
      return (
        require("./kubernetes/target") as typeof import("./kubernetes/target")
      ).prepareKubernetes(described);
  }
}
/* eslint-enable @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports */

function pulumiConfig(): RawConfig {
  const prefix = `${pulumi.getProject()}:`;
  const own = Object.entries(pulumi.runtime.allConfig()).filter(([key]) => key.startsWith(prefix));
  // The language host says so in the environment; the SDK's own reader of it is internal.
  const encrypted = new Set(
    JSON.parse(process.env["PULUMI_CONFIG_SECRET_KEYS"] ?? "[]") as readonly string[],
  );
  let file: Document | undefined;
  return {
    values: Object.fromEntries(own.map(([key, value]) => [key.slice(prefix.length), value])),
    isSecret: (key, path = []) => {
      if (!encrypted.has(`${prefix}${key}`)) return false;
      // One encrypted value makes the whole key a secret; the file tells which of its parts are.
      file ??= stackFile();
      const value: unknown = file?.getIn(["config", `${prefix}${key}`, ...path, "secure"]);
      return file === undefined || path.length === 0 || value !== undefined;
    },
  };
}

/** The stack's own file, where it is in its usual place. Read only where it is needed, with its parser. */
function stackFile(): Document | undefined {
  const name = `Pulumi.${pulumi.getStack()}.yaml`;
  if (!existsSync(name)) return undefined;
  // eslint-disable-next-line @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports -- see target()
  const { parseDocument } = require("yaml") as typeof import("yaml");
  return parseDocument(readFileSync(name, "utf8"));
}
