import { define } from "../../engine/rule";

export const rule = define({
  title: "Containers have a memory limit",
  severity: "high",
  why: "A leak in one container without a limit takes the whole machine's memory, and the kernel then kills whomever it likes.",
  fix: "set what it needs at its worst, with some room",
  references: [
    "CKV_K8S_13",
    "kube-score container-resources",
    "polaris memoryLimitsMissing",
    "Kyverno require-pod-requests-limits",
    "NSA C-0271",
    "kube-linter unset-memory-requirements",
  ],
  container({ role, limits }, { report }) {
    if (role !== "ephemeral" && limits.memory.value === undefined)
      report(limits.memory, "must be set");
  },
});
