import { define } from "../../engine/rule";
import { namespaceOf } from "../../engine/stack";

export const rule = define({
  title: "A StatefulSet names its Service, and the Service exists",
  severity: "medium",
  level: "mandatory",
  why: "Without it its pods have no names of their own, and peers do not find each other.",
  fix: "declare the Service and name it in serviceName",
  references: ["kube-score statefulset-has-servicename"],
  stack(stack, { report }) {
    const services = stack.kubernetes("Service");
    for (const set of stack.kubernetes("StatefulSet")) {
      const name = stack.field(set).get("spec", "serviceName");
      const found = services.some(
        (s) => s.name === name.text && namespaceOf(s) === namespaceOf(set),
      );
      if ((name.text ?? "") === "") report(set, name, "must be set");
      else if (services.length > 0 && !found)
        report(set, name, "must be the name of a Service in its namespace");
    }
  },
});
