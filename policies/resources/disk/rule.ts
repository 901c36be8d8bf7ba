import { define } from "../../engine/rule";

export const rule = define({
  title: "Containers reserve and limit what they write to a node's disk",
  severity: "medium",
  why: "Logs and temporary files of one container fill the disk that all of its node share, and the node evicts pods.",
  fix: "set ephemeral-storage in requests and limits, for example 32Mi and 1Gi",
  references: [
    "kube-score container-ephemeral-storage-request-and-limit",
    "Kyverno require-emptydir-requests-limits",
  ],
  container({ role, requests, limits }, { report }) {
    if (role === "ephemeral") return;
    for (const { disk } of [requests, limits]) {
      if (disk !== undefined && disk.value === undefined) report(disk, "must be set");
    }
  },
});
