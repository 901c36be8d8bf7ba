import { define } from "../../engine/rule";

export const rule = define({
  title: "A job says how long it may take",
  severity: "low",
  why: "A job that hangs holds its locks and its place in the queue for ever.",
  fix: "set activeDeadlineSeconds",
  references: ["Kubernetes documentation: job termination"],
  object(field, { kind, world }, { report }) {
    if (world !== "kubernetes" || (kind !== "Job" && kind !== "CronJob")) return;
    const spec = kind === "Job" ? field.get("spec") : field.get("spec", "jobTemplate", "spec");
    const deadline = spec.get("activeDeadlineSeconds");
    if (deadline.number === undefined) report(deadline, "must be set");
  },
});
