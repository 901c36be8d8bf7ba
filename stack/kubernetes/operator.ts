import type { Problem } from "../../model/problems";
import type { PrometheusOperator } from "../../platforms/kubernetes/monitors";

/** Runs kubectl against the stack's cluster; rejects where it fails. */
export type Kubectl = (...args: string[]) => Promise<string>;

interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/** The parts of a Prometheus of the operator that are needed here. An absent selector selects nothing. */
export interface Prometheus {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly serviceMonitorSelector?: Selector | null;
    readonly serviceMonitorNamespaceSelector?: Selector | null;
    readonly ruleSelector?: Selector | null;
    readonly ruleNamespaceSelector?: Selector | null;
    /** Every rule is narrowed to series of its own namespace, by a label of this name. */
    readonly enforcedNamespaceLabel?: string;
  };
}

const PATH = "kubernetes.prometheusOperator";
const GROUP = "monitoring.coreos.com";
const LABEL = "app.kubernetes.io";

/**
 * Kinds that a cluster has of an API; none where it does not know it. Asked of that API alone: `kubectl api-resources`
 * fails as soon as any other one of an extension is down.
 */
export const kindsOf = (kubectl: Kubectl, group: string, version: string): Promise<string[]> =>
  kubectl("get", "--raw", `/apis/${group}/${version}`).then(
    (text) =>
      (
        JSON.parse(text) as { readonly resources: readonly { readonly kind: string }[] }
      ).resources.map(({ kind }) => kind),
    () => [],
  );

/** What keeps a cluster's operator from taking what a stack hands over. */
export async function operatorProblems(
  kubectl: Kubectl,
  stack: string,
  operator: PrometheusOperator,
): Promise<Problem[]> {
  const known = await kindsOf(kubectl, GROUP, "v1");
  const missing = ["ServiceMonitor", "PrometheusRule"].filter((kind) => !known.includes(kind));
  if (missing.length > 0) {
    return [
      {
        path: PATH,
        message: `the cluster does not know ${missing.join(" and ")} (${GROUP}): the Prometheus Operator is not there`,
        fix: `install it in the cluster (for example the chart kube-prometheus-stack), or let the stack run its own Prometheus: pulumi config rm --path ${PATH}`,
      },
    ];
  }
  const list = async <T>(...args: string[]): Promise<readonly T[] | undefined> =>
    kubectl("get", ...args, "-o", "json").then(
      (text) => (JSON.parse(text) as { readonly items: readonly T[] }).items,
      // Who may not look learns it from alerts that stay away; the stack's own rights are asked elsewhere.
      () => undefined,
    );
  const chosen = Object.entries(operator.labels).map(([name, value]) => `${name}=${value}`);
  const [prometheis, others] = await Promise.all([
    list<Prometheus>(`prometheuses.${GROUP}`, "--namespace", operator.namespace),
    list<{ readonly metadata: { readonly labels: Readonly<Record<string, string>> } }>(
      ...[`servicemonitors.${GROUP}`, "--all-namespaces", "--selector"],
      [`${LABEL}/managed-by=atalaya`, `${LABEL}/instance!=${stack}`, ...chosen].join(","),
    ),
  ]);
  return [
    ...(prometheis === undefined ? [] : notChosen(prometheis, operator)),
    ...alreadyTold(
      (others ?? []).map(({ metadata }) => metadata.labels[`${LABEL}/instance`] ?? ""),
    ),
  ];
}

/** Why none of the Prometheis of a namespace would look at what is handed over. */
function notChosen(
  prometheis: readonly Prometheus[],
  { namespace, labels }: PrometheusOperator,
): Problem[] {
  const own = { [`${LABEL}/managed-by`]: "atalaya", ...labels };
  const chooses = ({ spec }: Prometheus): boolean =>
    selects(spec.serviceMonitorSelector, own) && selects(spec.ruleSelector, own);
  // By default one looks at its own namespace alone, in which nothing of a stack is.
  const looks = ({ spec }: Prometheus): boolean =>
    [spec.serviceMonitorNamespaceSelector, spec.ruleNamespaceSelector].every(
      (selector) => selector !== undefined && selector !== null,
    );
  const asTheyAre = ({ spec }: Prometheus): boolean => (spec.enforcedNamespaceLabel ?? "") === "";
  const fitting = prometheis.filter((of) => chooses(of) && looks(of));
  if (fitting.some(asTheyAre)) return [];
  if (fitting.length > 0) {
    return [
      {
        path: PATH,
        message: `${fitting.map(({ metadata }) => metadata.name).join(", ")} in ${namespace} narrows every rule to series of its own namespace: those on containers, which nodes show, would never fire`,
        fix: "choose another Prometheus by kubernetes.prometheusOperator.labels, one without enforcedNamespaceLabel",
      },
    ];
  }
  if (prometheis.length === 0) {
    return [
      {
        path: `${PATH}.namespace`,
        message: `there is no Prometheus in the namespace ${namespace}`,
        fix: `which one has it? kubectl get prometheuses.${GROUP} --all-namespaces`,
      },
    ];
  }
  const names = prometheis.map(({ metadata }) => metadata.name).join(", ");
  if (prometheis.some(chooses)) {
    return [
      {
        path: PATH,
        message: `${names} in ${namespace} looks at monitors and rules of its own namespace alone`,
        fix: "give it a serviceMonitorNamespaceSelector and a ruleNamespaceSelector: {} for every namespace",
      },
    ];
  }
  const wanted = prometheis.map(({ spec }) => JSON.stringify(spec.serviceMonitorSelector ?? null));
  return [
    {
      path: `${PATH}.labels`,
      message: `${names} in ${namespace} would not look at what is handed over: it chooses monitors by ${wanted.join(", ")}`,
      fix: `pulumi config set --path '${PATH}.labels.release' <its release>; kubectl get prometheuses.${GROUP} --namespace ${namespace} -o yaml shows its serviceMonitorSelector and ruleSelector`,
    },
  ];
}

/** As Kubernetes reads a selector. */
function selects(
  selector: Selector | null | undefined,
  labels: Readonly<Record<string, string>>,
): boolean {
  if (selector === undefined || selector === null) return false;
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return (
    Object.entries(matchLabels).every(([name, value]) => labels[name] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      const among = value !== undefined && values.includes(value);
      switch (operator) {
        case "In":
          return among;
        case "NotIn":
          return !among;
        case "Exists":
          return value !== undefined;
        default:
          return value === undefined;
      }
    })
  );
}

/** Series and rules name a system, never a stack: of two in one Prometheus neither could be told from the other. */
const alreadyTold = (stacks: readonly string[]): Problem[] =>
  stacks.length === 0
    ? []
    : [
        {
          path: PATH,
          message: `the stack ${[...new Set(stacks)].sort().join(", ")} hands over to the same Prometheus, which would take its systems and this stack's for one`,
          fix: "choose another Prometheus by kubernetes.prometheusOperator.labels, or let one of the stacks run its own",
        },
      ];
