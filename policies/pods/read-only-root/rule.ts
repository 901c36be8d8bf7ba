import { define } from "../../engine/rule";

export const rule = define({
  title: "The root file system is read-only",
  severity: "medium",
  level: "mandatory",
  why: "Whoever breaks in cannot change the program or leave tools behind, and nothing fills the node's disk unseen.",
  fix: "set it to true and mount memory or a volume where the program has to write",
  references: [
    "CKV_K8S_22",
    "kube-score container-security-context-readonlyrootfilesystem",
    "polaris notReadOnlyRootFilesystem",
    "Kyverno require-ro-rootfs",
    "NSA C-0017",
    "kube-linter no-read-only-root-fs",
  ],
  container({ readOnlyRoot }, { report }) {
    if (readOnlyRoot.value !== true) report(readOnlyRoot, "must be true");
  },
});
