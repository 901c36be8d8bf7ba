import { define } from "../../engine/rule";
import { bindingOf } from "../../engine/rbac";

export const rule = define({
  title: "Nothing is granted to a default account",
  severity: "medium",
  why: "Every pod that names no account of its own gets the right.",
  fix: "bind an account of the workload's own",
  references: ["CKV_K8S_42", "CIS-5.1.5"],
  object(_field, subject, { report }) {
    for (const who of bindingOf(subject)?.subjects ?? []) {
      if (who.get("kind").text === "ServiceAccount" && who.get("name").text === "default")
        report(who.get("name"), "must not be default");
    }
  },
});
