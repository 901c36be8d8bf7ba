import { define } from "../../engine/rule";
import { bindingOf } from "../../engine/rbac";

export const rule = define({
  title: "Nobody is made administrator of the cluster",
  severity: "critical",
  why: "Whoever holds that account holds every secret of every system.",
  fix: "grant a role with what is needed, in one namespace",
  references: [
    "polaris clusterrolebindingClusterAdmin, rolebindingClusterAdminClusterRole",
    "Kyverno restrict-binding-clusteradmin",
    "NSA C-0035",
    "CIS-5.1.1",
    "kube-linter cluster-admin-role-binding",
  ],
  object(_field, subject, { report }) {
    const binding = bindingOf(subject);
    if (binding?.role.text === "cluster-admin" || binding?.role.text === "admin")
      report(binding.role, `must not be ${binding.role.text}`);
  },
});
