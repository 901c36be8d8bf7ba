import type { BackupsArgs } from "../model/backup";
import { type LogFiles, LOGS } from "../model/observability";
import { throwIfAny } from "../model/problems";
import type { SecretSource, Surroundings, SystemModel } from "../model/system";
import { unknownRestored } from "./backups";
import { portClashes } from "./clashes";
import {
  type Configurable,
  loadConfig,
  type RawConfig,
  type SiteConfig,
  type StackConfig,
} from "./config";
import { ownedImages } from "./images";
import { reserve } from "./reservations";
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
      handedOver: boolean;
      logged: boolean;
      backups?: BackupsArgs;
      watched?: {
        mode: "lean" | "full";
        systems: readonly SystemModel[];
        address: (system: string, workload: string) => string;
        containers: (system: string, workload: string) => string;
        logFiles: LogFiles;
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
  const { surroundings, instances, containers, logFiles } = PLATFORMS[platform];
  const systems: SystemModel[] = [];
  // In order: who watches knows all that were described before.
  for (const { name, config: own, secrets } of config.systems) {
    const definition = offered.find((candidate) => candidate.name === name)!;
    const built = definition.build(own, {
      profile,
      images,
      surroundings: {
        ...surroundings,
        ...(config.site.kubernetes.certManager === undefined ? {} : { issuesCertificates: true }),
      },
      secret: (key) => secrets[key],
      observed: monitoring !== "off",
      handedOver: config.site.kubernetes.prometheusOperator !== undefined,
      logged: config.systems.some((system) => system.name === LOGS.system),
      ...(config.backups === undefined ? {} : { backups: { stack, ...config.backups } }),
      ...(monitoring === "off" || !definition.watches
        ? {}
        : {
            watched: {
              mode: monitoring,
              systems: [...systems],
              address: (system, workload) => instances(stack, system, workload),
              containers: (system, workload) => containers(stack, system, workload),
              logFiles: logFiles(stack),
            },
          }),
    });
    systems.push(reserve(built.describe(), profile));
  }
  throwIfAny(`stack ${stack}`, unknownRestored(config.backups?.restored, systems));
  // On Kubernetes every entrance has an address of its own.
  if (platform === "swarm") throwIfAny(`stack ${stack}`, portClashes(systems));
  return { stack, config, systems };
}
