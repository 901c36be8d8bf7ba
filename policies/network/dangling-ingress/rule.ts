import { define } from "../../engine/rule";
import { namespaceOf } from "../../engine/stack";

export const rule = define({
  title: "An Ingress leads to a Service that exists, at a port that it has",
  severity: "medium",
  why: "Visitors get an error page of the gateway.",
  fix: "correct the name or the port",
  references: ["kube-score ingress-targets-service", "kube-linter dangling-ingress"],
  stack(stack, { report }) {
    const services = stack.kubernetes("Service");
    for (const ingress of stack.kubernetes("Ingress")) {
      // Where no Service of its namespace is to be seen, nobody can tell.
      const near = services.filter((s) => namespaceOf(s) === namespaceOf(ingress));
      if (near.length === 0) continue;
      const paths = stack
        .field(ingress)
        .get("spec", "rules")
        .items()
        .flatMap((r) => r.get("http", "paths").items());
      for (const backend of paths.map((p) => p.get("backend", "service"))) {
        if (!backend.present) continue;
        const found = near.find((s) => s.name === backend.get("name").text);
        const port = backend.get("port");
        if (found === undefined)
          report(ingress, backend.get("name"), "must be a Service of its namespace");
        else if (
          !stack
            .field(found)
            .get("spec", "ports")
            .items()
            .some(
              (p) =>
                (p.get("port").number === port.get("number").number &&
                  port.get("number").present) ||
                (p.get("name").text === port.get("name").text && port.get("name").present),
            )
        ) {
          report(ingress, port, `must be a port of Service ${found.name}`);
        }
      }
    }
  },
});
