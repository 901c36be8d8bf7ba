import { define } from "../../engine/rule";

export const rule = define({
  title: "Every alert says how grave it is and what to do",
  severity: "medium",
  why: "At three in the night a name alone is no help.",
  fix: "set the label severity, and the annotations summary and runbook_url",
  references: ["no peer checks it"],
  stack(stack, { report }) {
    for (const file of stack.kubernetes("PrometheusRule")) {
      const groups = stack.field(file).get("spec", "groups").items();
      for (const alert of groups.flatMap((g) => g.get("rules").items())) {
        if (!alert.get("alert").present) continue;
        for (const at of [
          alert.get("labels", "severity"),
          alert.get("annotations", "summary"),
          alert.get("annotations", "runbook_url"),
        ]) {
          if ((at.text ?? "") === "") report(file, at, "must be set");
        }
      }
    }
  },
});
