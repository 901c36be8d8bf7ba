import { define } from "../../engine/rule";
import { namespaceOf } from "../../engine/stack";
import { quantity } from "../../engine/quantity";
import { scaledBy } from "../../engine/workloads";

export const rule = define({
  title: "A namespace's quota holds what is declared in it",
  severity: "high",
  why: "Pods beyond the quota are refused one by one: an update stops half-way, with old and new side by side.",
  fix: "raise the quota, or declare less",
  references: ["Kubernetes documentation: resource quotas", "no peer checks it"],
  stack(stack, { report }) {
    for (const quota of stack.kubernetes("ResourceQuota")) {
      const hard = stack.field(quota).get("spec", "hard");
      const sums: Record<string, number> = {
        pods: 0,
        "requests.cpu": 0,
        "requests.memory": 0,
        "limits.cpu": 0,
        "limits.memory": 0,
      };
      for (const pod of stack.podsIn(namespaceOf(quota))) {
        const { replicas } = pod;
        const scaler = scaledBy(stack, pod.subject);
        const instances =
          scaler === undefined
            ? (replicas?.value ?? 1)
            : (stack.field(scaler).get("spec", "maxReplicas").number ?? 1);
        sums["pods"]! += instances;
        for (const { role, requests, limits } of pod.containers) {
          // An init container's share is given back before the others start.
          if (role === "init" || role === "ephemeral") continue;
          for (const kind of ["cpu", "memory"] as const) {
            sums[`requests.${kind}`]! +=
              instances * (requests[kind].value ?? limits[kind].value ?? 0);
            sums[`limits.${kind}`]! += instances * (limits[kind].value ?? 0);
          }
        }
      }
      for (const [key, sum] of Object.entries(sums)) {
        const most = quantity(hard.get(key).value);
        if (most !== undefined && sum > most + 1e-9)
          report(quota, hard.get(key), `must be at least ${round(sum)}: that much is declared`);
      }
    }
  },
});

const round = (sum: number): string =>
  sum >= 2 ** 20 ? `${Math.ceil(sum / 2 ** 20)}Mi` : String(Math.ceil(sum * 1_000) / 1_000);
