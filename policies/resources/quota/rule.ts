import { define } from "../../engine/rule";
import { namespaceOf } from "../../engine/stack";

export const rule = define({
  title: "A namespace has a ceiling, and defaults for who says nothing",
  severity: "low",
  why: "One system with a mistake in its autoscaler takes the whole cluster.",
  fix: "add a ResourceQuota and a LimitRange to the namespace",
  references: ["Kyverno add-ns-quota"],
  stack(stack, { report }) {
    for (const [namespace, first] of stack.namespaces) {
      const where =
        stack.kubernetes("Namespace").find((n) => n.name === namespace) ?? first.subject;
      for (const kind of ["ResourceQuota", "LimitRange"]) {
        if (stack.kubernetes(kind).some((q) => namespaceOf(q) === namespace)) continue;
        report(where, { path: [], value: undefined }, `namespace ${namespace} must have a ${kind}`);
      }
    }
  },
});
