import { define } from "../../engine/rule";
import { type Field } from "../../engine/field";
import { factOf } from "../../engine/facts";

export const rule = define({
  title: "Logs are kept as long as they are needed, and no longer",
  severity: "medium",
  why: "Logs without an end fill the disk; logs with personal data that nobody deletes break the law (GDPR, article 5).",
  fix: "rotate them by size, and set the store's retention",
  references: ["GG-13", "GDPR Art. 5(1)(e)", "CIS Docker 2.12"],
  object(field, subject, { config, report }) {
    const days = factOf(subject, "logDays");
    const kept = Number(days.value);
    if (days.value !== undefined && !(kept >= 1 && kept <= config.thresholds.logDays))
      report(days, `must be 1 to ${config.thresholds.logDays} days`);
    const rotated = (driver: Field, options: Field): void => {
      const name = driver.text ?? "json-file";
      if (!/^(?:json-file|local)$/.test(name) || (name === "local" && !options.present)) return;
      if (!options.get("max-size").present)
        report(
          options.get("max-size"),
          "must be set: the engine's own log grows for ever without it",
        );
    };
    switch (subject.type) {
      case "docker:index/service:Service":
        rotated(
          field.get("taskSpec", "logDriver", "name"),
          field.get("taskSpec", "logDriver", "options"),
        );
        break;
      case "docker:index/container:Container":
        rotated(field.get("logDriver"), field.get("logOpts"));
        break;
      case "compose:service":
        rotated(field.get("logging", "driver"), field.get("logging", "options"));
        break;
    }
  },
});
