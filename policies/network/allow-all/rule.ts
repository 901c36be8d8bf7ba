import { define } from "../../engine/rule";
import { type Field } from "../../engine/field";
import { isGateway, mayBeExposed } from "../../engine/gateways";

/** `{}`, or a selector of everything. */
const everything = (selector: Field): boolean =>
  selector.present &&
  !selector.get("matchLabels").present &&
  !selector.get("matchExpressions").present;

export const rule = define({
  title: "No network policy opens everything",
  severity: "high",
  why: "An empty rule, or one for every namespace or every address, takes back what the other policies close.",
  fix: "name the pods, the namespaces or the addresses, and the ports",
  references: ["Kyverno restrict-networkpolicy-empty-podselector", "NSA C-0260"],
  stack(stack, { config, report }) {
    for (const policy of stack.kubernetes("NetworkPolicy")) {
      const spec = stack.field(policy).get("spec");
      const gateways = stack.selected(policy, spec.get("podSelector"));
      const entrance =
        gateways.length > 0 &&
        gateways.every((pod) => isGateway(pod) || mayBeExposed(config, pod.subject));
      for (const [way, peers] of [
        ["ingress", "from"],
        ["egress", "to"],
      ] as const) {
        for (const open of spec.get(way).items()) {
          const list = open.get(peers).items();
          const ports = open.get("ports").items().length > 0;
          if (list.length === 0 && !(ports && way === "ingress" && entrance))
            report(policy, open.get(peers), "must name somebody");
          for (const peer of list) {
            const block = peer.get("ipBlock");
            const world = /^(?:0\.0\.0\.0|::)\/0$/.test(block.get("cidr").text ?? "");
            const all =
              everything(peer.get("namespaceSelector")) &&
              (!peer.get("podSelector").present || everything(peer.get("podSelector")));
            if (all) report(policy, peer.get("namespaceSelector"), "must name namespaces");
            else if (world && way === "ingress" && !(entrance && ports))
              report(policy, block.get("cidr"), "must not be the whole world: this is no gateway");
            else if (
              world &&
              way === "egress" &&
              (!ports || block.get("except").items().length === 0)
            ) {
              report(policy, block, "must name ports, and except private and metadata addresses");
            }
          }
        }
      }
    }
  },
});
