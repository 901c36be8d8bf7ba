import { define } from "../../engine/rule";

export const rule = define({
  title: "Who starts slowly has a startup probe",
  severity: "low",
  why: "A delay before the first liveness check is a guess: too short kills what still starts, too long hides what never does.",
  fix: "move the delay into a startupProbe",
  references: ["Kubernetes documentation: startup probes"],
  container({ probes }, { report }) {
    const delay = probes.live.get("initialDelaySeconds");
    if (probes.start !== undefined && !probes.start.present && (delay.number ?? 0) > 30) {
      report(probes.start, `must take the place of a delay of ${delay.number!} s`);
    }
  },
});
