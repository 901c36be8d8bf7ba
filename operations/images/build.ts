import { readFileSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import {
  catalog,
  type ImageName,
  imageTag,
  type OwnedImage,
  ownedImage,
} from "../../images/catalog";
import { UserError } from "../errors";
import { lastLines } from "../process";
import { logFolder, root } from "../project";
import { readVersions } from "../setup/versions";
import { provideBases } from "./bases";
import {
  type BaseArguments,
  buildArguments,
  buildEnvironment,
  buildFlags,
  buildStep,
} from "./builder";
import { type Docker, docker, hasImage, pull } from "./docker";
import { type LoggedIn, type Registry, withRegistry } from "./registry";
import { type ImageProgress, Steps } from "./steps";

export { type Registry } from "./registry";
export { type ImageProgress } from "./steps";

/** What {@link buildMissing} is to do. */
export interface BuildOptions {
  /** Where the images go, and where the engine pulls them from. @default the engine alone */
  readonly registry?: Registry;
  /** @default all images of the catalog */
  readonly only?: readonly ImageName[];
  /** Build those that are there, too: for newer packages under an unchanged Dockerfile. */
  readonly force?: boolean;
  /** May install a missing package of Debian or Ubuntu. @default only with `CI=true` */
  readonly yes?: boolean;
  readonly progress?: (progress: ImageProgress) => void;
}

/** What became of one image. */
export interface ImageResult {
  readonly name: ImageName;
  /** The reference that the engine runs it by. */
  readonly tag: string;
  readonly state: "present" | "pulled" | "built";
  /** Whether it was handed to the registry in this run. */
  readonly pushed: boolean;
  readonly seconds: number;
}

/** One image and whether the engine has it. */
export interface ImageState {
  readonly name: ImageName;
  readonly tag: string;
  readonly present: boolean;
}

/**
 * The owned images and whether the engine has them.
 *
 * @param registry address of a registry, as for {@link Registry.address}
 */
export async function listImages(registry?: string): Promise<readonly ImageState[]> {
  const engine = docker();
  return Promise.all(
    catalog.map(async ({ name }) => {
      const tag = imageTag(name, registry);
      return { name, tag, present: await hasImage(engine, tag) };
    }),
  );
}

/**
 * Builds the owned images that the engine lacks, one after another, and, with a registry, pushes
 * all of them. What is there already is not built again, so an interrupted run goes on where it
 * was; nothing half-made is tagged. Images that the registry has are pulled instead of built.
 *
 * @throws UserError with the log's name and its last lines when a build fails, with what to install
 * when a stand-in for a base image cannot be made.
 */
export async function buildMissing(options: BuildOptions = {}): Promise<readonly ImageResult[]> {
  const steps = new Steps(options.progress ?? (() => undefined));
  const engine = docker();
  const wanted = options.only === undefined ? catalog : options.only.map(ownedImage);
  const { registry } = options;
  if (registry === undefined) return buildAll(engine, wanted, steps, options);
  return withRegistry(engine, registry, (login) =>
    buildAll(engine, wanted, steps, { ...options, registry }, login),
  );
}

async function buildAll(
  engine: Docker,
  wanted: readonly OwnedImage[],
  steps: Steps,
  options: BuildOptions,
  login?: LoggedIn,
): Promise<readonly ImageResult[]> {
  const address = options.registry?.address;
  const results = new Map<ImageName, ImageResult>();
  const toBuild: OwnedImage[] = [];
  for (const image of wanted) {
    const state =
      options.force === true ? undefined : await obtain(engine, image, steps, address, login);
    if (state === undefined) toBuild.push(image);
    else results.set(image.name, { ...state, pushed: false });
  }

  if (toBuild.length > 0) {
    const logFile = join(logFolder(), "images.log");
    const bases = await provideBases(
      engine,
      toBuild.flatMap((image) => image.bases),
      steps,
      {
        mayInstall: options.yes ?? process.env.CI === "true",
        logFile,
        oldestGo: readVersions(root).go,
      },
    );
    for (const image of toBuild) {
      results.set(image.name, await build(engine, image, steps, bases, address));
    }
  }

  if (address !== undefined && login !== undefined) {
    for (const image of wanted) {
      const result = results.get(image.name)!;
      if (result.state === "pulled") continue;
      await push(login, image.name, result.tag, steps);
      results.set(image.name, { ...result, pushed: true });
    }
  }
  return wanted.map(({ name }) => results.get(name)!);
}

/** Takes an image that is there, under whichever of its names, or that the registry has. */
async function obtain(
  engine: Docker,
  image: OwnedImage,
  steps: Steps,
  address: string | undefined,
  login: LoggedIn | undefined,
): Promise<Omit<ImageResult, "pushed"> | undefined> {
  const { name } = image;
  const tag = imageTag(name, address);
  if (await hasImage(engine, tag)) return { name, tag, state: "present", seconds: 0 };
  if (address === undefined || login === undefined) return undefined;
  const local = imageTag(name);
  if (await hasImage(engine, local)) {
    await engine.must(["tag", local, tag]);
    return { name, tag, state: "present", seconds: 0 };
  }
  const started = Date.now();
  const pulled = await steps.run(`pull ${name}`, {}, () =>
    pull(tag, 15_000, login.global, login.env),
  );
  if (!pulled.ok) return undefined;
  await engine.must(["tag", tag, local]);
  return { name, tag, state: "pulled", seconds: secondsSince(started) };
}

async function build(
  engine: Docker,
  image: OwnedImage,
  steps: Steps,
  bases: BaseArguments,
  address: string | undefined,
): Promise<ImageResult> {
  const { name, folder } = image;
  const started = Date.now();
  const tag = imageTag(name, address);
  const logFile = join(logFolder(), `image-${name}.log`);
  await steps.run(`image ${name}`, { estimateSeconds: image.estimateSeconds }, async (say) => {
    const args = buildArguments(readFileSync(join(folder, "Dockerfile"), "utf8"), bases);
    // Both names at once, and only when the build is complete.
    const tags = [...new Set([imageTag(name), tag])].flatMap((reference) => ["-t", reference]);
    const flags = await buildFlags(engine);
    const env = await buildEnvironment(engine);
    const { code, stdout, stderr } = await inContext(image, (context) =>
      engine.run(
        ["build", ...flags, "--label", `atalaya.image=${name}`, ...args, ...tags, context],
        {
          env,
          logFile,
          onLine: (line) => {
            const step = buildStep(line);
            if (step !== undefined) say(step);
          },
        },
      ),
    );
    if (code !== 0) {
      const output = [stdout, stderr].map((text) => text.trim()).filter((text) => text !== "");
      throw new UserError(
        `The image ${name} could not be built (exit code ${code}).`,
        `${lastLines(output.join("\n"), 20)}\nAll of its output: ${logFile}`,
      );
    }
  });
  return { name, tag, state: "built", pushed: false, seconds: secondsSince(started) };
}

/** An image's folder, or a copy of it with the folders that it shares with others. */
async function inContext<T>(
  { folder, shares }: OwnedImage,
  work: (context: string) => Promise<T>,
): Promise<T> {
  if (shares.length === 0) return work(folder);
  const context = await mkdtemp(join(tmpdir(), "atalaya-context-"));
  try {
    await cp(folder, context, { recursive: true });
    for (const shared of shares) {
      await cp(shared, join(context, basename(shared)), { recursive: true });
    }
    return await work(context);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

async function push(login: LoggedIn, name: ImageName, tag: string, steps: Steps): Promise<void> {
  const logFile = join(logFolder(), `image-${name}.log`);
  await steps.run(`push ${name}`, {}, async () => {
    const { code, stderr } = await login.client.run(["push", tag], { logFile });
    if (code === 0) return;
    throw new UserError(
      `${tag} could not be pushed.`,
      `${lastLines(stderr.trim(), 5)}\nAll of its output: ${logFile}`,
    );
  });
}

function secondsSince(started: number): number {
  return Math.round((Date.now() - started) / 100) / 10;
}
