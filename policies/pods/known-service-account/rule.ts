import { define } from "../../engine/rule";
import { namespaceOf } from "../../engine/stack";

export const rule = define({
  title: "The service account that a pod names exists",
  severity: "medium",
  why: "Without it no pod is created at all, and the update waits until its deadline.",
  fix: "declare the ServiceAccount, or correct the name",
  references: ["kube-linter non-existent-service-account"],
  stack(stack, { report }) {
    const accounts = stack.kubernetes("ServiceAccount");
    // Where none is declared they come from elsewhere.
    if (accounts.length === 0) return;
    const known = new Set(accounts.map((a) => `${namespaceOf(a)}/${a.name}`));
    for (const pod of stack.pods) {
      const name = pod.field.get("serviceAccountName");
      if (pod.subject.world !== "kubernetes" || (name.text ?? "default") === "default") continue;
      if (!known.has(`${namespaceOf(pod.subject)}/${name.text!}`))
        report(pod.subject, name, "must be declared");
    }
  },
});
