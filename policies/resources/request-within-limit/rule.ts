import { define } from "../../engine/rule";

export const rule = define({
  title: "Nothing reserves more than its limit",
  severity: "high",
  why: "Kubernetes refuses such a pod when it is created; Swarm takes it, and reserves what can never be used.",
  fix: "lower the reservation or raise the limit",
  references: ["Kubernetes API validation"],
  container({ requests, limits }, { report }) {
    for (const kind of ["cpu", "memory", "disk"] as const) {
      const request = requests[kind]?.value;
      const limit = limits[kind]?.value;
      if (request !== undefined && limit !== undefined && request > limit) {
        report(requests[kind]!, "must not be more than the limit");
      }
    }
  },
});
