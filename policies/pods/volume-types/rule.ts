import { define } from "../../engine/rule";

/** As Pod Security's restricted level has them; paths of the machine have a rule of their own. */
const ALLOWED = new Set([
  "name",
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "image",
  "persistentVolumeClaim",
  "projected",
  "secret",
  "hostPath",
]);

export const rule = define({
  title: "Only volumes of the common kinds are mounted",
  severity: "low",
  why: "NFS, iSCSI and the like in a pod go around the storage classes' own rules, and their passwords stand in the pod.",
  fix: "use a PersistentVolumeClaim",
  references: ["Pod Security restricted", "Kyverno restrict-volume-types"],
  pod({ subject, field }, { report }) {
    if (subject.world !== "kubernetes") return;
    for (const [kind, at] of field
      .get("volumes")
      .items()
      .flatMap((v) => v.entries())) {
      if (!ALLOWED.has(kind)) report(at, "must be a claim");
    }
  },
});
