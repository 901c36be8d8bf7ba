import { define } from "../../engine/rule";
import { type Field } from "../../engine/field";

export const rule = define({
  title: "Every alert reaches somebody",
  severity: "high",
  level: "advisory",
  why: "An alert that leads to no receiver, or to one without an address, is written nowhere.",
  fix: "give the route a receiver, and the receiver somebody to tell",
  references: ["no peer checks it"],
  stack(stack, { report }) {
    for (const file of stack.kubernetes("AlertmanagerConfig")) {
      const spec = stack.field(file).get("spec");
      const receivers = new Map(
        spec
          .get("receivers")
          .items()
          .map((r) => [r.get("name").text, r]),
      );
      const routes = (route: Field): Field[] => [
        route,
        ...route.get("routes").items().flatMap(routes),
      ];
      for (const at of routes(spec.get("route")).map((route) => route.get("receiver"))) {
        if (at.present && !receivers.has(at.text)) report(file, at, "must be one of the receivers");
      }
      if (!spec.get("route", "receiver").present)
        report(file, spec.get("route", "receiver"), "must be set");
      for (const receiver of receivers.values()) {
        if (
          !receiver
            .entries()
            .some(([key, list]) => key.endsWith("Configs") && list.items().length > 0)
        )
          report(file, receiver, "must tell somebody");
      }
    }
  },
});
