import { define } from "../../engine/rule";
import { DATABASE_PORTS, isDatabase, namespaceOf } from "../../engine/stack";
import type { Subject } from "../../engine/subject";
import { isLoopback } from "../../engine/gateways";

export const rule = define({
  title: "No database is reached from outside",
  severity: "critical",
  why: "An open database port is found within minutes, and a password is all that stands before the data.",
  fix: "remove the published port; reach it through a tunnel",
  references: ["OWASP A05", "NSA C-0256", "CIS Docker 5.8"],
  container({ ports, pod }, { report }) {
    for (const { target, published, address, field } of ports) {
      if (published.value === undefined || isLoopback(address)) continue;
      if (pod.subject.world === "kubernetes" && published.value === 0) continue;
      const open = DATABASE_PORTS.has(target.value ?? 0) || DATABASE_PORTS.has(published.value);
      if (open || isDatabase(pod)) report(field, "must not be published");
    }
  },
  stack(stack, { report }) {
    const databases = new Set<Subject>();
    for (const service of stack.kubernetes("Service")) {
      const spec = stack.field(service).get("spec");
      const pods = stack.selected(service, spec.get("selector"));
      const leads =
        pods.some(isDatabase) ||
        spec
          .get("ports")
          .items()
          .some(
            (p) =>
              DATABASE_PORTS.has(p.get("port").number ?? 0) ||
              DATABASE_PORTS.has(p.get("targetPort").number ?? 0),
          );
      if (!leads) continue;
      databases.add(service);
      const type = spec.get("type");
      if (type.text === "NodePort" || type.text === "LoadBalancer")
        report(service, type, "must be ClusterIP: it leads to a database");
    }
    for (const ingress of stack.kubernetes("Ingress")) {
      const paths = stack
        .field(ingress)
        .get("spec", "rules")
        .items()
        .flatMap((r) => r.get("http", "paths").items());
      for (const name of paths.map((p) => p.get("backend", "service", "name"))) {
        if (
          [...databases].some(
            (s) => s.name === name.text && namespaceOf(s) === namespaceOf(ingress),
          )
        ) {
          report(ingress, name, "must not lead to a database");
        }
      }
    }
  },
});
