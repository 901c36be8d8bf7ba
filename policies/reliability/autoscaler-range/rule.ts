import { define } from "../../engine/rule";

export const rule = define({
  title: "An autoscaler has room, and two instances at least in production",
  severity: "low",
  why: "Where least and most are equal nothing scales; with one at least, every quiet night has no spare.",
  fix: "set maxReplicas above minReplicas, and minReplicas to 2 or more",
  references: [
    "polaris hpaMinAvailability, hpaMaxAvailability",
    "kube-score horizontalpodautoscaler-replicas",
    "kube-linter hpa-minimum-three-replicas",
  ],
  object(field, { kind, world }, { config, report }) {
    if (world !== "kubernetes" || kind !== "HorizontalPodAutoscaler") return;
    const least = field.get("spec", "minReplicas");
    const most = field.get("spec", "maxReplicas");
    if ((most.number ?? 0) <= (least.number ?? 1)) report(most, "must be more than minReplicas");
    if ((least.number ?? 1) < 2 && config.environment === "prod")
      report(least, "must be at least 2");
  },
});
