import { define } from "../../engine/rule";
import { namespaceOf } from "../../engine/stack";

export const rule = define({
  title: "Every namespace is closed before something is opened",
  severity: "high",
  why: "Where no policy selects a pod, everybody in the cluster reaches it, and it reaches everybody, the cloud's metadata service included.",
  fix: "add a NetworkPolicy with podSelector: {} and policyTypes: [Ingress, Egress]",
  references: [
    "CKV2_K8S_6",
    "kube-score pod-networkpolicy",
    "polaris missingNetworkPolicy",
    "Kyverno add-network-policy, require-netpol",
    "NSA C-0030",
    "NSA C-0260",
    "CIS-5.3.2",
    "kube-linter non-isolated-pod",
  ],
  stack(stack, { report }) {
    const policies = stack.kubernetes("NetworkPolicy");
    for (const [namespace, first] of stack.namespaces) {
      const closing = policies.filter((p) => {
        const selector = stack.field(p).get("spec", "podSelector");
        return (
          namespaceOf(p) === namespace &&
          selector
            .entries()
            .every(([, at]) =>
              Array.isArray(at.raw) ? at.raw.length === 0 : at.entries().length === 0,
            )
        );
      });
      const closed = (way: "Ingress" | "Egress"): boolean =>
        closing.some((p) => {
          const spec = stack.field(p).get("spec");
          const types = spec.get("policyTypes");
          return types.present
            ? types.texts.includes(way)
            : way === "Ingress" || spec.get("egress").present;
        });
      for (const way of ["Ingress", "Egress"] as const) {
        if (closed(way)) continue;
        const where =
          stack.kubernetes("Namespace").find((n) => n.name === namespace) ?? first.subject;
        report(
          where,
          { path: [], value: undefined },
          `namespace ${namespace} must have a default-deny NetworkPolicy for ${way}`,
        );
      }
    }
  },
});
