import { define } from "../../engine/rule";
import { matches } from "../../engine/stack";
import { podFact } from "../../engine/facts";

export const rule = define({
  title: "Every service is watched",
  severity: "medium",
  why: "What nobody measures is found broken by its users.",
  fix: "name the port of its metrics in atalaya.dev/scrape, or say none",
  references: ["no peer checks it"],
  stack(stack, { report }) {
    // Monitors of the Prometheus operator choose by labels.
    const monitors = stack.kubernetes("ServiceMonitor", "PodMonitor");
    for (const pod of stack.pods) {
      if (pod.runs === "job") continue;
      const said =
        podFact(pod, "scrape").value ??
        pod.annotations["prometheus.io/scrape"] ??
        pod.labels["prometheus.io/scrape"];
      const watched = monitors.some((m) =>
        matches(stack.field(m).get("spec", "selector"), pod.labels),
      );
      if (said === undefined && !watched)
        report(pod.subject, podFact(pod, "scrape"), "must be set");
    }
  },
});
