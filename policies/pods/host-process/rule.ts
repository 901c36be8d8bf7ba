import { define } from "../../engine/rule";

export const rule = define({
  title: "No Windows container is the machine's own process",
  severity: "high",
  why: "A host process has all rights of the node.",
  fix: "remove it",
  references: [
    "Pod Security baseline",
    "polaris hostProcess",
    "Kyverno disallow-host-process",
    "CIS-5.2.11",
  ],
  pod({ field, containers }, { report }) {
    for (const of of [field, ...containers.map((c) => c.field)]) {
      const at = of.get("securityContext", "windowsOptions", "hostProcess");
      if (at.boolean === true) report(at, "must not be true", { mend: { value: undefined } });
    }
  },
});
