import { define } from "../../engine/rule";

export const rule = define({
  title: "A schedule says how late a run may start",
  severity: "low",
  why: "After 100 missed runs without a deadline Kubernetes gives the schedule up for good.",
  fix: "set it to some minutes",
  references: ["kube-score cronjob-has-deadline"],
  object(field, { kind, world }, { report }) {
    if (world !== "kubernetes" || kind !== "CronJob") return;
    const deadline = field.get("spec", "startingDeadlineSeconds");
    // Its controller looks every ten seconds: less is never.
    if (deadline.number === undefined || deadline.number < 10)
      report(deadline, "must be 10 or more");
  },
});
