import { define } from "../../engine/rule";

export const rule = define({
  title: "Who gets traffic says when it can take it",
  severity: "medium",
  level: "mandatory",
  why: "Without it a pod gets requests from its first second on, and every update loses some.",
  fix: "ask a route that answers once the program can do its work",
  references: [
    "CKV_K8S_9",
    "kube-score pod-probes",
    "polaris readinessProbeMissing",
    "Kyverno require-probes",
    "C-0018",
    "kube-linter no-readiness-probe",
  ],
  container({ role, pod, ports, probes }, { report }) {
    if (probes.ready === undefined || pod.runs === "job" || role !== "main" || ports.length === 0)
      return;
    if (!probes.ready.present) report(probes.ready, "must be set");
  },
});
