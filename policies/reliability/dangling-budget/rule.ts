import { define } from "../../engine/rule";

export const rule = define({
  title: "A disruption budget selects something",
  severity: "medium",
  why: "A budget that selects nothing protects nothing, and everybody believes it does.",
  fix: "correct its selector or remove it",
  references: ["kube-linter dangling-pdb (by analogy with dangling-hpa)"],
  stack(stack, { report }) {
    for (const budget of stack.kubernetes("PodDisruptionBudget")) {
      const selector = stack.field(budget).get("spec", "selector");
      if (stack.selected(budget, selector).length === 0)
        report(budget, selector, "must select pods");
    }
  },
});
