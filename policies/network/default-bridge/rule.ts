import { define } from "../../engine/rule";

export const rule = define({
  title: "Containers have a network of their own",
  severity: "medium",
  why: "On the engine's default bridge every container reaches every other one.",
  fix: "make a network and name it",
  references: ["CIS Docker 5.29", "OWASP Docker rule 5"],
  object(field, { type }, { report }) {
    if (type !== "docker:index/container:Container") return;
    const networks = field.get("networksAdvanced");
    // The provider says bridge where nobody says anything, and leaves it for the networks that are named.
    if (networks.items().length > 0) return;
    const mode = field.get("networkMode");
    if (["bridge", "default"].includes(mode.text ?? "bridge")) report(networks, "must be set");
  },
});
