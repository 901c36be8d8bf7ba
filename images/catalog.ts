import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename, join } from "node:path";

/** The images that we own: each has a folder here with a Dockerfile. */
export type ImageName =
  | "postgres"
  | "pgbouncer"
  | "redis"
  | "mongo"
  | "caddy"
  | "nginx"
  | "front"
  | "monitoring"
  | "log-agent"
  | "reference-service";

/** Base images that the Dockerfiles ask for, by the name of their build argument. */
export type BaseName =
  | "DEBIAN_IMAGE"
  | "DEBIAN_13_IMAGE"
  | "GO_IMAGE"
  | "NODE_IMAGE"
  | "MONGO_IMAGE"
  | "RESTIC_IMAGE"
  | "COLLECTOR_IMAGE"
  | MonitoringBase;

/** Official images of the programs that watch. */
export type MonitoringBase =
  | "PROMETHEUS_IMAGE"
  | "ALERTMANAGER_IMAGE"
  | "NODE_EXPORTER_IMAGE"
  | "BLACKBOX_EXPORTER_IMAGE"
  | "POSTGRES_EXPORTER_IMAGE"
  | "REDIS_EXPORTER_IMAGE";

/** One owned image. */
export interface OwnedImage {
  readonly name: ImageName;
  /** Absolute path of the folder with the Dockerfile, which is the build's context too. */
  readonly folder: string;
  /** Folders beside it that several images have: in the context under their own names. */
  readonly shares: readonly string[];
  readonly bases: readonly BaseName[];
  /** Wall time of a build on two cores with nothing cached, in seconds; measured. */
  readonly estimateSeconds: number;
}

function owned(
  name: ImageName,
  estimateSeconds: number,
  bases: readonly BaseName[],
  shared: readonly string[] = [],
): OwnedImage {
  const shares = shared.map((folder) => join(__dirname, folder));
  return { name, folder: join(__dirname, name), shares, bases, estimateSeconds };
}

/** All owned images. */
export const catalog: readonly OwnedImage[] = [
  owned("postgres", 45, ["DEBIAN_IMAGE", "GO_IMAGE"]),
  owned("pgbouncer", 25, ["DEBIAN_IMAGE"]),
  owned("redis", 35, ["DEBIAN_IMAGE", "GO_IMAGE", "RESTIC_IMAGE"], ["archive"]),
  owned("mongo", 80, ["GO_IMAGE", "MONGO_IMAGE", "RESTIC_IMAGE"], ["archive"]),
  owned("front", 25, ["DEBIAN_IMAGE"]),
  owned("monitoring", 70, [
    "DEBIAN_IMAGE",
    "GO_IMAGE",
    "PROMETHEUS_IMAGE",
    "ALERTMANAGER_IMAGE",
    "NODE_EXPORTER_IMAGE",
    "BLACKBOX_EXPORTER_IMAGE",
    "POSTGRES_EXPORTER_IMAGE",
    "REDIS_EXPORTER_IMAGE",
  ]),
  owned("log-agent", 5, ["DEBIAN_IMAGE", "COLLECTOR_IMAGE"]),
  owned("caddy", 240, ["DEBIAN_IMAGE", "GO_IMAGE"]),
  owned("nginx", 120, ["DEBIAN_13_IMAGE", "GO_IMAGE"]),
  owned("reference-service", 90, ["GO_IMAGE", "NODE_IMAGE"]),
];

/**
 * The owned image of that name.
 *
 * @throws Error when there is none.
 */
export function ownedImage(name: ImageName): OwnedImage {
  const image = catalog.find((candidate) => candidate.name === name);
  if (!image) throw new Error(`there is no image ${name} under images/`);
  return image;
}

/**
 * Reference of an owned image: `atalaya/<name>:<hash>`, or `<registry>/atalaya/<name>:<hash>`. The
 * hash is that of everything the image is built from in its folder, so a reference stands for one
 * content, and a changed Dockerfile is a changed reference.
 *
 * @param registry host of a registry, with its port and path if it has them: `registry.example.org`
 */
export function imageTag(name: ImageName, registry?: string): string {
  const { folder, shares } = ownedImage(name);
  const repository = `atalaya/${name}:${folderHash(folder, ...shares)}`;
  return registry === undefined ? repository : `${registry.replace(/\/+$/, "")}/${repository}`;
}

/** Never part of an image, whatever the .dockerignore says. */
const generated = new Set(["node_modules", "dist", "coverage", ".git", ".DS_Store"]);

/** Left out of the context or not, these two say how the image is built. */
const recipe = new Set(["Dockerfile", ".dockerignore"]);

/**
 * First 12 hexadecimal digits of the SHA-256 over a folder: sorted relative paths, whether each
 * file is executable, and the contents. What the folder's .dockerignore leaves out does not count.
 * @param shares folders that are beside it in the context, by their own names
 */
export function folderHash(folder: string, ...shares: readonly string[]): string {
  const hash = createHash("sha256");
  const all = [
    ...inputFiles(folder).map((path) => [path, join(folder, path)] as const),
    ...shares.flatMap((shared) =>
      inputFiles(shared).map((path) => [join(basename(shared), path), join(shared, path)] as const),
    ),
  ];
  for (const [path, file] of all) {
    const stats = lstatSync(file);
    const content = stats.isSymbolicLink() ? readlinkSync(file) : readFileSync(file);
    const kind = stats.isSymbolicLink() ? "link" : (stats.mode & 0o111) === 0 ? "file" : "program";
    // Lengths keep two different sets of files from reading the same.
    hash.update(`${kind} ${path.length} ${path} ${content.length}\n`).update(content);
  }
  return hash.digest("hex").slice(0, 12);
}

/** Relative paths (with `/`) of the files that make an image, sorted by code unit. */
export function inputFiles(folder: string): string[] {
  const ignored = dockerignore(readIfThere(join(folder, ".dockerignore")));
  const found: string[] = [];
  const visit = (parent: string): void => {
    for (const entry of readdirSync(join(folder, parent), { withFileTypes: true })) {
      if (generated.has(entry.name)) continue;
      const path = parent === "" ? entry.name : `${parent}/${entry.name}`;
      if (entry.isDirectory()) visit(path);
      else if (recipe.has(path) || !ignored(path)) found.push(path);
    }
  };
  visit("");
  return found.sort((a, b) => (a < b ? -1 : 1));
}

/**
 * Reads a .dockerignore into a test of relative paths. As Docker has it: patterns start at the
 * context's root, a folder's pattern covers what is in it, the last matching line wins.
 */
export function dockerignore(text: string): (path: string) => boolean {
  const rules = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const keep = line.startsWith("!");
      const pattern = line.slice(keep ? 1 : 0).replace(/^\.?\/+|\/+$/g, "");
      return { keep, expression: new RegExp(`^${globExpression(pattern)}(/.*)?$`) };
    });
  return (path) =>
    rules.reduce((out, { keep, expression }) => (expression.test(path) ? !keep : out), false);
}

/** A glob of .dockerignore (`*`, `?`, `**`, `[a-z]`) as the source of a regular expression. */
function globExpression(glob: string): string {
  return glob.replace(/\*\*\/|\*\*|\*|\?|\[[^\]]+\]|[.+^${}()|[\]\\]/g, (part) => {
    if (part === "**/") return "(?:.*/)?";
    if (part === "**") return ".*";
    if (part === "*") return "[^/]*";
    if (part === "?") return "[^/]";
    return part.length > 1 ? part : `\\${part}`;
  });
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
