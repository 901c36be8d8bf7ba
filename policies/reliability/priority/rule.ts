import { define } from "../../engine/rule";

export const rule = define({
  title: "Workloads have a priority",
  severity: "low",
  environments: ["prod"],
  why: "When a node is short of memory, Kubernetes evicts by priority: without one the database goes as easily as a report.",
  fix: "name a PriorityClass",
  references: [
    "polaris priorityClassNotSet",
    "Kyverno require-pod-priorityclassname",
    "kube-linter priority-class-name",
  ],
  pod({ subject, field }, { report }) {
    if (subject.world !== "kubernetes") return;
    const name = field.get("priorityClassName");
    if (name.text === undefined) report(name, "must be set");
  },
});
