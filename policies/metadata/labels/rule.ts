import { define } from "../../engine/rule";
import { Field } from "../../engine/field";

export const rule = define({
  title: "Workloads say what they are and to what they belong",
  severity: "low",
  why: "Who is paged at night sees a name and has to know whose it is.",
  fix: "set app.kubernetes.io/name and app.kubernetes.io/part-of (Docker: atalaya.system and atalaya.component), and what the configuration asks for",
  references: ["Kyverno require-labels", "C-0076", "C-0077", "kube-linter required-label-owner"],
  pod({ subject, labels }, { config, report }) {
    const field = new Field(subject.props);
    const at =
      subject.world === "kubernetes" ? field.get("metadata", "labels") : field.get("labels");
    const own = subject.world === "kubernetes" ? { ...labels, ...at.map } : labels;
    const wanted =
      subject.world === "kubernetes"
        ? ["app.kubernetes.io/name", "app.kubernetes.io/part-of"]
        : ["atalaya.system", "atalaya.component"];
    const missing = [...wanted, ...config.requiredLabels].filter((key) => !Object.hasOwn(own, key));
    if (missing.length > 0 && at.value !== null) report(at, `must have ${missing.join(", ")}`);
  },
});
