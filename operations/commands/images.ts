import { result, resultJson, table } from "../output";
import { projectName } from "../project";
import { prepareBackend } from "../setup/backend";
import { buildImages, imagesOf } from "../setup/images";
import { checkStackName, prepare } from "../setup/prepare";
import { runSteps } from "../steps";

/** Options of `images`. */
export interface ImagesOptions {
  /** Its configuration names the registry, if there is one. */
  readonly stack: string;
  /** Only list them. */
  readonly list?: boolean;
  /** Insist on a registry. */
  readonly push?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** Lists the images that we own, or builds those that the engine lacks and hands them to the registry. */
export async function images(options: ImagesOptions): Promise<void> {
  checkStackName(options.stack);
  if (options.list) {
    const all = await imagesOf(options.stack);
    if (options.json) resultJson({ images: all });
    else {
      const rows = all.map(({ name, tag, present }) => [name, present ? "present" : "absent", tag]);
      result(table(["image", "state", "reference"], rows));
    }
    return;
  }
  prepareBackend(options.stack, projectName());
  // The toolchain and the state are needed for the registry's password alone, and cost little when there.
  await prepare({ stack: options.stack, engine: true, images: false, yes: options.yes });
  let built: Awaited<ReturnType<typeof buildImages>> = [];
  await runSteps([
    {
      title: "Images",
      run: async (control) => {
        built = await buildImages(control, {
          stack: options.stack,
          yes: options.yes === true,
          ...(options.push ? { push: true } : {}),
        });
      },
    },
  ]);
  if (options.json) resultJson({ images: built });
}
