import { define } from "../../engine/rule";
import { scaledBy } from "../../engine/workloads";

export const rule = define({
  title: "Either an autoscaler counts, or the declaration does",
  severity: "medium",
  level: "mandatory",
  why: "Each update sets the number back to the declared one, in the middle of the rush hour.",
  fix: "remove replicas where there is an autoscaler",
  references: ["kube-score deployment-targeted-by-hpa-does-not-have-replicas-configured"],
  stack(stack, { report }) {
    for (const subject of stack.kubernetes("Deployment", "StatefulSet")) {
      const replicas = stack.field(subject).get("spec", "replicas");
      const scaler = scaledBy(stack, subject);
      if (scaler !== undefined && replicas.value !== undefined)
        report(subject, replicas, `must be left to HorizontalPodAutoscaler ${scaler.name}`);
    }
  },
});
