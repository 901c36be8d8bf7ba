import { define } from "../../engine/rule";

export const rule = define({
  title: "A schedule says what happens while its last run still runs",
  severity: "medium",
  level: "mandatory",
  why: "By default the next run starts beside the last one: a slow night ends with twenty of them on one database.",
  fix: "set Forbid, or Replace where the newest run counts",
  references: ["Kubernetes documentation: concurrency policy", "no peer checks it"],
  object(field, { kind, world }, { report }) {
    if (world !== "kubernetes" || kind !== "CronJob") return;
    const policy = field.get("spec", "concurrencyPolicy");
    if (policy.text !== "Forbid" && policy.text !== "Replace")
      report(policy, "must be Forbid or Replace");
  },
});
