import { define } from "../../engine/rule";
import { podFact } from "../../engine/facts";
import { keepsDatabase } from "../../engine/workloads";

export const rule = define({
  title: "Every database is backed up",
  severity: "high",
  level: "advisory",
  why: "The day on which somebody needs the copy is the day on which it is too late to make one.",
  fix: "back it up and say when in atalaya.dev/backup (five cron fields)",
  references: ["GG-10", "ISO 27001 A.8.13", "no peer checks it"],
  stack(stack, { report }) {
    for (const pod of stack.pods) {
      if (!keepsDatabase(pod)) continue;
      const backup = podFact(pod, "backup");
      if (backup.value === undefined) report(pod.subject, backup, "must be set");
    }
  },
});
