import { define } from "../../engine/rule";

export const rule = define({
  title: "No container runs as root",
  severity: "high",
  why: "Root in a container is root on the machine as soon as one wall breaks, and owns every mounted file before that.",
  fix: "set a numeric user other than 0, and runAsNonRoot: true on Kubernetes",
  references: [
    "CKV_K8S_23",
    "polaris runAsRootAllowed",
    "Pod Security restricted",
    "NSA C-0013",
    "CIS-5.2.7",
    "kube-linter run-as-non-root",
  ],
  container({ user, nonRoot, pod }, { report }) {
    if (user.value === 0 || user.value === "root") report(user, "must not be root");
    else if (pod.subject.world !== "kubernetes") {
      if (user.value === undefined) report(user, "must be set: without it the image decides");
    } else if (nonRoot?.value !== true) {
      report(nonRoot!, "must be true", user.value === undefined ? {} : { mend: { value: true } });
    }
  },
});
