import { define } from "../../engine/rule";

export const rule = define({
  title: "What runs for ever is asked whether it still works",
  severity: "medium",
  level: "mandatory",
  why: "A process that hangs without ending is never restarted.",
  fix: "ask a route or a command that needs nobody else: a database that is away must not kill its consumers",
  references: [
    "CKV_K8S_8",
    "kube-score pod-probes",
    "polaris livenessProbeMissing",
    "Kyverno require-probes",
    "C-0056",
    "kube-linter no-liveness-probe",
  ],
  container({ role, pod, probes }, { report }) {
    if (pod.runs === "job" || (role !== "main" && role !== "sidecar")) return;
    const off =
      probes.live.get("disable").raw === true ||
      probes.live.get("test", 0).raw === "NONE" ||
      probes.live.get("tests", 0).raw === "NONE";
    if (!probes.live.present || off) report(probes.live, "must be set");
  },
});
