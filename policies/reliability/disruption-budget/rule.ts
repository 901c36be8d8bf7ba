import { define } from "../../engine/rule";
import { matches, namespaceOf } from "../../engine/stack";
import { scaledBy } from "../../engine/workloads";

export const rule = define({
  title: "What has several instances keeps some while nodes are drained",
  severity: "medium",
  why: "Without a budget the maintenance of nodes may take all instances at once.",
  fix: "add a PodDisruptionBudget with maxUnavailable: 1",
  references: [
    "kube-score deployment-has-poddisruptionbudget",
    "polaris missingPodDisruptionBudget",
    "Kyverno require-pdb",
  ],
  stack(stack, { report }) {
    const budgets = stack.kubernetes("PodDisruptionBudget");
    for (const { subject, labels, runs } of stack.pods) {
      if (subject.world !== "kubernetes" || runs !== "service" || subject.kind === "Pod") continue;
      const scaler = scaledBy(stack, subject);
      const instances = stack.field(subject).get("spec", "replicas").number ?? 1;
      const least =
        scaler === undefined
          ? instances
          : (stack.field(scaler).get("spec", "minReplicas").number ?? 1);
      if (least < 2) continue;
      const covered = budgets.some(
        (b) =>
          namespaceOf(b) === namespaceOf(subject) &&
          matches(stack.field(b).get("spec", "selector"), labels),
      );
      if (!covered)
        report(
          subject,
          { path: ["spec", "template", "metadata", "labels"], value: undefined },
          "must be selected by a PodDisruptionBudget",
        );
    }
  },
});
