import { define } from "../../engine/rule";
import { grantsOf, isWildcard } from "../../engine/rbac";

/** What makes pods, directly or by a controller. */
const MAKERS = [
  "pods",
  "deployments",
  "statefulsets",
  "daemonsets",
  "replicasets",
  "jobs",
  "cronjobs",
  "replicationcontrollers",
];

export const rule = define({
  title: "Programs do not make pods",
  severity: "medium",
  why: "Whoever makes a pod reads every secret and uses every account of its namespace.",
  fix: "remove create and patch, or keep such a program in a namespace of its own and exempt it",
  references: ["CIS-5.1.4", "kube-linter access-to-create-pods"],
  object(_field, subject, { report }) {
    for (const grant of grantsOf(subject)) {
      if (isWildcard(grant)) continue;
      const making = grant.verbs.some((verb) => ["create", "update", "patch"].includes(verb));
      if (making && grant.resources.some((r) => MAKERS.includes(r)))
        report(grant.field.get("verbs"), "must not make or change workloads");
    }
  },
});
