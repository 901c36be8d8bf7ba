import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";
import { didYouMean, type Problem } from "../../model/problems";
import { runnables } from "../../model/system";
import { namespaceOf } from "../../platforms/kubernetes/kubernetes";
import { CERT_MANAGER, type CertManager } from "../../platforms/kubernetes/certificates";
import type { PrometheusOperator } from "../../platforms/kubernetes/monitors";
import type { DescribedStack } from "../describe";
import { type ClusterAccess, kubectlAccess } from "./access";
import { kindsOf, type Kubectl, operatorProblems } from "./operator";

const run = promisify(execFile);

/** What a stack asks of its cluster. */
export interface WantedCluster extends ClusterAccess {
  /** On a laptop the current context will do; a shared stack has to name its own. */
  readonly contextRequired: boolean;
  readonly namespaces: readonly string[];
  readonly storageClasses: readonly string[];
  readonly verticalAutoscaler: boolean;
  /** Who is handed what the stack of this name collects. */
  readonly handOver?: { readonly stack: string; readonly to: PrometheusOperator };
  /** Who is asked for certificates. */
  readonly certManager?: CertManager;
  /** References of images that only a registry can give to the cluster's nodes. */
  readonly ownImages: readonly string[];
  readonly registry: boolean;
}

/** What a described stack asks of the cluster that its configuration names. */
export function wantedCluster({ stack, config, systems }: DescribedStack): WantedCluster {
  const { profile, registry } = config.site;
  const { kubeconfig, context, storageClass, sharedStorageClass, ...cluster } =
    config.site.kubernetes;
  const images = systems.flatMap((system) => runnables(system).map(({ image }) => image));
  return {
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
    contextRequired: profile !== "dev",
    namespaces: systems.map((system) => namespaceOf(stack, system.name)),
    storageClasses: [storageClass, sharedStorageClass].filter((name) => name !== undefined),
    verticalAutoscaler: cluster.verticalAutoscaler,
    ...(cluster.prometheusOperator === undefined
      ? {}
      : { handOver: { stack, to: cluster.prometheusOperator } }),
    ...(cluster.certManager === undefined ? {} : { certManager: cluster.certManager }),
    ownImages: [...new Set(images.filter((image) => image.startsWith("atalaya/")))],
    registry: registry !== undefined,
  };
}

/** Milliseconds that a cluster may take to answer one question. */
const PATIENCE = 10_000;

const HOW = "see docs/configuration.md, kubernetes.context";

/**
 * What is missing for an `up` on this cluster. The kubeconfig is read here; the cluster is asked through
 * kubectl, which knows every way to log in. Without kubectl the cluster is not asked.
 */
export async function clusterProblems(wanted: WantedCluster): Promise<Problem[]> {
  const inFile = contextProblems(wanted);
  if (inFile.length > 0) return inFile;
  const kubectl = async (...args: string[]): Promise<string> => {
    const asked = run(
      "kubectl",
      [...kubectlAccess(wanted), `--request-timeout=${PATIENCE / 1_000}s`, ...args],
      { timeout: 2 * PATIENCE },
    );
    // With an open one it would ask for a name and a password where the kubeconfig has none.
    asked.child.stdin?.end();
    return (await asked).stdout.trim();
  };
  try {
    await run("kubectl", ["version", "--client"], { timeout: PATIENCE });
  } catch {
    return imageProblems(wanted);
  }
  try {
    await kubectl("get", "--raw", "/version");
  } catch (error) {
    return [unreachable(wanted, error)];
  }
  const answers = await Promise.all([
    ...wanted.namespaces.map((namespace) => namespaceProblems(kubectl, namespace)),
    ...wanted.storageClasses.map((name) => storageProblems(kubectl, name)),
    ...(wanted.verticalAutoscaler ? [autoscalerProblems(kubectl)] : []),
    ...(wanted.handOver === undefined
      ? []
      : [operatorProblems(kubectl, wanted.handOver.stack, wanted.handOver.to)]),
    ...(wanted.certManager === undefined ? [] : [issuerProblems(kubectl, wanted.certManager)]),
  ]);
  return [...answers.flat(), ...imageProblems(wanted)];
}

/** May this user do what the stack needs, and is the namespace nobody else's? */
async function namespaceProblems(kubectl: Kubectl, namespace: string): Promise<Problem[]> {
  const path = `namespace ${namespace}`;
  const may = async (...question: string[]): Promise<boolean> =>
    kubectl("auth", "can-i", ...question).then(
      (answer) => answer.endsWith("yes"),
      () => false,
    );
  const owner = await kubectl(
    ...["get", "namespace", namespace, "--ignore-not-found"],
    ...["-o", "jsonpath={.metadata.name} {.metadata.labels.app\\.kubernetes\\.io/managed-by}"],
  ).catch(() => "");
  if (owner === "" && !(await may("create", "namespaces"))) {
    return [
      {
        path,
        message: "it is not there, and this user may not create namespaces",
        fix: "let an administrator of the cluster run `up` once, or grant the user the right",
      },
    ];
  }
  if (owner !== "" && !owner.endsWith("atalaya")) {
    return [
      {
        path,
        message: "it is there already and was not made by atalaya",
        fix: "choose another stack name, or remove the namespace if nobody needs it",
      },
    ];
  }
  if (!(await may("create", "deployments.apps", "--namespace", namespace))) {
    return [
      {
        path,
        message: "this user may not create Deployments in it",
        fix: "ask for the role `admin` in the namespace, or choose another context",
      },
    ];
  }
  return [];
}

