import { define } from "../../engine/rule";

export const rule = define({
  title: "Nobody gets a token of the cluster's API without using it",
  severity: "medium",
  level: "mandatory",
  why: "A token that is mounted into every pod is what an intruder looks for first.",
  fix: "set it to false; whoever needs the API gets an account of its own and an exemption",
  references: [
    "CKV_K8S_38",
    "polaris automountServiceAccountToken",
    "Kyverno restrict-automount-sa-token",
    "NSA C-0034",
    "CIS-5.1.6",
  ],
  pod({ subject, field }, { report }) {
    if (subject.world !== "kubernetes") return;
    const mount = field.get("automountServiceAccountToken");
    if (mount.boolean !== false) report(mount, "must be false", { mend: { value: false } });
  },
});
