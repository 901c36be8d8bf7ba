import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { runnables } from "../../model/system";
import { swarm, type SwarmSite } from "../../platforms/swarm/swarm";
import type { Target } from "../atalaya";
import type { DescribedStack } from "../describe";
import { ownedImages } from "../images";
import { reportOrThrow } from "../report";
import { swarmSite } from "../sites";
import { preflight } from "./preflight";
import { type RegisteredSystem, registerSwarm } from "./register";

export interface SwarmArgs {
  readonly site: SwarmSite;
  /** The engine. @default the one of DOCKER_HOST or the local socket */
  readonly provider?: docker.Provider;
  /** References with digests, by reference. @default none */
  readonly pinned?: ReadonlyMap<string, string>;
  /** Registry that our own images are pulled from, with its credentials. */
  readonly registry?: { server: string; username: string; password: pulumi.Output<string> };
}

/** Docker Swarm as the place of a system. */
export function onSwarm(args: SwarmArgs): Target {
  const placed = new Map<string, RegisteredSystem>();
  return {
    place(system, context) {
      const { objects, notices } = swarm.lower(system, args.site);
      const registered = registerSwarm(objects, {
        ...context,
        others: placed,
        pinned: args.pinned ?? new Map(),
        provider:
          args.provider ??
          new docker.Provider(`${context.system}-engine`, {}, { parent: context.owner }),
        ...(args.registry === undefined ? {} : { registry: args.registry }),
      });
      placed.set(system.name, registered);
      return notices;
    },
  };
}

/**
 * The engine that a stack's configuration names, asked for everything that is missing.
 * @throws ProblemsError when an `up` could not succeed
 */
export async function prepareSwarm({ stack, config, systems }: DescribedStack): Promise<Target> {
  const { engine, registry, dataNode } = config.site;
  const site = swarmSite(stack, config.site, ownedImages(registry?.server));
  const { problems, pinned } = await preflight({
    ...(engine === undefined ? {} : { engine }),
    images: [
      ...new Set([
        site.images.front,
        ...systems.flatMap((system) => runnables(system).map(({ image }) => image)),
      ]),
    ],
    registry: registry !== undefined,
    ...(dataNode === undefined ? {} : { dataNode }),
  });
  await reportOrThrow("the engine is not ready", problems);
  const password = config.sensitive.get("registryPassword");
  return onSwarm({
    site,
    provider: new docker.Provider("engine", engine === undefined ? {} : { host: engine }),
    pinned,
    ...(registry === undefined || password === undefined
      ? {}
      : { registry: { ...registry, password: pulumi.secret(password) } }),
  });
}
