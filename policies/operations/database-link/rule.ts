import { define } from "../../engine/rule";
import { isDatabase, matches, namespaceOf } from "../../engine/stack";
import { speaksOf } from "../../engine/workloads";

export const rule = define({
  title: "Nothing reaches a database without using it",
  severity: "medium",
  why: "A way that nobody needs is a way for whoever breaks in.",
  fix: "close the way, or give the consumer its setting (a host in its environment, a secret) so that the link is real",
  references: ["NSA C-0260", "no peer checks it"],
  stack(stack, { report }) {
    for (const policy of stack.kubernetes("NetworkPolicy")) {
      const spec = stack.field(policy).get("spec");
      const databases = stack.selected(policy, spec.get("podSelector")).filter(isDatabase);
      if (databases.length === 0) continue;
      const names = stack
        .kubernetes("Service")
        .filter(
          (s) =>
            namespaceOf(s) === namespaceOf(policy) &&
            databases.some((d) => matches(stack.field(s).get("spec", "selector"), d.labels)),
        )
        .map((s) => s.name);
      for (const peer of spec
        .get("ingress")
        .items()
        .flatMap((open) => open.get("from").items())) {
        const selector = peer.get("podSelector");
        if (!selector.present || peer.get("namespaceSelector").present) continue;
        for (const consumer of stack.selected(policy, selector)) {
          if (isDatabase(consumer) || names.length === 0) continue;
          if (!speaksOf(stack, consumer, names)) {
            report(
              policy,
              selector,
              `must not let in ${consumer.subject.kind} ${consumer.subject.name}, which has nothing that names ${names.join(" or ")}`,
            );
          }
        }
      }
    }
  },
});
