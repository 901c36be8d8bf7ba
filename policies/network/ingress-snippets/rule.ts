import { define } from "../../engine/rule";

/** Configuration of the gateway's own language in an annotation. */
const SNIPPET = /(?:-snippet|\/auth-url|\.ingress\.kubernetes\.io\/(?:lua|modsecurity)-)/;

export const rule = define({
  title: "No annotation writes the gateway's own configuration",
  severity: "high",
  why: "Whoever may write an Ingress reads every secret of the cluster through a snippet (CVE-2021-25742).",
  fix: "remove it, and configure the gateway itself",
  references: ["CKV_K8S_152", "CKV_K8S_153", "CKV_K8S_154", "NSA C-0059", "CVE-2021-25742"],
  object(field, { kind, world }, { report }) {
    if (world !== "kubernetes" || kind !== "Ingress") return;
    for (const [key, at] of field.get("metadata", "annotations").entries()) {
      if (SNIPPET.test(key)) report(at, "must not be set");
    }
  },
});
