import { throwIfAny } from "../model/problems";
import type { SecretSource, Surroundings, SystemModel } from "../model/system";
import { portClashes } from "./clashes";
import {
  type Configurable,
  loadConfig,
  type RawConfig,
  type SiteConfig,
  type StackConfig,
} from "./config";
import { ownedImages } from "./images";
import { PLATFORMS } from "./sites";

/** A system as the program offers it: configuration in, description out. */
export interface Deployable<Config = unknown> extends Configurable {
  build(
    config: Config,
    context: {
      profile: SiteConfig["profile"];
      images: ReturnType<typeof ownedImages>;
      surroundings: Surroundings;
      secret: (name: string) => SecretSource | undefined;
      observed: boolean;
      watched?: {
        mode: "lean" | "full";
        systems: readonly SystemModel[];
        address: (system: string, workload: string) => string;
      };
    },
  ): { describe(): SystemModel };
}

/** Everything about a stack that is known without an engine. */
export interface DescribedStack {
  readonly stack: string;
  readonly config: StackConfig;
  readonly systems: readonly SystemModel[];
}

/**
 * Reads a stack's configuration and describes its systems; pure but for reading image folders.
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
  const { profile, platform, registry, monitoring } = config.site;
  const images = ownedImages(registry?.server);
  const { surroundings, instances } = PLATFORMS[platform];
  const systems: SystemModel[] = [];
  // In order: who watches knows all that were described before.
  for (const { name, config: own, secrets } of config.systems) {
    const definition = offered.find((candidate) => candidate.name === name)!;
    const built = definition.build(own, {
      profile,
      images,
      surroundings,
      secret: (key) => secrets[key],
      observed: monitoring !== "off",
      ...(monitoring === "off" || !definition.watches
        ? {}
        : {
            watched: {
              mode: monitoring,
              systems: [...systems],
              address: (system, workload) => instances(stack, system, workload),
            },
          }),
    });
    systems.push(built.describe());
  }
  // On Kubernetes every entrance has an address of its own.
  if (platform === "swarm") throwIfAny(`stack ${stack}`, portClashes(systems));
  return { stack, config, systems };
}
