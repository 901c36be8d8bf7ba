import { define } from "../../engine/rule";
import { isDatabase } from "../../engine/stack";
import { isGateway, mayBeExposed, isLoopback } from "../../engine/gateways";

export const rule = define({
  title: "Only gateways publish ports of the machine",
  severity: "high",
  why: "Docker opens a published port past the machine's firewall, to the world.",
  fix: "publish it on 127.0.0.1, or lead to it through the gateway, or name it in the configuration's exposed",
  references: ["CIS Docker 5.8", "CIS Docker 5.13", "OWASP Docker rule 5"],
  pod(pod, { config, report }) {
    const { subject } = pod;
    // A database has a rule of its own, which says more.
    if (subject.world === "kubernetes" || isDatabase(pod) || mayBeExposed(config, subject)) return;
    const gateway = isGateway(pod);
    for (const { field, published, address } of pod.containers.flatMap((c) => c.ports)) {
      if (published.value === undefined || isLoopback(address)) continue;
      if (!gateway) report(field, "must not be published to the world");
      // On a laptop 80 and 443 are often taken.
      else if (config.environment === "prod" && !config.publicPorts.includes(published.value))
        report(field, `must be one of the ports ${config.publicPorts.join(", ")}`);
    }
  },
});
