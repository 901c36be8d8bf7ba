import { define } from "../../engine/rule";
import { grantsOf, isWildcard } from "../../engine/rbac";

export const rule = define({
  title: "Nobody runs commands in pods or on nodes",
  severity: "high",
  why: "A shell in a pod is everything that the pod may do and read; the nodes' proxy is a shell in every pod.",
  fix: "remove it; who is on call gets it for an hour, by name",
  references: [
    "CKV2_K8S_2",
    "polaris clusterrolePodExecAttach",
    "Kyverno restrict-clusterrole-nodesproxy",
    "NSA C-0002",
    "CIS-5.1.10",
  ],
  object(_field, subject, { report }) {
    for (const grant of grantsOf(subject)) {
      if (isWildcard(grant)) continue;
      const found = grant.resources.filter((r) =>
        ["pods/exec", "pods/attach", "pods/ephemeralcontainers", "nodes/proxy"].includes(r),
      );
      if (found.length > 0)
        report(grant.field.get("resources"), `must not have ${found.join(", ")}`);
    }
  },
});
