import { define } from "../../engine/rule";

export const rule = define({
  title: "A schedule keeps some of its last runs and not all",
  severity: "low",
  why: "With none there is nothing to look at after a failure; with many the cluster fills with pods that ended.",
  fix: "keep 1 to 10 of each",
  references: ["Kubernetes documentation: jobs history limits", "no peer checks it"],
  object(field, { kind, world }, { report }) {
    if (world !== "kubernetes" || kind !== "CronJob") return;
    const failed = field.get("spec", "failedJobsHistoryLimit");
    const succeeded = field.get("spec", "successfulJobsHistoryLimit");
    if (failed.number === 0) report(failed, "must not be 0");
    for (const limit of [failed, succeeded]) {
      if ((limit.number ?? 0) > 10) report(limit, "must be at most 10");
    }
  },
});
