import { define } from "../../engine/rule";
import { ceiling } from "../../engine/config";

export const rule = define({
  title: "Limits are no more than a few times what is reserved",
  severity: "medium",
  why: "A node is filled by what is reserved: when everybody uses its limit at once, memory that was promised several times is not there, and processes are killed.",
  fix: "reserve more, or lower the limit, or raise the threshold for this environment",
  references: ["Kyverno enforce-resources-as-ratio"],
  container({ role, requests, limits }, { config, report }) {
    if (role === "ephemeral") return;
    const allowed = { cpu: ceiling(config, "cpuRatio"), memory: ceiling(config, "memoryRatio") };
    for (const kind of ["cpu", "memory"] as const) {
      const request = requests[kind].value ?? 0;
      const limit = limits[kind].value ?? 0;
      if (request > 0 && limit > request * allowed[kind]) {
        report(
          limits[kind],
          `must be at most ${allowed[kind]} times the reservation (it is ${Math.round(limit / request)} times)`,
        );
      }
    }
  },
});
