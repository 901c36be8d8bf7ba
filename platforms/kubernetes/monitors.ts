import type { Collection, Relabeling, RuleGroup, Target } from "../../model/observability";
import type { Labels } from "./objects";

/** The cluster's own Prometheus Operator, which is handed what a stack would collect itself. */
export interface PrometheusOperator {
  /** By which its Prometheus chooses monitors and rules. */
  readonly labels: Labels;
  /** In which its Prometheus runs. */
  readonly namespace: string;
  /** Labels of that Prometheus' pods. */
  readonly pods: Labels;
}

/** Of the Services behind which monitors look for instances: a workload's own Service has the same labels but this. */
export const INSTANCES_OF = "atalaya.dev/instances-of";

/** What the operator adds to every target: our rules are written, and tried, without. */
const ITS_OWN = ["namespace", "service", "pod", "container", "endpoint", "node"].join("|");

/** Part of the API monitoring.coreos.com/v1. */
export interface ServiceMonitorSpec {
  readonly selector: { readonly matchLabels: Labels };
  readonly endpoints: readonly {
    readonly port: string;
    readonly path: string;
    readonly params?: Target["params"];
    readonly interval: string;
    readonly scrapeTimeout: string;
    readonly relabelings: readonly object[];
    readonly metricRelabelings?: readonly object[];
  }[];
}

/** One of each workload that is asked something, with all that it is asked. */
export function serviceMonitors({
  targets,
  interval,
  timeout,
}: Collection): { system: string; workload: string; spec: ServiceMonitorSpec }[] {
  const key = ({ system, workload }: Target): string => `${system}/${workload}`;
  const first = targets.filter((of, i) => targets.findIndex((t) => key(t) === key(of)) === i);
  return first.map((of) => ({
    system: of.system,
    workload: of.workload,
    spec: {
      selector: { matchLabels: { [INSTANCES_OF]: of.workload } },
      endpoints: targets
        .filter((target) => key(target) === key(of))
        .map(({ name, portName, path, params, relabel, relabelMetrics }) => ({
          port: portName,
          path,
          ...(params === undefined ? {} : { params }),
          interval: `${interval}s`,
          scrapeTimeout: `${timeout}s`,
          relabelings: [
            { regex: ITS_OWN, action: "labeldrop" },
            { targetLabel: "job", replacement: name },
            ...relabel.map(inCamelCase),
          ],
          ...(relabelMetrics === undefined
            ? {}
            : { metricRelabelings: relabelMetrics.map(inCamelCase) }),
        })),
    },
  }));
}

/** The rules of each system, at the pace that the stack's own Prometheus would have. */
export const prometheusRules = ({
  rules,
  evaluation,
}: Collection): { system: string; spec: { readonly groups: readonly RuleGroup[] } }[] =>
  rules.map(({ system, groups }) => ({
    system,
    spec: {
      groups: groups.map(({ name, interval = `${evaluation}s`, rules: own }) => ({
        name,
        interval,
        rules: own,
      })),
    },
  }));

/** As the operator's API writes what Prometheus' own file has. */
const inCamelCase = ({ source_labels, target_label, ...rest }: Relabeling): object => ({
  ...(source_labels === undefined ? {} : { sourceLabels: source_labels }),
  ...(target_label === undefined ? {} : { targetLabel: target_label }),
  ...rest,
});
