import { define } from "../../engine/rule";
import { podFact } from "../../engine/facts";
import { keepsDatabase } from "../../engine/workloads";

export const rule = define({
  title: "Every backup is restored on a schedule, to see that it can be",
  severity: "medium",
  why: "A backup that nobody ever restored is a hope.",
  fix: "drill it and say when in atalaya.dev/restore-drill",
  references: ["GG-10", "ISO 27001 A.8.13", "no peer checks it"],
  stack(stack, { report }) {
    for (const pod of stack.pods) {
      if (!keepsDatabase(pod) || podFact(pod, "backup").value === undefined) continue;
      const drill = podFact(pod, "restoreDrill");
      if (drill.value === undefined) report(pod.subject, drill, "must be set");
    }
  },
});
