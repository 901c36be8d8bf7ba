import { define } from "../../engine/rule";
import { namespaceOf } from "../../engine/stack";

export const rule = define({
  title: "A network policy means pods that exist",
  severity: "medium",
  why: "A policy for nobody protects nobody, mostly because a label was renamed.",
  fix: "correct the selector or remove the policy",
  references: [
    "kube-score networkpolicy-targets-pod",
    "kube-linter dangling-networkpolicy, dangling-networkpolicypeer-podselector",
  ],
  stack(stack, { report }) {
    for (const policy of stack.kubernetes("NetworkPolicy")) {
      // Where nothing of its namespace is to be seen, nobody can tell.
      if (stack.podsIn(namespaceOf(policy)).length === 0) continue;
      const spec = stack.field(policy).get("spec");
      const own = spec.get("podSelector");
      if (stack.selected(policy, own).length === 0) report(policy, own, "must select pods");
      for (const [way, peers] of [
        ["ingress", "from"],
        ["egress", "to"],
      ] as const) {
        for (const peer of spec
          .get(way)
          .items()
          .flatMap((open) => open.get(peers).items())) {
          const selector = peer.get("podSelector");
          if (!selector.present || peer.get("namespaceSelector").present) continue;
          if (stack.selected(policy, selector).length === 0)
            report(policy, selector, "must select pods");
        }
      }
    }
  },
});
