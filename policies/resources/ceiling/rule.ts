import { define } from "../../engine/rule";
import { ceiling } from "../../engine/config";

export const rule = define({
  title: "No container may use more than its environment allows",
  severity: "medium",
  why: "A zero too many in a limit takes a whole machine, and nobody sees it until something else starves.",
  fix: "lower the limit, or raise the threshold for this environment",
  references: ["Kyverno require-pod-requests-limits (values)"],
  container({ limits }, { config, report }) {
    for (const kind of ["cpu", "memory"] as const) {
      const most = ceiling(config, kind);
      if ((limits[kind].value ?? 0) > most) {
        const text = kind === "cpu" ? `${most} cores` : `${Math.round(most / 2 ** 20)} MiB`;
        report(limits[kind], `must be at most ${text} in ${config.environment}`);
      }
    }
  },
});
