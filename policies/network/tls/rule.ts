import { define } from "../../engine/rule";

export const rule = define({
  title: "Every public route has TLS",
  severity: "high",
  why: "Over plain HTTP everybody on the way reads and changes sessions and passwords.",
  fix: "give the host a certificate and redirect plain HTTP",
  references: ["polaris tlsSettingsMissing", "Kyverno require-ingress-https", "C-0263", "GG-12"],
  object(field, { kind, world }, { report }) {
    if (world !== "kubernetes") return;
    if (kind === "Ingress") {
      const tls = field.get("spec", "tls");
      if (tls.items().length === 0) report(tls, "must be set");
    }
    if (kind === "Gateway") {
      const listeners = field.get("spec", "listeners").items();
      const secured = new Set(
        listeners
          .filter((l) => /^(?:HTTPS|TLS)$/.test(l.get("protocol").text ?? ""))
          .map((l) => l.get("hostname").text),
      );
      for (const listener of listeners) {
        // One of each for a host: the plain one is there to redirect.
        if (listener.get("protocol").text === "HTTP" && !secured.has(listener.get("hostname").text))
          report(listener.get("protocol"), "must be HTTPS");
      }
    }
  },
});
