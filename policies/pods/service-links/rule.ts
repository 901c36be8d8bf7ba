import { define } from "../../engine/rule";

export const rule = define({
  title: "Variables for every Service of a namespace are switched off",
  severity: "low",
  why: "A Service named db puts DB_PORT=tcp://… into every pod, in the place of a setting of the same name, and tells each pod of all the others.",
  fix: "set it to false",
  references: ["Kubernetes documentation: enableServiceLinks"],
  pod({ subject, field }, { report }) {
    if (subject.world !== "kubernetes") return;
    const links = field.get("enableServiceLinks");
    if (links.boolean !== false) report(links, "must be false", { mend: { value: false } });
  },
});
