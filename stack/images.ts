import { catalog, type ImageName, imageTag } from "../images/catalog";
import { runnables } from "../model/system";
import type { DescribedStack } from "./describe";

/**
 * References of the images that we own, by the content of their folders: a changed Dockerfile is
 * another tag, and an unchanged one is never built or pulled again.
 * @param registry where the engine pulls from @default what the engine has
 */
export function ownedImages(registry?: string): Record<ImageName, string> {
  const entries = catalog.map(({ name }) => [name, imageTag(name, registry)] as const);
  return Object.fromEntries(entries) as Record<ImageName, string>;
}

/** Those of our images that a stack runs. */
export function usedImages({ config, systems }: DescribedStack): ImageName[] {
  const { platform, registry } = config.site;
  const run = new Set(systems.flatMap((model) => runnables(model).map(({ image }) => image)));
  return catalog
    .map(({ name }) => name)
    .filter(
      (name) =>
        run.has(imageTag(name, registry?.server)) || (name === "front" && platform === "swarm"),
    );
}
