import { define } from "../../engine/rule";
import { factOf } from "../../engine/facts";

export const rule = define({
  title: "Data outlives what declared it",
  severity: "high",
  why: "A stack that is destroyed, renamed or replaced takes the volume with it, and the data in it.",
  fix: 'protect it (protect: true, or retainOnDelete), or say atalaya.dev/retain: "true" where something else keeps it',
  references: ["GG-10", "no peer checks it"],
  object(field, subject, { report }) {
    const { type, pulumi, world, kind } = subject;
    const claim = world === "kubernetes" && kind === "PersistentVolumeClaim";
    const volume = type === "docker:index/volume:Volume";
    if (claim || volume) {
      const kept =
        factOf(subject, "retain").value === "true" ||
        field.get("metadata", "annotations", "helm.sh/resource-policy").text === "keep";
      // Without Pulumi nobody destroys by a program: kubectl deletes what it is told.
      if (pulumi !== undefined && !pulumi.protect && pulumi.retainOnDelete !== true && !kept) {
        report({ path: [], value: undefined }, "must be protected");
      }
    }
    if (world !== "kubernetes") return;
    if (kind === "StatefulSet") {
      const policy = field.get("spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted");
      if (policy.text === "Delete") report(policy, "must be Retain", { mend: { value: "Retain" } });
    }
    const reclaim =
      kind === "StorageClass"
        ? field.get("reclaimPolicy")
        : field.get("spec", "persistentVolumeReclaimPolicy");
    if (
      (kind === "StorageClass" || kind === "PersistentVolume") &&
      reclaim.text === "Delete" &&
      factOf(subject, "retain").value === "true"
    ) {
      report(reclaim, "must be Retain");
    }
  },
});
