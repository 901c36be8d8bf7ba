import { define } from "../../engine/rule";

export const rule = define({
  title: "Limits are what is reserved",
  severity: "low",
  level: "disabled",
  why: "Then the pod is of the class Guaranteed, the last to be evicted; the price is memory and cores that lie idle.",
  fix: "set both to the same amount",
  references: [
    "kube-score container-memory-requests-equal-limits, container-cpu-requests-equal-limits",
    "Kyverno require-qos-guaranteed, memory-requests-equal-limits",
  ],
  container({ role, requests, limits }, { report }) {
    if (role === "ephemeral") return;
    for (const kind of ["cpu", "memory"] as const) {
      const { value } = limits[kind];
      if (value !== undefined && requests[kind].value !== value)
        report(limits[kind], "must be what is reserved");
    }
  },
});
