import { define } from "../../engine/rule";

export const rule = define({
  title: "Processes have time to end, and not for ever",
  severity: "low",
  why: "With no time open requests are cut; with too much the drain of a node waits for one that hangs.",
  fix: "set what the longest request needs, 30 s as a rule",
  references: ["Kubernetes documentation: pod termination"],
  pod({ grace }, { config, report }) {
    const { value } = grace;
    if (value === 0) report(grace, "must not be 0");
    else if (value !== undefined && value > config.thresholds.grace)
      report(grace, `must be at most ${config.thresholds.grace} s`);
  },
});
