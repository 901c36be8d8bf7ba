import { existsSync, readFileSync } from "node:fs";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { parseDocument } from "yaml";
import { formatProblems, ProblemsError, throwIfAny } from "../model/problems";
import type { SystemModel } from "../model/system";
import type { Site } from "../platforms/platform";
import { Atalaya } from "./atalaya";
import { type Configurable, loadConfig, type RawConfig, type StackConfig } from "./config";
import { portClashes } from "./clashes";
import { ownedImages } from "./images";
import { preflight } from "./preflight";

export { Atalaya } from "./atalaya";

/** A system as the program offers it: configuration in, description out. */
export interface Deployable<Config = unknown> extends Configurable {
  build(
    config: Config,
    context: {
      profile: StackConfig["site"]["profile"];
      images: Images;
      secret: (name: string) => StackConfig["systems"][number]["secrets"][string] | undefined;
    },
  ): { describe(): SystemModel };
}

type Images = ReturnType<typeof ownedImages>;

/** Everything about a stack that is known without an engine; pure but for reading image folders. */
export interface DescribedStack {
  readonly site: Site;
  readonly config: StackConfig;
  readonly systems: readonly SystemModel[];
}

/**
 * Reads a stack's configuration and describes its systems.
 * @throws ProblemsError with everything that is wrong
 */
export function describeStack(
  stack: string,
  raw: RawConfig,
  // A definition takes the configuration that its own schema made: the pairing is by construction.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  offered: readonly Deployable<any>[],
): DescribedStack {
  const config = loadConfig(raw, offered);
  const images = ownedImages(config.site.registry?.server);
  const systems = config.systems.map(({ name, config: own, secrets }) =>
    offered
      .find((definition) => definition.name === name)!
      .build(own, { profile: config.site.profile, images, secret: (key) => secrets[key] })
      .describe(),
  );
  throwIfAny(`stack ${stack}`, portClashes(systems));
  const site: Site = {
    stack,
    images: { front: images.front },
    ...(config.site.dataNode === undefined ? {} : { dataNode: config.site.dataNode }),
  };
  return { site, config, systems };
}

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
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  offered: readonly Deployable<any>[],
): Promise<StackOutputs> {
  try {
    const described = describeStack(pulumi.getStack(), pulumiConfig(), offered);
    const { site, config, systems } = described;
    const pinned = await checkEngine(described);
    const { engine } = config.site;
    const provider = new docker.Provider("engine", engine === undefined ? {} : { host: engine });
    const password = config.sensitive.get("registryPassword");
    const made = systems.map(
      (system) =>
        new Atalaya(system.name, {
          system,
          platform: config.site.platform,
          site,
          sensitive: config.sensitive,
          provider,
          pinned,
          ...(config.site.registry === undefined || password === undefined
            ? {}
            : { registry: { ...config.site.registry, password: pulumi.secret(password) } }),
        }),
    );
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

/** Before any resource is touched: everything that is missing, in one message. */
async function checkEngine({
  config,
  systems,
  site,
}: DescribedStack): Promise<ReadonlyMap<string, string>> {
  const images = new Set([
    site.images.front,
    ...systems.flatMap((s) => [...s.workloads, ...s.jobs, ...s.schedules].map((w) => w.image)),
  ]);
  const { problems, pinned } = await preflight({
    ...(config.site.engine === undefined ? {} : { engine: config.site.engine }),
    images: [...images],
    registry: config.site.registry !== undefined,
    ...(config.site.dataNode === undefined ? {} : { dataNode: config.site.dataNode }),
  });
  const heading = "the engine is not ready";
  // A preview shows what would be; only `up` needs everything in place.
  if (pulumi.runtime.isDryRun() && problems.length > 0) {
    await pulumi.log.warn(formatProblems(heading, problems));
  } else throwIfAny(heading, problems);
  return pinned;
}

function pulumiConfig(): RawConfig {
  const prefix = `${pulumi.getProject()}:`;
  const own = Object.entries(pulumi.runtime.allConfig()).filter(([key]) => key.startsWith(prefix));
  // The language host says so in the environment; the SDK's own reader of it is internal.
  const encrypted = new Set(
    JSON.parse(process.env["PULUMI_CONFIG_SECRET_KEYS"] ?? "[]") as readonly string[],
  );
  const file = stackFile();
  return {
    values: Object.fromEntries(own.map(([key, value]) => [key.slice(prefix.length), value])),
    isSecret: (key, path = []) => {
      if (!encrypted.has(`${prefix}${key}`)) return false;
      // One encrypted value makes the whole key a secret; the file tells which of its parts are.
      const value: unknown = file?.getIn(["config", `${prefix}${key}`, ...path, "secure"]);
      return file === undefined || path.length === 0 || value !== undefined;
    },
  };
}

/** The stack's own file, where it is in its usual place. */
function stackFile(): ReturnType<typeof parseDocument> | undefined {
  const name = `Pulumi.${pulumi.getStack()}.yaml`;
  return existsSync(name) ? parseDocument(readFileSync(name, "utf8")) : undefined;
}
