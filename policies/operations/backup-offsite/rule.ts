import { define } from "../../engine/rule";
import { podFact } from "../../engine/facts";
import { keepsDatabase } from "../../engine/workloads";

export const rule = define({
  title: "Every backup has a copy somewhere else",
  severity: "medium",
  why: "A fire, a deleted account or ransomware takes the data and the copy beside it.",
  fix: "copy it to another place and name it in atalaya.dev/backup-offsite",
  references: ["GG-10", "ISO 27001 A.8.13", "no peer checks it"],
  stack(stack, { report }) {
    for (const pod of stack.pods) {
      if (!keepsDatabase(pod) || podFact(pod, "backup").value === undefined) continue;
      const offsite = podFact(pod, "backupOffsite");
      if (offsite.value === undefined) report(pod.subject, offsite, "must be set");
    }
  },
});
