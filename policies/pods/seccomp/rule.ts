import { define } from "../../engine/rule";

export const rule = define({
  title: "Containers have a seccomp profile",
  severity: "medium",
  why: "Without one a process may make every call to the kernel, the rarely tested ones included; most ways out of a container use one of those.",
  fix: "set RuntimeDefault for the pod",
  references: [
    "CKV_K8S_31",
    "kube-score container-seccomp-profile",
    "polaris linuxHardening",
    "Pod Security restricted",
    "NSA C-0055",
    "CIS-5.7.2",
  ],
  container({ seccomp }, { report }) {
    if (seccomp === undefined) return;
    if (seccomp.value === undefined)
      report(seccomp, "must be set", { mend: { value: "RuntimeDefault" } });
    else if (seccomp.value === "Unconfined") report(seccomp, "must not be unconfined");
  },
});
