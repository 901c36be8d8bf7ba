import type { ImageName } from "../../images/catalog";
import { ProblemsError } from "../../model/problems";
import type { DescribedStack } from "../../stack/describe";
import { ExitCode, UserError } from "../errors";
import { PATIENCE_MS } from "../images/bases";
import {
  buildMissing,
  type ImageProgress,
  type ImageResult,
  type ImageState,
  listImages,
  type Registry,
} from "../images/build";
import { docker, hasImage, pull, type Pulled } from "../images/docker";
import { duration } from "../output";
import { root } from "../project";
import type { StepControl } from "../steps";
import { describedStack } from "./described";
import { configuredPlatform, configuredRegistry } from "./stack-file";

/**
 * Builds the images that we own and the stack runs, where the engine lacks them. With a registry in the stack's
 * configuration they are handed to it too, so that every node of the engine's swarm can pull them.
 *
 * @param options.stack its configuration names the systems and the registry; without one it is all
 * images and no registry
 */
export async function buildImages(
  control: StepControl,
  options: {
    readonly stack: string | undefined;
    readonly yes: boolean;
    /** Ends with an error where there is no registry to push to. */
    readonly push?: boolean;
  },
): Promise<readonly ImageResult[]> {
  const registry = options.stack === undefined ? undefined : await registryOf(options.stack);
  if (options.push && registry === undefined) {
    throw new UserError(
      "There is no registry to push to.",
      "Name one in the stack's configuration:\n" +
        "  pulumi config set --path registry.server registry.example.org\n" +
        "  pulumi config set --path registry.username <user>\n" +
        "  pulumi config set --secret registryPassword",
      ExitCode.usage,
    );
  }
  const only = options.stack === undefined ? undefined : imagesUsedBy(options.stack);
  const others = options.stack === undefined ? [] : othersUsedBy(options.stack);
  // Before anything is built: a person has to decide.
  await provideOthers(others, {
    has: (image) => hasImage(docker(), image),
    pull: (image) => pull(image, PATIENCE_MS),
  });
  const images = await buildMissing({
    yes: options.yes,
    ...(only === undefined ? {} : { only }),
    progress: (progress) => control.progress(progressLine(progress)),
    ...(registry === undefined ? {} : { registry }),
  });
  control.done(summaryOf(images));
  return images;
}

/** The images that we own and the stack runs, by the names that it runs them by. */
export async function imagesOf(stack: string): Promise<readonly ImageState[]> {
  const used = imagesUsedBy(stack);
  const all = await listImages(configuredRegistry(root, stack)?.server);
  return all.filter(({ name }) => used?.includes(name) ?? true);
}

/** An official image that a stack runs as it is: nothing of ours takes its place. */
export interface OtherImage {
  readonly image: string;
  /** What to do without it. */
  readonly without: readonly string[];
}

/** Those that follow from a stack's description. */
export function otherImages({
  stack,
  systems,
}: Pick<DescribedStack, "stack" | "systems">): OtherImage[] {
  const set = `npx atalaya pulumi -s ${stack} config set --path`;
  const without: Readonly<Record<string, readonly string[]>> = {
    Grafana: [
      `name a mirror (${set} observability.grafanaImage <reference>)`,
      `do without dashboards (${set} observability.dashboards false)`,
    ],
    LogStore: [
      `name a mirror (${set} logs.image <reference>)`,
      `do without logs (npx atalaya pulumi -s ${stack} config set logs off)`,
    ],
  };
  return systems.flatMap(({ components, workloads }) =>
    workloads.flatMap(({ component, image }) => {
      const { kind = "" } = components.find(({ name }) => name === component) ?? {};
      const instead = without[kind];
      return instead === undefined ? [] : [{ image, without: instead }];
    }),
  );
}

/**
 * Has the engine pull what it lacks of them.
 * @throws UserError for one that it cannot have, with what to do without
 */
export async function provideOthers(
  others: readonly OtherImage[],
  engine: {
    readonly has: (image: string) => Promise<boolean>;
    readonly pull: (image: string) => Promise<Pulled>;
  },
): Promise<void> {
  for (const { image, without } of others) {
    if (await engine.has(image)) continue;
    const pulled = await engine.pull(image);
    if (pulled.ok) continue;
    throw new UserError(
      `${image} cannot be pulled (${pulled.reason}), and nothing takes its place.`,
      `Let the engine reach its registry, ${without.join(", or ")}.`,
      ExitCode.missing,
    );
  }
}

/** Undefined where the stack cannot be described: its own program says then what is wrong. */
function imagesUsedBy(stack: string): readonly ImageName[] | undefined {
  // eslint-disable-next-line @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports -- see main.ts
  const { usedImages } = require("../../stack/images") as typeof import("../../stack/images");
  try {
    return usedImages(describedStack(stack));
  } catch (error) {
    if (error instanceof ProblemsError) return undefined;
    throw error;
  }
}

/** A cluster's nodes pull for themselves. */
function othersUsedBy(stack: string): readonly OtherImage[] {
  if (configuredPlatform(root, stack) !== "swarm") return [];
  try {
    return otherImages(describedStack(stack));
  } catch (error) {
    if (error instanceof ProblemsError) return [];
    throw error;
  }
}

/** The stack's registry with its password, which Pulumi keeps encrypted. */
async function registryOf(stack: string): Promise<Registry | undefined> {
  const configured = configuredRegistry(root, stack);
  if (configured === undefined) return undefined;
  // Only here: most stacks have no registry, and Pulumi's SDK takes its time to load.
  const { openStack } =
    // eslint-disable-next-line @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports -- see main.ts
    require("../stack/workspace") as typeof import("../stack/workspace");
  const config = await (await openStack(stack)).getAllConfig();
  const password = Object.entries(config).find(([key]) => key.endsWith(":registryPassword"));
  if (!password?.[1].value) {
    throw new UserError(
      `Stack ${stack} has a registry and no password for it.`,
      `pulumi config set --secret registryPassword --stack ${stack}`,
      ExitCode.usage,
    );
  }
  return {
    address: configured.server,
    credentials: { user: configured.username, password: password[1].value },
  };
}

/** `image caddy, about 4 min: 3/9 RUN go build`. */
export function progressLine(progress: ImageProgress): string {
  const { step, state, elapsedSeconds, estimateSeconds, detail } = progress;
  if (state === "done") return `${step}: done in ${duration(elapsedSeconds * 1000)}`;
  const estimate =
    estimateSeconds === undefined ? "" : ` (about ${duration(estimateSeconds * 1000)})`;
  return `${step}${estimate}${detail === undefined ? "" : `: ${detail}`}`;
}

function summaryOf(images: readonly ImageResult[]): string {
  const count = (state: ImageResult["state"]): string[] => {
    const number = images.filter((image) => image.state === state).length;
    return number === 0 ? [] : [`${number} ${state}`];
  };
  const pushed = images.filter((image) => image.pushed).length;
  return [
    ...(["present", "pulled", "built"] as const).flatMap(count),
    ...(pushed === 0 ? [] : [`${pushed} pushed`]),
  ].join(", ");
}
