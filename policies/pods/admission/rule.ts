import { define } from "../../engine/rule";

export const rule = define({
  title: "Namespaces enforce a Pod Security level",
  severity: "medium",
  why: "The API server then refuses what these rules were not asked about: pods made by hand, by an operator, by an intruder.",
  fix: "label the namespace pod-security.kubernetes.io/enforce: restricted (or baseline)",
  references: ["CIS-5.2.1", "Pod Security admission"],
  object(field, { world, kind, name }, { report }) {
    if (world !== "kubernetes" || kind !== "Namespace" || /^kube-/.test(name)) return;
    const level = field.get("metadata", "labels", "pod-security.kubernetes.io/enforce");
    if (level.text !== "restricted" && level.text !== "baseline")
      report(level, "must be restricted or baseline");
  },
});
