import { define } from "../../engine/rule";

export const rule = define({
  title: "Containers reserve CPU",
  severity: "medium",
  why: "The scheduler puts a container that reserves nothing onto any node, and the kernel starves it first.",
  fix: "reserve what it uses on a normal day",
  references: [
    "CKV_K8S_10",
    "kube-score container-resources",
    "polaris cpuRequestsMissing",
    "Kyverno require-pod-requests-limits",
    "NSA C-0268",
    "kube-linter unset-cpu-requirements",
  ],
  container({ role, requests }, { report }) {
    if (role !== "ephemeral" && requests.cpu.value === undefined)
      report(requests.cpu, "must be set");
  },
});
