import { define } from "../../engine/rule";
import { matches } from "../../engine/stack";

export const rule = define({
  title: "A workload's selector means its own pods",
  severity: "high",
  why: "The API server refuses it, or two workloads count each other's pods.",
  fix: "give the template the labels of the selector",
  references: [
    "kube-score deployment-pod-selector-labels-match-template-metadata-labels",
    "kube-linter mismatching-selector",
  ],
  object(field, { kind, world }, { report }) {
    if (world !== "kubernetes" || !/^(?:Deployment|StatefulSet|DaemonSet|ReplicaSet)$/.test(kind))
      return;
    const selector = field.get("spec", "selector");
    const labels = field.get("spec", "template", "metadata", "labels").map;
    if (!selector.present) report(selector, "must be set");
    else if (!matches(selector, labels)) report(selector, "must match the labels of its template");
  },
});
