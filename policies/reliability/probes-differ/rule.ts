import { define } from "../../engine/rule";
import { actionOf, patience } from "../../engine/probes";

export const rule = define({
  title: "Liveness has more patience than readiness",
  severity: "medium",
  why: "Where both ask the same thing and give up at the same time, a pod is killed the moment it should only lose traffic, and a busy system kills itself.",
  fix: "ask another route for liveness, or give it more time (periodSeconds, failureThreshold)",
  references: ["kube-score pod-probes-identical", "Kyverno ensure-probes-different"],
  container({ probes }, { report }) {
    if (probes.ready === undefined) return;
    const same =
      actionOf(probes.live) !== undefined && actionOf(probes.live) === actionOf(probes.ready);
    if (same && patience(probes.live) <= patience(probes.ready))
      report(probes.live, "must wait longer than readinessProbe, or ask something else");
  },
});
