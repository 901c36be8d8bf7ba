import { define } from "../../engine/rule";

export const rule = define({
  title: "Pods that are not well may be evicted",
  severity: "low",
  why: "By default a pod that never became ready counts as protected, and blocks the drain of its node.",
  fix: "set AlwaysAllow",
  references: ["kube-linter pdb-unhealthy-pod-eviction-policy"],
  object(field, { kind, world }, { report }) {
    if (world !== "kubernetes" || kind !== "PodDisruptionBudget") return;
    const policy = field.get("spec", "unhealthyPodEvictionPolicy");
    if (policy.text !== "AlwaysAllow")
      report(policy, "must be AlwaysAllow", { mend: { value: "AlwaysAllow" } });
  },
});
