import { define } from "../../engine/rule";

export const rule = define({
  title: "The kernel's files in /proc stay masked",
  severity: "high",
  why: "Unmasked, a container reads and writes settings of the machine's kernel.",
  fix: "remove it",
  references: [
    "Pod Security baseline",
    "polaris procMount",
    "Kyverno disallow-proc-mount",
    "kube-linter unsafe-proc-mount",
  ],
  container({ procMount }, { report }) {
    if (procMount?.value !== undefined && procMount.value !== "Default") {
      report(procMount, "must be Default", { mend: { value: undefined } });
    }
  },
});
