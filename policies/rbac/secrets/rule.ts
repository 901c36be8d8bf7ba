import { define } from "../../engine/rule";
import { allows, grantsOf, isWildcard } from "../../engine/rbac";

export const rule = define({
  title: "Nobody reads all secrets",
  severity: "high",
  why: "list and watch show every value, whatever get would refuse.",
  fix: "mount the one secret that is needed, or limit the rule by resourceNames and get",
  references: [
    "CKV2_K8S_5",
    "Kyverno restrict-secret-role-verbs",
    "C-0015",
    "CIS-5.1.2",
    "kube-linter access-to-secrets",
  ],
  object(_field, subject, { report }) {
    for (const grant of grantsOf(subject)) {
      if (isWildcard(grant) || !grant.resources.includes("secrets")) continue;
      const all = allows(grant, { resources: ["secrets"], verbs: ["list", "watch"] });
      const any = grant.names.length === 0 && grant.verbs.includes("get");
      if (all || any)
        report(
          grant.field.get("resources"),
          "must not have secrets without names, nor with list or watch",
        );
    }
  },
});
