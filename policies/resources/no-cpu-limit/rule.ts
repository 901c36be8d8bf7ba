import { define } from "../../engine/rule";

export const rule = define({
  title: "No CPU limit where memory alone should bound",
  severity: "low",
  level: "disabled",
  why: "A limit throttles a container while its node is idle; those who reserve well go without. It contradicts resources/cpu-limit: switch on one of the two.",
  fix: "remove it",
  references: ["Kyverno forbid-cpu-limits", "kube-score --ignore-container-cpu-limit"],
  container({ limits }, { report }) {
    if (limits.cpu.value !== undefined)
      report(limits.cpu, "must not be set", { mend: { value: undefined } });
  },
});
