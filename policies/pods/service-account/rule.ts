import { define } from "../../engine/rule";

export const rule = define({
  title: "Pods have a service account of their own",
  severity: "low",
  why: "What somebody grants to the default account, everybody in the namespace has.",
  fix: "make a ServiceAccount for it and name it",
  references: [
    "CKV_K8S_41",
    "Kyverno restrict-service-account",
    "CIS-5.1.5",
    "kube-linter default-service-account, deprecated-service-account-field",
  ],
  pod({ subject, field }, { report }) {
    if (subject.world !== "kubernetes") return;
    const name = field.get("serviceAccountName");
    const old = field.get("serviceAccount");
    if (old.present && !name.present)
      report(old, "must be written as serviceAccountName", {
        mend: { path: name.path, value: old.text },
      });
    else if ((name.text ?? "default") === "default")
      report(name, "must name an account of its own");
  },
});
