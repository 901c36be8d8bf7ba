import { define } from "../../engine/rule";
import { matches, namespaceOf } from "../../engine/stack";
import { isGateway } from "../../engine/gateways";
import { factOf, podFact } from "../../engine/facts";

export const rule = define({
  title: "Every public host has an alert on its certificate's end",
  severity: "medium",
  why: "A renewal that fails says nothing for weeks, and then everything is down at once.",
  fix: "add the alert and name it in atalaya.dev/certificate-alert",
  references: ["GG-12", "no peer checks it"],
  stack(stack, { report }) {
    for (const ingress of stack.kubernetes("Ingress", "Gateway")) {
      const alert = factOf(ingress, "certificateAlert");
      if (alert.value === undefined) report(ingress, alert, "must be set");
    }
    for (const pod of stack.pods) {
      const exposed =
        isGateway(pod) &&
        (pod.containers.some((c) => c.ports.some((p) => p.published.value === 443)) ||
          stack
            .kubernetes("Service")
            .some(
              (s) =>
                stack.field(s).get("spec", "type").text === "LoadBalancer" &&
                namespaceOf(s) === namespaceOf(pod.subject) &&
                matches(stack.field(s).get("spec", "selector"), pod.labels),
            ));
      const alert = podFact(pod, "certificateAlert");
      if (exposed && alert.value === undefined) report(pod.subject, alert, "must be set");
    }
  },
});
