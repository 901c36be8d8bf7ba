import { define } from "../../engine/rule";

export const rule = define({
  title: "An Ingress names its hosts, and its certificate has them",
  severity: "medium",
  why: "Without a host it answers to every name, somebody else's included; a host without its certificate shows a warning that people learn to click away.",
  fix: "name the host, under rules and under tls",
  references: [
    "Kyverno disallow-empty-ingress-host, ingress-host-match-tls, restrict-ingress-wildcard",
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
});
