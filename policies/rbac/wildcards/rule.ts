import { define } from "../../engine/rule";
import { grantsOf } from "../../engine/rbac";

export const rule = define({
  title: "No role grants everything",
  severity: "high",
  why: "A star also means what an operator or a new version adds later.",
  fix: "name the groups, the resources and the verbs that are needed",
  references: [
    "CKV_K8S_49",
    "Kyverno restrict-wildcard-resources, restrict-wildcard-verbs",
    "CIS-5.1.3",
    "kube-linter wildcard-in-rules",
  ],
  object(_field, subject, { report }) {
    for (const { field } of grantsOf(subject)) {
      for (const key of ["apiGroups", "resources", "verbs"]) {
        const list = field.get(key);
        if (list.texts.includes("*")) report(list, "must not have *");
      }
    }
  },
});
