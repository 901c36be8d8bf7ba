import { define } from "../../engine/rule";
import { scaledBy } from "../../engine/workloads";

export const rule = define({
  title: "A disruption budget lets nodes be drained",
  severity: "high",
  why: "A budget that allows no disruption blocks every drain: the upgrade of the cluster stops there, at night.",
  fix: "set maxUnavailable: 1",
  references: [
    "polaris pdbDisruptionsIsZero, pdbMinAvailableGreaterThanHPAMinReplicas",
    "kube-score poddisruptionbudget-has-policy",
    "Kyverno pdb-minavailable, require-reasonable-pdbs",
    "kube-linter pdb-max-unavailable, pdb-min-available",
  ],
  stack(stack, { report }) {
    for (const budget of stack.kubernetes("PodDisruptionBudget")) {
      const spec = stack.field(budget).get("spec");
      const most = spec.get("maxUnavailable");
      const least = spec.get("minAvailable");
      if (!most.present && !least.present) report(budget, most, "must be set");
      if (most.number === 0 || most.text === "0%") report(budget, most, "must not be 0");
      if (least.text === "100%") report(budget, least, "must be less than all");
      if (least.number === undefined) continue;
      for (const { subject, replicas } of stack.selected(budget, spec.get("selector"))) {
        const scaler = scaledBy(stack, subject);
        const instances =
          scaler === undefined
            ? (replicas?.value ?? 1)
            : (stack.field(scaler).get("spec", "minReplicas").number ?? 1);
        if (replicas !== undefined && least.number >= instances)
          report(
            budget,
            least,
            `must be less than the ${instances} instances of ${subject.kind} ${subject.name}`,
          );
      }
    }
  },
});
