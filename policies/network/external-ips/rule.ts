import { isLoopback } from "../../engine/gateways";
import { define } from "../../engine/rule";

export const rule = define({
  title: "No Service takes an address of somebody else",
  severity: "high",
  why: "With externalIPs a Service takes the traffic for any address, another system's included (CVE-2020-8554).",
  fix: "remove it and use a LoadBalancer",
  references: [
    "Kyverno restrict-service-external-ips, disallow-localhost-services",
    "CVE-2020-8554",
  ],
  object(field, { kind, world }, { report }) {
    if (world !== "kubernetes" || kind !== "Service") return;
    const addresses = field.get("spec", "externalIPs");
    if (addresses.items().length > 0) report(addresses, "must be empty");
    const name = field.get("spec", "externalName");
    if (isLoopback(name.text?.replace(/\.$/, "")))
      report(name, "must not be the machine that asks: a gateway would lead into itself", {
        fix: "name a host of its own",
      });
  },
});
