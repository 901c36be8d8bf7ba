import { define } from "../../engine/rule";

export const rule = define({
  title: "Containers drop every capability",
  severity: "high",
  why: "What an engine grants by default lets a process forge packets (NET_RAW), change owners of files and bind any port.",
  fix: "drop ALL and add the one that is needed",
  references: [
    "CKV_K8S_28",
    "CKV_K8S_37",
    "polaris insecureCapabilities",
    "Pod Security restricted",
    "CIS-5.2.8",
    "CIS-5.2.10",
    "kube-linter drop-net-raw-capability",
  ],
  container({ dropped }, { report }) {
    const list = (dropped.value ?? []).map((name) => name.toUpperCase());
    if (!list.includes("ALL") && !list.includes("CAP_ALL"))
      report(dropped, "must have ALL", { mend: { value: ["ALL"] } });
  },
});
