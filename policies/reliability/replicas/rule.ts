import { define } from "../../engine/rule";
import { isDatabase } from "../../engine/stack";
import { mayOverlap, scaledBy } from "../../engine/workloads";

export const rule = define({
  title: "What may overlap has two instances in production",
  severity: "medium",
  environments: ["prod"],
  why: "With one instance every restart, every node's maintenance and every crash is an outage.",
  fix: "set two or more; what must run alone says so by being replaced stop-first (Recreate)",
  references: [
    "kube-score deployment-replicas",
    "polaris deploymentMissingReplicas",
    "Kyverno require-deployments-have-multiple-replicas",
    "kube-linter minimum-three-replicas",
  ],
  stack(stack, { report }) {
    for (const pod of stack.pods) {
      const { subject, replicas, runs } = pod;
      if (replicas === undefined || runs !== "service" || isDatabase(pod) || !mayOverlap(pod))
        continue;
      // One machine is what compose and a single container are about.
      if (subject.world === "compose" || scaledBy(stack, subject) !== undefined) continue;
      const front = subject.world === "docker" && pod.containers.some((c) => c.ports.length > 0);
      if ((replicas.value ?? 1) < 2 && replicas.value !== 0 && !front)
        report(subject, replicas, "must be at least 2");
    }
  },
});
