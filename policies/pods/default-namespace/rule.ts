import { define } from "../../engine/rule";
import { namespaceOf } from "../../engine/stack";

export const rule = define({
  title: "Nothing lives in the default namespace",
  severity: "low",
  why: "Quotas, policies and rights are given by namespace: in the default one everything shares them.",
  fix: "give the system a namespace of its own",
  references: [
    "CKV_K8S_21",
    "Kyverno disallow-default-namespace",
    "NSA C-0061",
    "CIS-5.7.4",
    "kube-linter use-namespace",
  ],
  pod({ subject }, { report }) {
    if (subject.world !== "kubernetes" || namespaceOf(subject) !== "default") return;
    report(
      { path: ["metadata", "namespace"], value: subject.namespace },
      "must name a namespace of the system's own",
    );
  },
});
