import { define } from "../../engine/rule";

export const rule = define({
  title: "What runs for ever is started again when it ends",
  severity: "medium",
  why: "A process that crashed once stays away until somebody notices.",
  fix: "let the engine start it again",
  references: ["CIS Docker 5.15", "kube-score cronjob-restartpolicy", "kube-linter restart-policy"],
  object(field, { type, kind, world }, { report }) {
    if (type === "docker:index/container:Container") {
      const restart = field.get("restart");
      if (field.get("mustRun").raw !== false && (restart.text ?? "no") === "no")
        report(restart, "must be unless-stopped or on-failure");
    }
    if (type === "compose:service" && !field.get("deploy", "restart_policy").present) {
      const restart = field.get("restart");
      if (!restart.present) report(restart, "must be said: no for what ends, else unless-stopped");
    }
    const template =
      kind === "CronJob"
        ? field.get("spec", "jobTemplate", "spec", "template")
        : field.get("spec", "template");
    if (world === "kubernetes" && (kind === "Job" || kind === "CronJob")) {
      const restart = template.get("spec", "restartPolicy");
      if (restart.text !== "Never" && restart.text !== "OnFailure")
        report(restart, "must be Never or OnFailure");
    }
  },
});
