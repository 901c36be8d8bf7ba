import { define } from "../../engine/rule";

export const rule = define({
  title: "Containers listen above port 1023",
  severity: "low",
  why: "A lower port asks for a right that the container else does not need.",
  fix: "listen on another port; the Service keeps its own",
  references: ["kube-linter privileged-ports", "CIS Docker 5.7"],
  container({ ports, pod }, { report }) {
    if (pod.subject.world !== "kubernetes") return;
    for (const { target } of ports) {
      if ((target.value ?? 1024) < 1024) report(target, "must be above 1023");
    }
  },
});
