import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { go, goProgram, made, type Part } from "../../operations/setup/parts";
import {
  customSchemas,
  type CustomResource,
  kubernetesSchemas,
  type Swagger,
} from "./tools/schemas/convert";
import modules from "./tools/schemas/modules.json";

/** A folder a part; all in it decides about what is built. */
const SOURCES = join(__dirname, "tools");

/** Time for `beforeAll`. */
export { BUILD_MS } from "../../operations/setup/parts";

/** The Kubernetes versions whose schemas there are, for example `v1.36.3`. */
export const VERSIONS = modules.kubernetes.map(({ version }) => version);

/** kubeconform's program. */
export const kubeconform = (): Promise<string> =>
  goProgram(part("kubeconform"), "github.com/yannh/kubeconform/cmd/kubeconform");

/** Our few lines around cyclonus. */
export const cyclonus = (): Promise<string> => goProgram(part("cyclonus"), ".");

/** Let's Encrypt's own ACME authority for tests. */
export const pebble = (): Promise<string> =>
  goProgram(part("pebble"), "github.com/letsencrypt/pebble/v2/cmd/pebble");

/** An S3 server. */
export const versitygw = (): Promise<string> =>
  goProgram(part("versitygw"), "github.com/versity/versitygw/cmd/versitygw");

const [, LOKI_VERSION] = /grafana\/loki\/v3 v(\S+)/.exec(
  readFileSync(join(SOURCES, "loki", "go.mod"), "utf8"),
)!;

/** Loki's program: the newest of 3.5 that there is as a module. */
export const loki = (): Promise<string> =>
  goProgram(
    part("loki"),
    "github.com/grafana/loki/v3/cmd/loki",
    `-X github.com/grafana/loki/v3/pkg/util/build.Version=${LOKI_VERSION}`,
  );

/** A folder with the schemas of all versions, as kubeconform looks for them. */
export function schemas(): Promise<string> {
  return made(part("schemas"), async (folder) => {
    const { kubernetes, verticalPodAutoscaler, prometheusOperator, certManager } = modules;
    const definitions = [
      await fileOf(
        "k8s.io/autoscaler/vertical-pod-autoscaler",
        verticalPodAutoscaler,
        "deploy/vpa-v1-crd-gen.yaml",
      ),
      await fileOf(
        "github.com/cert-manager/cert-manager",
        certManager,
        "deploy/crds/cert-manager.io_certificates.yaml",
      ),
    ];
    for (const kind of ["servicemonitors", "prometheusrules"]) {
      definitions.push(
        await fileOf(
          "github.com/prometheus-operator/prometheus-operator",
          prometheusOperator,
          `example/prometheus-operator-crd/monitoring.coreos.com_${kind}.yaml`,
        ),
      );
    }
    const custom = definitions
      .flatMap((text) => parseAllDocuments(text))
      .map((document) => document.toJS() as CustomResource);
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

const part = (name: string): Part => ({ name, sources: join(SOURCES, name), kept: "manifests" });

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