async function storageProblems(kubectl: Kubectl, name: string): Promise<Problem[]> {
  const known = (await kubectl("get", "storageclasses", "-o", "name").catch(() => ""))
    .split("\n")
    .map((line) => line.replace(/^.*\//, ""))
    .filter((line) => line !== "");
  // A user who may not list them learns it from the claim itself.
  if (known.length === 0 || known.includes(name)) return [];
  return [
    {
      path: "kubernetes.storageClass",
      message: `the cluster has no storage class "${name}"`,
      fix: `it has ${known.join(", ")}`,
    },
  ];
}

async function autoscalerProblems(kubectl: Kubectl): Promise<Problem[]> {
  const kinds = await kindsOf(kubectl, "autoscaling.k8s.io", "v1");
  if (kinds.includes("VerticalPodAutoscaler")) return [];
  return [
    {
      path: "kubernetes.verticalAutoscaler",
      message: "the cluster does not know VerticalPodAutoscaler (autoscaling.k8s.io)",
      fix: "install it in the cluster, or set kubernetes.verticalAutoscaler to false",
    },
  ];
}

/** An `Issuer` is in namespaces that may not be there yet: of that one, the Certificate itself tells. */
export async function issuerProblems(
  kubectl: Kubectl,
  { issuer, kind }: CertManager,
): Promise<Problem[]> {
  const path = "kubernetes.certManager";
  if (!(await kindsOf(kubectl, CERT_MANAGER, "v1")).includes("Certificate")) {
    return [
      {
        path,
        message: `the cluster does not know Certificate (${CERT_MANAGER}): cert-manager is not there`,
        fix: `install it in the cluster, or let gateways ask for certificates themselves: pulumi config rm --path ${path}`,
      },
    ];
  }
  if (kind === "Issuer") return [];
  const listed = await kubectl("get", `clusterissuers.${CERT_MANAGER}`, "-o", "name").catch(
    () => undefined,
  );
  // A user who may not list them learns it from the Certificate.
  if (listed === undefined) return [];
  const known = listed.split("\n").map((line) => line.replace(/^.*\//, ""));
  if (known.includes(issuer)) return [];
  return [
    {
      path: `${path}.issuer`,
      message: `the cluster has no ClusterIssuer "${issuer}"`,
      fix: listed === "" ? "it has none: make one" : `it has ${known.join(", ")}`,
    },
  ];
}

/** Nobody else has our own images. */
function imageProblems({ ownImages, registry, contextRequired }: WantedCluster): Problem[] {
  if (registry || ownImages.length === 0 || !contextRequired) return [];
  return [
    {
      path: "registry",
      message: `the cluster's nodes cannot pull ${ownImages.join(", ")}`,
      fix: "pulumi config set --path registry.server <server>, registry.username, and --secret registryPassword; then npx atalaya images --push",
    },
  ];
}

interface KubeConfig {
  readonly "current-context"?: string;
  readonly contexts?: readonly { readonly name: string }[];
}

function contextProblems(wanted: WantedCluster): Problem[] {
  const files =
    wanted.kubeconfig === undefined
      ? (process.env["KUBECONFIG"] ?? join(homedir(), ".kube", "config")).split(delimiter)
      : [wanted.kubeconfig];
  const there = files.filter((file) => existsSync(file));
  // Inside a cluster a service account takes the file's place.
  if (there.length === 0 && process.env["KUBERNETES_SERVICE_HOST"] !== undefined) return [];
  if (there.length === 0) {
    return [
      {
        path: "kubernetes",
        message: `there is no kubeconfig at ${files.join(", ")}`,
        fix: `get one from whoever runs the cluster, and name it by KUBECONFIG; ${HOW}`,
      },
    ];
  }
  const configs: KubeConfig[] = [];
  for (const file of there) {
    try {
      configs.push((parse(readFileSync(file, "utf8")) ?? {}) as KubeConfig);
    } catch {
      return [{ path: "kubernetes.kubeconfig", message: `${file} is no YAML`, fix: HOW }];
    }
  }
  const known = configs.flatMap((config) => (config.contexts ?? []).map((c) => c.name));
  const list = known.length === 0 ? "none" : known.join(", ");
  if (wanted.context !== undefined) {
    if (known.includes(wanted.context)) return [];
    const meant = didYouMean(wanted.context, known);
    return [
      {
        path: "kubernetes.context",
        message: `there is no context "${wanted.context}" in ${there.join(", ")}; there is ${list}`,
        fix: meant === undefined ? HOW : `did you mean "${meant}"?`,
      },
    ];
  }
  if (wanted.contextRequired) {
    return [
      {
        path: "kubernetes.context",
        message: "is missing: only a dev stack takes whatever context is the current one",
        fix: `pulumi config set --path kubernetes.context <one of ${list}>`,
      },
    ];
  }
  if (configs.some((config) => config["current-context"])) return [];
  return [
    {
      path: "kubernetes.context",
      message: `no context is the current one in ${there.join(", ")}; there is ${list}`,
      fix: "kubectl config use-context <name>, or set kubernetes.context",
    },
  ];
}

function unreachable({ context }: WantedCluster, error: unknown): Problem {
  const said = ((error as { stderr?: string }).stderr ?? "").trim().split("\n").at(-1) ?? "";
  const which = context === undefined ? "the current context" : `context "${context}"`;
  const refused = /forbidden|unauthorized|logged in/i.test(said);
  return {
    path: "kubernetes",
    message: refused
      ? `the cluster of ${which} refuses this user: ${said}`
      : `the cluster of ${which} does not answer: ${said || `nothing in ${PATIENCE / 1_000} s`}`,
    fix: refused
      ? "log in again, or choose a context with another user"
      : "is the network or VPN up, and the cluster? `kubectl get --raw /version` asks the same",
  };
}
