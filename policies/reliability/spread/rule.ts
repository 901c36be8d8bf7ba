import { define } from "../../engine/rule";
import { scaledBy } from "../../engine/workloads";

export const rule = define({
  title: "Instances go to different nodes",
  severity: "medium",
  why: "Two instances on one node are gone together with it.",
  fix: "add a topologySpreadConstraint on kubernetes.io/hostname, or an anti-affinity",
  references: [
    "kube-score deployment-has-host-podantiaffinity, pod-topology-spread-constraints",
    "polaris topologySpreadConstraint",
    "Kyverno topologyspreadconstraints-policy",
    "kube-linter no-anti-affinity",
  ],
  stack(stack, { report }) {
    for (const { subject, field, replicas, runs } of stack.pods) {
      if (subject.world !== "kubernetes" || runs !== "service" || replicas === undefined) continue;
      const scaler = scaledBy(stack, subject);
      const most =
        scaler === undefined
          ? (replicas.value ?? 1)
          : (stack.field(scaler).get("spec", "maxReplicas").number ?? 1);
      const spread = field.get("topologySpreadConstraints");
      const affinity = field.get("affinity");
      // Pods that share a volume of one node have to be together.
      const decided =
        spread.items().length > 0 ||
        affinity.get("podAntiAffinity").present ||
        affinity.get("podAffinity").present;
      if (most > 1 && !decided) report(subject, spread, "must be set");
    }
  },
});
