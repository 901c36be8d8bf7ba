import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Problem } from "../../model/problems";

const run = promisify(execFile);

export interface Wanted {
  /** Engine's address. @default Docker's own choice */
  readonly engine?: string;
  readonly images: readonly string[];
  /** Our own images come from a registry, so that every node can pull them. */
  readonly registry: boolean;
  /** Node that keeps volumes and public ports. */
  readonly dataNode?: string;
}

export interface Preflight {
  readonly problems: readonly Problem[];
  /** References with the digest that the engine has for them, by reference. */
  readonly pinned: ReadonlyMap<string, string>;
}

/**
 * What is missing for an `up` on this engine: an answer, Swarm, our images, a place for data. Asked
 * through Docker's own client, which knows every kind of address. Without a client nothing is said: the
 * provider needs none.
 */
export async function preflight(wanted: Wanted): Promise<Preflight> {
  const env =
    wanted.engine === undefined ? process.env : { ...process.env, DOCKER_HOST: wanted.engine };
  const docker = (...args: string[]): Promise<string> =>
    run("docker", args, { env, timeout: 10_000 }).then(({ stdout }) => stdout.trim());
  const [info, images] = await Promise.allSettled([
    docker(
      "info",
      "--format",
      "{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}} {{.Swarm.Nodes}}",
    ),
    // It says what it found even where something is missing, and fails then.
    docker("image", "inspect", "--format", "{{json .}}", ...wanted.images).catch(
      (error: { stdout?: string }) => error.stdout ?? "",
    ),
  ]);
  if (info.status === "rejected" && (info.reason as NodeJS.ErrnoException).code === "ENOENT") {
    return { problems: [], pinned: new Map() };
  }
  if (info.status === "rejected" || !info.value.includes(" ")) {
    const address = wanted.engine ?? process.env["DOCKER_HOST"] ?? "the default address";
    return {
      problems: [
        {
          path: "engine",
          message: `no Docker engine answers at ${address}`,
          fix: "start one, or let `npm run up` install it; `npm run doctor` says what is missing",
        },
      ],
      pinned: new Map(),
    };
  }
  const found = presentImages(
    wanted.images,
    images.status === "fulfilled" ? images.value.split("\n").filter((line) => line !== "") : [],
  );
  return {
    problems: [...swarmProblems(info.value, wanted), ...imageProblems(wanted, found)],
    pinned: new Map(
      [...found].flatMap(([image, digests]) => {
        const pinned = pin(image, digests);
        return pinned === undefined ? [] : [[image, pinned] as const];
      }),
    ),
  };
}

interface Inspected {
  readonly RepoTags?: readonly string[] | null;
  readonly RepoDigests?: readonly string[] | null;
}

/**
 * The wanted images that the engine has, with the digests that it knows for each.
 * @param inspected an image a line, as JSON
 */
export function presentImages(
  wanted: readonly string[],
  inspected: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const images = inspected.map((line) => JSON.parse(line) as Inspected);
  // Docker Hub's own names are told without its host and folder.
  const short = (name: string): string => name.replace(/^(?:docker\.io\/)?(?:library\/)?/, "");
  return new Map(
    wanted.flatMap((reference) => {
      const digest = reference.includes("@");
      const image = images.find(({ RepoTags, RepoDigests }) =>
        ((digest ? RepoDigests : RepoTags) ?? []).some(
          (name) => short(name) === short(digest ? reference.replace(/:[^:@/]+@/, "@") : reference),
        ),
      );
      return image === undefined ? [] : [[reference, image.RepoDigests ?? []] as const];
    }),
  );
}

function swarmProblems(info: string, wanted: Wanted): Problem[] {
  const [state = "unknown", control, nodes = "1"] = info.split(" ");
  if (state !== "active" || control !== "true") {
    return [
      {
        path: "engine",
        message: `its Swarm mode is not active on a manager (${state})`,
        fix: "docker swarm init --advertise-addr 127.0.0.1 (or `npm run up`, which does it)",
      },
    ];
  }
  if (Number(nodes) < 2) return [];
  const several = `the engine has ${nodes} nodes`;
  return [
    ...(wanted.dataNode === undefined
      ? [
          {
            path: "dataNode",
            message: `${several}, and local volumes are on one of them`,
            fix: "pulumi config set dataNode <host name of the node that keeps data and public ports>",
          },
        ]
      : []),
    ...(wanted.registry
      ? []
      : [
          {
            path: "registry",
            message: `${several}, and only this one has the images`,
            fix: "pulumi config set --path registry.server <server>, registry.username, and --secret registryPassword",
          },
        ]),
  ];
}

/** The engine pulls what it does not have, but nobody else has our own images. */
function imageProblems(wanted: Wanted, found: ReadonlyMap<string, unknown>): Problem[] {
  const missing = wanted.images.filter(
    (image) => image.startsWith("atalaya/") && !found.has(image),
  );
  if (missing.length === 0) return [];
  return [
    {
      path: "images",
      message: `the engine does not have ${missing.join(", ")}`,
      fix: "npx atalaya images (or `npm run up`, which builds them)",
    },
  ];
}

/** `repository:tag@digest`, where the engine knows a digest of that repository. */
export function pin(image: string, digests: readonly string[] | null): string | undefined {
  if (image.includes("@")) return undefined;
  const repository = image.slice(0, image.lastIndexOf(":"));
  const digest = digests?.find((d) => d.startsWith(`${repository}@`))?.split("@")[1];
  return digest === undefined ? undefined : `${image}@${digest}`;
}
