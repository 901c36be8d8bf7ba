import { define } from "../../engine/rule";

export const rule = define({
  title: "Pods are made by somebody who replaces them",
  severity: "medium",
  why: "A pod by itself is gone with its node.",
  fix: "make it a Deployment, a StatefulSet or a Job",
  references: ["Kyverno prevent-bare-pods", "NSA C-0073"],
  pod({ bare, subject }, { report }) {
    if (bare) report({ path: ["kind"], value: subject.kind }, "must belong to a controller");
  },
});
