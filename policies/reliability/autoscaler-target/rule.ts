import { define } from "../../engine/rule";
import { namespaceOf } from "../../engine/stack";

export const rule = define({
  title: "An autoscaler has a target, and the target has no other",
  severity: "medium",
  why: "One without a target never scales; two on one target undo each other.",
  fix: "correct scaleTargetRef, or remove one of them",
  references: [
    "kube-score horizontalpodautoscaler-has-target",
    "kube-linter dangling-horizontalpodautoscaler",
    "Kyverno prevent-duplicate-hpa, check-hpa-exists",
  ],
  stack(stack, { report }) {
    const seen = new Map<string, string>();
    for (const scaler of stack.kubernetes("HorizontalPodAutoscaler")) {
      const target = stack.field(scaler).get("spec", "scaleTargetRef");
      const { kind, name } = {
        kind: target.get("kind").text ?? "",
        name: target.get("name").text ?? "",
      };
      const key = `${namespaceOf(scaler)}/${kind}/${name}`;
      if (
        !stack
          .kubernetes(kind)
          .some((s) => s.name === name && namespaceOf(s) === namespaceOf(scaler))
      ) {
        report(scaler, target, "must name something that exists");
      } else if (seen.has(key))
        report(scaler, target, `must not be the target of ${seen.get(key)!} too`);
      seen.set(key, scaler.name);
    }
  },
});
