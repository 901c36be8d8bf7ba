import { define } from "../../engine/rule";

export const rule = define({
  title: "No pod takes a port of its node",
  severity: "medium",
  level: "mandatory",
  why: "A port of the node goes around Services and network policies, and two pods cannot share a node.",
  fix: "remove it and use a Service",
  references: [
    "CKV_K8S_26",
    "polaris hostPortSet",
    "Pod Security baseline",
    "NSA C-0044",
    "CIS-5.2.13",
  ],
  container({ ports, pod }, { report }) {
    if (pod.subject.world !== "kubernetes") return;
    for (const { published } of ports) {
      if (published.value !== undefined && published.value !== 0)
        report(published, "must not be set", { mend: { value: undefined } });
    }
  },
});
