import { define } from "../../engine/rule";

export const rule = define({
  title: "Images are asked for at every start",
  severity: "low",
  level: "disabled",
  why: "A node that has the image starts it for anybody on it, without asking whether he may have it; with a registry that is away nothing starts, so many decide against it.",
  fix: "set Always",
  references: [
    "CKV_K8S_15",
    "kube-score container-image-pull-policy",
    "polaris pullPolicyNotAlways",
    "Kyverno imagepullpolicy-always",
    "NSA C-0075",
  ],
  container({ pullPolicy }, { report }) {
    if (pullPolicy !== undefined && pullPolicy.value?.toLowerCase() !== "always")
      report(pullPolicy, "must be Always");
  },
});
