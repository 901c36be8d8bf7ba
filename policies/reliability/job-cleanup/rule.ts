import { define } from "../../engine/rule";

export const rule = define({
  title: "A job is cleared away some time after it ended",
  severity: "low",
  why: "Jobs that ended stay with their pods until somebody removes them.",
  fix: "set ttlSecondsAfterFinished",
  references: ["Kyverno add-ttl-jobs", "kube-linter job-ttl-seconds-after-finished"],
  object(field, subject, { report }) {
    if (subject.world !== "kubernetes" || subject.kind !== "Job") return;
    // What makes it anew removes it, too: a schedule keeps a history, a program its state.
    const owned =
      field.get("metadata", "ownerReferences", 0).present || subject.pulumi !== undefined;
    const managed =
      field.get("metadata", "labels", "app.kubernetes.io/managed-by").text === "atalaya";
    const ttl = field.get("spec", "ttlSecondsAfterFinished");
    if (!owned && !managed && ttl.number === undefined) report(ttl, "must be set");
  },
});
