import { define } from "../../engine/rule";

export const rule = define({
  title: "No process gets more rights than its parent",
  severity: "high",
  why: "A setuid program in the image is enough to become root in the container; Kubernetes allows it unless told otherwise.",
  fix: "set it to false (Docker: the security option no-new-privileges:true)",
  references: [
    "CKV_K8S_20",
    "polaris privilegeEscalationAllowed",
    "Pod Security restricted",
    "NSA C-0016",
    "CIS-5.2.6",
    "kube-linter privilege-escalation-container",
  ],
  container({ escalation, pod }, { report }) {
    if (escalation === undefined || escalation.value === false) return;
    // Docker's option stands in a list beside others.
    const mend = pod.subject.world === "kubernetes" ? { mend: { value: false } } : {};
    report(escalation, "must be forbidden", mend);
  },
});
