import { define } from "../../engine/rule";
import { grantsOf, isWildcard } from "../../engine/rbac";

export const rule = define({
  title: "Nobody may give himself more rights",
  severity: "critical",
  why: "escalate, bind and impersonate are every right there is, by one step more.",
  fix: "remove the verb",
  references: [
    "CKV_K8S_157",
    "CKV_K8S_158",
    "CKV2_K8S_1",
    "CKV2_K8S_3",
    "Kyverno restrict-escalation-verbs-roles",
    "CIS-5.1.8",
  ],
  object(_field, subject, { report }) {
    for (const grant of grantsOf(subject)) {
      if (isWildcard(grant)) continue;
      const found = grant.verbs.filter((verb) =>
        ["escalate", "bind", "impersonate"].includes(verb),
      );
      if (found.length > 0) report(grant.field.get("verbs"), `must not have ${found.join(", ")}`);
    }
  },
});
