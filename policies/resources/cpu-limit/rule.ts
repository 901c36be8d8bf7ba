import { define } from "../../engine/rule";

export const rule = define({
  title: "Containers have a CPU limit",
  severity: "high",
  why: "A container without a limit takes the cores that its neighbours need; on Swarm nothing else holds it back.",
  fix: "set what it needs at its worst; where throttling hurts more than neighbours, set this rule's level to disabled",
  references: [
    "CKV_K8S_11",
    "kube-score container-resources",
    "polaris cpuLimitsMissing",
    "NSA C-0270",
    "kube-linter unset-cpu-requirements",
  ],
  container({ role, limits }, { report }) {
    if (role !== "ephemeral" && limits.cpu.value === undefined) report(limits.cpu, "must be set");
  },
});
