import { define } from "../../engine/rule";

export const rule = define({
  title: "Containers reserve memory",
  severity: "medium",
  why: "What reserves no memory is packed onto full nodes and is the first to be killed there.",
  fix: "reserve what it uses on a normal day",
  references: [
    "CKV_K8S_12",
    "kube-score container-resources",
    "polaris memoryRequestsMissing",
    "Kyverno require-pod-requests-limits",
    "NSA C-0269",
    "kube-linter unset-memory-requirements",
  ],
  container({ role, requests }, { report }) {
    if (role !== "ephemeral" && requests.memory.value === undefined)
      report(requests.memory, "must be set");
  },
});
