import { define } from "../../engine/rule";

/** What a port below 1024 needs; everything else is more than a workload has to do. */
const HARMLESS = new Set(["NET_BIND_SERVICE"]);

export const rule = define({
  title: "Containers add no capability but that for low ports",
  severity: "high",
  why: "SYS_ADMIN, NET_ADMIN, SYS_PTRACE and others are ways out of the container.",
  fix: "remove it; listen on a port above 1023 instead of asking for rights",
  references: [
    "CKV_K8S_25",
    "CKV_K8S_39",
    "polaris dangerousCapabilities",
    "Pod Security baseline",
    "NSA C-0046",
    "CIS-5.2.9",
  ],
  container({ added }, { report }) {
    const more = (added.value ?? []).filter(
      (name) => !HARMLESS.has(name.toUpperCase().replace(/^CAP_/, "")),
    );
    if (more.length > 0) report(added, `must not have ${more.join(", ")}`);
  },
});
