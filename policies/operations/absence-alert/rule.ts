import { define } from "../../engine/rule";
import { podFact } from "../../engine/facts";

export const rule = define({
  title: "Every service has an alert for when it is gone",
  severity: "medium",
  why: "Under service discovery a dead target vanishes, and no rule that compares its numbers ever fires.",
  fix: "add an alert on absence and name it in atalaya.dev/alert-on-absence",
  references: ["no peer checks it"],
  stack(stack, { report }) {
    for (const pod of stack.pods) {
      if (pod.runs === "job") continue;
      const alert = podFact(pod, "absenceAlert");
      if (alert.value === undefined) report(pod.subject, alert, "must be set");
    }
  },
});
