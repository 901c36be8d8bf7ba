import { define } from "../../engine/rule";
import { isGateway, mayBeExposed } from "../../engine/gateways";

export const rule = define({
  title: "Only gateways are reached from outside the cluster",
  severity: "high",
  why: "What is exposed beside the gateway has no TLS, no rate limit and no access log.",
  fix: "make it a ClusterIP and lead to it through the gateway, or name it in the configuration's exposed",
  references: [
    "kube-score service-type",
    "Kyverno restrict-loadbalancer, restrict-node-port",
    "NSA C-0256",
    "kube-linter exposed-services",
  ],
  stack(stack, { config, report }) {
    for (const service of stack.kubernetes("Service")) {
      const type = stack.field(service).get("spec", "type");
      if (
        (type.text !== "NodePort" && type.text !== "LoadBalancer") ||
        mayBeExposed(config, service)
      )
        continue;
      const pods = stack.selected(service, stack.field(service).get("spec", "selector"));
      const internal = Object.entries(stack.field(service).get("metadata", "annotations").map).some(
        ([key, value]) => /internal/i.test(key) && value !== "false",
      );
      if (pods.length > 0 && pods.every(isGateway)) {
        if (type.text === "LoadBalancer") continue;
        // A port of every node is no entrance for the world unless somebody decided so.
        report(service, type, "must be LoadBalancer");
      } else if (!internal) report(service, type, "must be ClusterIP");
    }
  },
});
