import { define } from "../../engine/rule";
import type { Subject } from "../../engine/subject";

export const rule = define({
  title: "An Ingress names its hosts, and its certificate has them",
  severity: "medium",
  why: "Without a host it answers to every name, somebody else's included; a host without its certificate shows a warning that people learn to click away.",
  fix: "name the host, under rules and under tls",
  references: [
    "Kyverno disallow-empty-ingress-host, ingress-host-match-tls, restrict-ingress-wildcard",
    "Kyverno restrict-ingress-host, unique-ingress-host-and-path, unique-ingress-paths",
  ],
  object(field, { kind, world }, { report }) {
    if (world !== "kubernetes" || kind !== "Ingress") return;
    const tls = field.get("spec", "tls").items();
    const covered = tls.flatMap((t) => t.get("hosts").texts);
    const fallback = field.get("spec", "defaultBackend");
    if (fallback.present) report(fallback, "must not be set: it answers to every name");
    for (const host of field
      .get("spec", "rules")
      .items()
      .map((r) => r.get("host"))) {
      const name = host.text ?? "";
      const wild = `*.${name.split(".").slice(1).join(".")}`;
      if (name === "" || name === "*") report(host, "must be a host's name");
      else if (name.startsWith("*.")) report(host, "must not be a wildcard");
      else if (tls.length > 0 && !covered.includes(name) && !covered.includes(wild))
        report(host, "must stand under spec.tls too");
    }
  },
  stack(stack, { report }) {
    const taken = new Map<string, Subject>();
    for (const ingress of stack.kubernetes("Ingress")) {
      const spec = stack.field(ingress).get("spec");
      for (const rule of spec.get("rules").items()) {
        for (const at of rule.get("http", "paths").items()) {
          const path = at.get("path");
          const key = [spec.get("ingressClassName"), rule.get("host"), path]
            .map((of) => of.text ?? "")
            .join(" ");
          const by = taken.get(key) ?? ingress;
          taken.set(key, by);
          if (by !== ingress)
            report(
              ingress,
              path,
              `must not be what ${by.name} has as well: which one answers is chance`,
              {
                fix: "leave the host's path to one of them",
              },
            );
        }
      }
    }
  },
});
