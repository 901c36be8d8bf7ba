import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { parseAllDocuments } from "yaml";

import type { Manifest } from "../../platforms/kubernetes/objects";
import { ExitCode, UserError } from "../errors";
import type { Placed } from "./manifests";

/**
 * All Kubernetes objects in the files of a folder and below it, whoever wrote them. The secrets that
 * `atalaya render` lists in `secrets.md` are among them, without their values.
 * @throws UserError that names every file which cannot be read
 */
export function readManifests(folder: string): readonly Placed[] {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const problems: string[] = [];
  const placed: Placed[] = [];
  for (const file of files.filter((name) => /\.(?:ya?ml|json)$/.test(name))) {
    for (const document of parseAllDocuments(readFileSync(file, "utf8"), { version: "1.1" })) {
      const [error] = document.errors;
      if (error) {
        problems.push(`${relative(folder, file)}: ${error.message.split("\n")[0]!}`);
        continue;
      }
      const value: unknown = document.toJS();
      for (const manifest of isList(value) ? value.items : [value]) {
        if (isManifest(manifest)) placed.push({ manifest, system: systemOf(manifest) });
      }
    }
  }
  for (const file of files.filter((name) => basename(name) === "secrets.md")) {
    placed.push(...secretsIn(readFileSync(file, "utf8"), basename(dirname(file)), placed));
  }
  if (problems.length > 0) {
    throw new UserError(
      `${folder}: ${problems.length} files are no Kubernetes YAML.\n${problems.join("\n")}`,
      "Mend them, or compare folders that hold nothing else.",
      ExitCode.usage,
    );
  }
  return placed;
}

const isManifest = (value: unknown): value is Manifest => {
  const { apiVersion, kind, metadata } = (value ?? {}) as Partial<Manifest>;
  return (
    typeof apiVersion === "string" && typeof kind === "string" && typeof metadata?.name === "string"
  );
};

const isList = (value: unknown): value is { readonly items: readonly unknown[] } =>
  (value as { kind?: unknown } | null)?.kind === "List" &&
  Array.isArray((value as { items?: unknown }).items);

const systemOf = ({ metadata: { name, namespace, labels } }: Manifest): string =>
  labels?.["app.kubernetes.io/part-of"] ?? namespace ?? name;

/** The rows of a `secrets.md`; its objects are told from their neighbours in the same system. */
function secretsIn(text: string, system: string, neighbours: readonly Placed[]): Placed[] {
  const namespace = neighbours.find(
    (one) => one.system === system && one.manifest.metadata.namespace !== undefined,
  )?.manifest.metadata.namespace;
  return text
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| ---"))
    .slice(1)
    .map((line) => line.slice(2, -2).split(" | "))
    .map(([name = "", key = "", content = "", readers = ""]) => ({
      system,
      // Said by platforms/kubernetes/render.ts.
      kept: /, part of the data\)?(?:,|$)/.test(content),
      manifest: {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
        spec: { key, content, readers },
      },
    }));
}
