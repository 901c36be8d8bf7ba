import { define } from "../../engine/rule";

/** A Secret that the cluster fills with a token, which has no end and is there for everybody who reads Secrets. */
const OWN_TOKEN = "kubernetes.io/service-account-token";

export const rule = define({
  title: "Nobody gets a token of the cluster's API without using it",
  severity: "medium",
  level: "mandatory",
  why: "A token that is mounted into every pod is what an intruder looks for first.",
  fix: "set it to false; whoever needs the API gets an account of its own and an exemption",
  references: [
    "CKV_K8S_38",
    "polaris automountServiceAccountToken",
    "Kyverno restrict-automount-sa-token, deny-secret-service-account-token-type",
    "NSA C-0034",
    "CIS-5.1.6",
  ],
  pod({ subject, field }, { report }) {
    if (subject.world !== "kubernetes") return;
    const mount = field.get("automountServiceAccountToken");
    if (mount.boolean !== false) report(mount, "must be false", { mend: { value: false } });
  },
  object(field, { world, kind }, { report }) {
    const type = field.get("type");
    if (world === "kubernetes" && kind === "Secret" && type.text === OWN_TOKEN)
      report(type, "must not be a token: this one never ends", {
        fix: "remove it; a pod that needs the API mounts a projected token, others ask for one (kubectl create token)",
      });
  },
});
