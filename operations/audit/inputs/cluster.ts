import { type ClusterAccess, kubectlAccess } from "../../../stack/kubernetes/access";
import { lastLines, run, type RunResult } from "../../process";
import { CouldNotRun, type Gathered } from "../gathered";
import { sizeProblem } from "../yaml";
import { gatherManifest } from "./documents";
import { SEALED } from "./sealed";

/** What a cluster makes by itself; nobody decides about it. */
const MADE =
  /^(?:events|endpoints|endpointslices|leases|controllerrevisions|bindings|podtemplates|csistoragecapacities)(?:\.|$)|\.metrics\.k8s\.io$/;

/** Judges what is declared and runs in one namespace. Reads only, through kubectl. */
export async function gatherNamespace(
  namespace: string,
  into: Gathered,
  cluster: ClusterAccess = {},
): Promise<void> {
  const kubectl = (...args: string[]): Promise<RunResult> =>
    run("kubectl", [...kubectlAccess(cluster), "--request-timeout=60s", ...args]);
  const own = await kubectl("get", "namespace", namespace, "--output", "json");
  if (own.code !== 0 && !/forbidden/i.test(own.stderr)) {
    throw new CouldNotRun(
      `Namespace ${namespace} cannot be read: \`kubectl get namespace\` failed.`,
      own.code === 127 ? "There is no kubectl here." : lastLines(own.stderr.trim(), 3),
    );
  }
  const types = await kubectl("api-resources", "--namespaced", "--verbs=list", "--output=name");
  // Groups whose server is away are named in an error, and the others are listed all the same.
  const wanted = types.stdout.split(/\s+/).filter((type) => type !== "" && !MADE.test(type));
  if (wanted.length === 0) {
    throw new CouldNotRun(
      "The cluster does not say what it has: `kubectl api-resources` failed.",
      lastLines(types.stderr.trim(), 3),
    );
  }
  const get = (of: string): Promise<RunResult> =>
    kubectl("get", of, "--namespace", namespace, "--output", "json", "--chunk-size=500");
  const all = await get(wanted.join(","));
  const answers = all.code === 0 ? [{ of: "all", said: all }] : await oneByOne(wanted, get);
  if (own.code === 0) answers.unshift({ of: "namespaces", said: own });
  for (const { of, said } of answers) {
    const place = `${namespace}: ${of}`;
    if (said.code !== 0) {
      const reason = /forbidden/i.test(said.stderr)
        ? "it may not be read"
        : "kubectl could not read it";
      into.unreadable.push({
        source: { file: place },
        reason,
        fix: `kubectl auth can-i list ${of} --namespace ${namespace}`,
      });
      continue;
    }
    const value: unknown = JSON.parse(said.stdout, withoutSecrets);
    const problem = sizeProblem(value);
    if (problem === undefined) gatherManifest(value, into, {});
    else into.unreadable.push({ source: { file: place }, reason: problem });
  }
}

/** Where one kind may not be read, the others still may. */
async function oneByOne(
  types: readonly string[],
  get: (type: string) => Promise<RunResult>,
): Promise<{ of: string; said: RunResult }[]> {
  const answers: { of: string; said: RunResult }[] = [];
  for (const of of types) answers.push({ of, said: await get(of) });
  return answers;
}

/** What a Secret holds is not an audit's business: it stays sealed from the first moment. */
function withoutSecrets(this: unknown, key: string, value: unknown): unknown {
  const holder = this as { readonly kind?: unknown; readonly apiVersion?: unknown };
  if (key === "annotations" && typeof value === "object" && value !== null) {
    // kubectl keeps the whole object in it, a Secret's values included.
    const rest = { ...value } as Record<string, unknown>;
    delete rest["kubectl.kubernetes.io/last-applied-configuration"];
    return rest;
  }
  if ((key !== "data" && key !== "stringData") || holder.kind !== "Secret") return value;
  return typeof value === "object" && value !== null
    ? Object.fromEntries(Object.keys(value).map((name) => [name, SEALED]))
    : value;
}
