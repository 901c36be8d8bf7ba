import { type ImageName, imageTag } from "../../images/catalog";
import { must, run } from "./commands";

/** Makes images from one of ours, which differ from it by these changes alone, by their references. */
export async function variants(
  of: ImageName,
  changes: Readonly<Record<string, readonly string[]>>,
): Promise<void> {
  const container = await must("docker", ["create", imageTag(of)]);
  try {
    for (const [reference, lines] of Object.entries(changes)) {
      const options = lines.flatMap((line) => ["--change", line]);
      await must("docker", ["commit", ...options, container, reference]);
    }
  } finally {
    await must("docker", ["rm", container]);
  }
}

/** Says where a version is broken. */
const BROKEN = "this version is broken on purpose";

/** What each version's image has besides the one that it was made from. */
const CHANGES = {
  second: ['ENV VERSION="second"'],
  third: ['ENV VERSION="third"'],
  /** Exits at once when it is to serve; its other programs, the migration for one, do their work. */
  exits: [`ENTRYPOINT ["sh", "-c", "echo '${BROKEN}' >&2; exit 1"]`],
  /** Runs, and is never ready. */
  unready: ['ENTRYPOINT ["env", "BREAK=ready", "node", "/app/dist/main.js"]'],
} as const;

export type Version = keyof typeof CHANGES;

/** Later versions of the reference service: real images of their own, made from the one that is there. */
export class Versions {
  readonly all: readonly string[];

  /** @param id tells the images of several runs apart */
  private constructor(private readonly id: string) {
    this.all = (Object.keys(CHANGES) as Version[]).map((version) => this.image(version));
  }

  static async create(id: string): Promise<Versions> {
    const versions = new Versions(id);
    await variants(
      "reference-service",
      Object.fromEntries(
        Object.entries(CHANGES).map(([version, changes]) => [
          versions.image(version as Version),
          changes,
        ]),
      ),
    );
    return versions;
  }

  /** The reference of a version's image. */
  image(version: Version): string {
    return `atalaya-test/reference-service:${this.id}-${version}`;
  }

  async remove(): Promise<void> {
    await run("docker", ["rmi", "--force", ...this.all]);
  }
}
