import { define } from "../../engine/rule";
import { isDatabase } from "../../engine/stack";

export const rule = define({
  title: "A database's network leads nowhere else",
  severity: "medium",
  why: "A network with a way out lets whoever breaks into the database carry the data away.",
  fix: "make the network internal, and give who needs a way out another one",
  references: ["NSA C-0030", "OWASP Docker rule 5"],
  stack(stack, { report }) {
    const networks = [...stack.of("docker", "Network"), ...stack.of("compose", "Network")];
    for (const pod of stack.pods) {
      if (pod.subject.world === "kubernetes" || !isDatabase(pod)) continue;
      const field = stack.field(pod.subject);
      const joined = [
        ...field.get("taskSpec", "networksAdvanceds").items(),
        ...field.get("networksAdvanced").items(),
      ].flatMap((n) => [n.get("name").raw, n.get("id").raw]);
      const named = field.get("networks");
      const names = [
        ...joined,
        ...(Array.isArray(named.raw) ? named.texts : Object.keys(named.map)),
      ];
      for (const network of networks) {
        const { name } = network;
        if (
          !names.includes(name) &&
          !names.some((n) => n === stack.field(network).get("name").raw && n !== undefined)
        )
          continue;
        const internal = stack.field(network).get("internal");
        if (internal.boolean !== true)
          report(network, internal, `must be true: ${pod.subject.name} is on it`);
      }
      if (pod.subject.world === "compose" && !named.present)
        report(pod.subject, named, "must name an internal network: the default one leads outside");
    }
  },
});
