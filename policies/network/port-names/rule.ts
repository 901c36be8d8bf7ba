import { define } from "../../engine/rule";

export const rule = define({
  title: "Ports have names",
  severity: "low",
  level: "disabled",
  why: "A name says what is spoken, and Services keep working when a number changes.",
  fix: "name it, for example http",
  references: ["kube-score container-ports-check", "Kyverno require-container-port-names"],
  container({ ports, pod }, { report }) {
    if (pod.subject.world !== "kubernetes") return;
    for (const { name, field } of ports) {
      if ((name ?? "") === "") report(field.get("name"), "must be set");
    }
  },
});
