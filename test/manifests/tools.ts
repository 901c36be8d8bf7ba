import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { cacheFolder } from "../../operations/project";
import { buildKey, goVersion } from "../../operations/setup/toolchain-build";
import { must } from "../support/commands";
import {
  customSchemas,
  type CustomResource,
  kubernetesSchemas,
  type Swagger,
} from "./tools/schemas/convert";
import modules from "./tools/schemas/modules.json";

/** A folder a part; all in it decides about what is built. */
const SOURCES = join(__dirname, "tools");

/** Time for `beforeAll`: a build with nothing in Go's cache, on a slow line. */
export const BUILD_MS = 20 * 60_000;

/** The Kubernetes versions whose schemas there are, for example `v1.36.3`. */
export const VERSIONS = modules.kubernetes.map(({ version }) => version);

/** kubeconform's program. */
export const kubeconform = (): Promise<string> =>
  program("kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform");

/** Our few lines around cyclonus. */
export const cyclonus = (): Promise<string> => program("cyclonus", ".");

/** A folder with the schemas of all versions, as kubeconform looks for them. */
export function schemas(): Promise<string> {
  return once("schemas", async (folder) => {
    const { kubernetes, verticalPodAutoscaler } = modules;
    const custom = parseAllDocuments(
      await fileOf(
        "k8s.io/autoscaler/vertical-pod-autoscaler",
        verticalPodAutoscaler,
        "deploy/vpa-v1-crd-gen.yaml",
      ),
    ).map((document) => document.toJS() as CustomResource);
    for (const pinned of kubernetes) {
      const swagger = await fileOf("k8s.io/kubernetes", pinned, "api/openapi-spec/swagger.json");
      const into = join(folder, `${pinned.version}-standalone-strict`);
      mkdirSync(into, { recursive: true });
      for (const [name, schema] of [
        ...kubernetesSchemas(JSON.parse(swagger) as Swagger),
        ...custom.flatMap((resource) => [...customSchemas(resource)]),
      ]) {
        writeFileSync(join(into, name), JSON.stringify(schema));
      }
    }
  });
}

async function program(name: string, source: string): Promise<string> {
  const folder = await once(name, async (into) => {
    const args = ["build", "-mod=readonly", "-ldflags", "-s -w", "-o", join(into, name), source];
    await go(join(SOURCES, name), args);
  });
  return join(folder, name);
}

/**
 * A part, made once and kept by the hash of its sources. Each has a folder of its own, so that test files
 * which run side by side make different ones.
 * @throws Error that says what this machine lacks
 */
async function once(part: string, make: (folder: string) => Promise<void>): Promise<string> {
  // Whichever Go builds them, they answer the same: a machine that has them needs none.
  const key = buildKey(join(SOURCES, part), "");
  const folder = join(cacheFolder(), "manifests", `${part}-${key}`);
  // Made last: whoever finds it finds all.
  const complete = join(folder, "complete");
  if (existsSync(complete)) return folder;
  if ((await goVersion()) === undefined) {
    throw new Error(`${part} has to be built once, and Go is not installed: https://go.dev/dl`);
  }
  process.stderr.write(`  building ${part} for the manifests' tests: a minute or two, once\n`);
  mkdirSync(folder, { recursive: true });
  await make(folder);
  writeFileSync(complete, "");
  return folder;
}

/** One file of a Go module; Kubernetes publishes its API's description in no smaller package. */
async function fileOf(
  path: string,
  { version, sum }: { readonly version: string; readonly sum: string },
  file: string,
): Promise<string> {
  const said = await go(SOURCES, ["mod", "download", "-json", `${path}@${version}`]);
  const { Dir, Sum } = JSON.parse(said) as { Dir: string; Sum: string };
  if (Sum !== sum) throw new Error(`${path}@${version} is ${Sum}, and ${sum} is expected`);
  return readFileSync(join(Dir, file), "utf8");
}

function go(cwd: string, args: readonly string[]): Promise<string> {
  return must("go", args, {
    cwd,
    env: {
      ...process.env,
      CGO_ENABLED: "0",
      GOFLAGS: "-buildvcs=false -trimpath",
      GOWORK: "off",
    },
    timeoutMs: BUILD_MS,
  });
}
