import { define } from "../../engine/rule";

export const rule = define({
  title: "No container is privileged",
  severity: "critical",
  why: "A privileged container is the machine's root: whoever breaks into it owns every other container there.",
  fix: "remove it and add the one capability that is needed, if any",
  references: [
    "CKV_K8S_16",
    "kube-score container-security-context-privileged",
    "polaris runAsPrivileged",
    "Pod Security baseline",
    "NSA C-0057",
    "CIS-5.2.2",
    "kube-linter privileged-container",
  ],
  container({ privileged }, { report }) {
    if (privileged?.value === true)
      report(privileged, "must not be true", { mend: { value: false } });
  },
});
