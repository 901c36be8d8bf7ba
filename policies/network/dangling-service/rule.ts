import { define } from "../../engine/rule";
import { namespaceOf } from "../../engine/stack";

export const rule = define({
  title: "A Service leads to pods, at ports that they have",
  severity: "high",
  level: "advisory",
  why: "Its callers get refused connections, and nothing says why.",
  fix: "correct the selector or the port",
  references: [
    "kube-score service-targets-pod",
    "kube-linter dangling-service, invalid-target-ports",
  ],
  stack(stack, { report }) {
    for (const service of stack.kubernetes("Service")) {
      const spec = stack.field(service).get("spec");
      const selector = spec.get("selector");
      if (!selector.present || spec.get("type").text === "ExternalName") continue;
      // Where nothing of its namespace is to be seen, nobody can tell.
      if (stack.podsIn(namespaceOf(service)).length === 0) continue;
      const pods = stack.selected(service, selector);
      if (pods.length === 0) {
        report(service, selector, "must select pods");
        continue;
      }
      const has = pods.flatMap((pod) => pod.containers.flatMap((c) => c.ports));
      for (const port of spec.get("ports").items()) {
        const target = port.get("targetPort").present ? port.get("targetPort") : port.get("port");
        const number = target.number;
        const known =
          number === undefined
            ? has.some((p) => p.name === target.text)
            : has.length === 0 || has.some((p) => p.target.value === number);
        if (!known) report(service, target, "must be a port of the pods that it selects");
      }
    }
  },
});
