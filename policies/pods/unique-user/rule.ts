import { define } from "../../engine/rule";
import { namespaceOf } from "../../engine/stack";
import type { Pod } from "../../engine/view";

export const rule = define({
  title: "Workloads of one namespace have users of their own",
  severity: "low",
  level: "disabled",
  why: "Two workloads with the same number read each other's files on a shared volume or node.",
  fix: "give each workload a number of its own",
  references: ["Kyverno require-unique-uid-per-workload"],
  stack(stack, { report }) {
    const owners = new Map<string, Pod>();
    for (const pod of stack.pods) {
      for (const { user } of pod.containers.filter((c) => c.role === "main")) {
        if (typeof user.value !== "number") continue;
        const key = `${namespaceOf(pod.subject)}/${user.value}`;
        const owner = owners.get(key);
        if (owner === undefined) owners.set(key, pod);
        else if (owner.subject !== pod.subject) {
          report(
            pod.subject,
            user,
            `must not be the user of ${owner.subject.kind} ${owner.subject.name}`,
          );
        }
      }
    }
  },
});
