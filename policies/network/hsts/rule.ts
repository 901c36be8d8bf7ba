import { define } from "../../engine/rule";
import { namespaceOf } from "../../engine/stack";
import { isGateway } from "../../engine/gateways";
import { factOf, podFact } from "../../engine/facts";

export const rule = define({
  title: "Public hosts tell browsers to come back over TLS only",
  severity: "low",
  why: "Without Strict-Transport-Security the first request of every visit may go over plain HTTP, where it can be kept there.",
  fix: "send Strict-Transport-Security from the gateway and say so in the annotation atalaya.dev/hsts",
  references: ["OWASP HSTS", "GG-12"],
  stack(stack, { report }) {
    for (const ingress of stack.kubernetes("Ingress")) {
      const said = factOf(ingress, "hsts");
      const whole = Object.values(stack.field(ingress).get("metadata", "annotations").map).join(
        "\n",
      );
      if (said.value === undefined && !/strict-transport-security|hsts/i.test(whole))
        report(ingress, said, "must be set");
    }
    for (const pod of stack.pods) {
      if (pod.subject.world !== "kubernetes" || !isGateway(pod)) continue;
      const mounted = pod.field
        .get("volumes")
        .items()
        .map((v) => v.get("configMap", "name").text);
      const files = stack
        .kubernetes("ConfigMap")
        .filter((c) => namespaceOf(c) === namespaceOf(pod.subject) && mounted.includes(c.name));
      // A gateway without a file of its own is configured by Ingresses.
      if (files.length === 0 || podFact(pod, "hsts").value !== undefined) continue;
      const sends = files.some((c) =>
        Object.values(stack.field(c).get("data").map).some((text) =>
          /strict-transport-security/i.test(text),
        ),
      );
      if (!sends)
        report(
          files[0]!,
          { path: ["data"], value: undefined },
          "must have the header Strict-Transport-Security",
        );
    }
  },
});
