import { define } from "../../engine/rule";

export const rule = define({
  title: "Updates replace one instance after the other, and go back when they fail",
  severity: "medium",
  level: "mandatory",
  why: "An update that stops everything first is an outage; one that goes on after a failure is a longer one.",
  fix: "use RollingUpdate with maxUnavailable below all (Docker: failureAction rollback)",
  references: ["kube-score deployment-strategy", "kube-linter no-rolling-update-strategy"],
  object(field, { type, kind, world }, { report }) {
    if (world === "kubernetes" && kind === "Deployment") {
      const unavailable = field.get("spec", "strategy", "rollingUpdate", "maxUnavailable");
      if (unavailable.text === "100%") report(unavailable, "must be less than all");
      else if (
        unavailable.number !== undefined &&
        unavailable.number > 0 &&
        unavailable.number >= (field.get("spec", "replicas").number ?? 1)
      ) {
        report(unavailable, "must be less than the instances");
      }
    }
    if (world === "kubernetes" && (kind === "StatefulSet" || kind === "DaemonSet")) {
      const strategy = field.get("spec", "updateStrategy", "type");
      if (strategy.text === "OnDelete")
        report(strategy, "must be RollingUpdate", { mend: { value: "RollingUpdate" } });
    }
    if (
      type === "docker:index/service:Service" &&
      field.get("taskSpec", "restartPolicy", "condition").raw !== "none"
    ) {
      const action = field.get("updateConfig", "failureAction");
      if (action.text !== "rollback")
        report(action, "must be rollback", { mend: { value: "rollback" } });
    }
  },
});
