import { define } from "../../engine/rule";

export const rule = define({
  title: "No pod shares the machine's processes, network or memory",
  severity: "critical",
  why: "The host's network sees all traffic of its neighbours and its loopback services; the host's processes can be inspected and killed.",
  fix: "remove it; what has to be reached gets a Service or a published port",
  references: [
    "CKV_K8S_17",
    "CKV_K8S_18",
    "CKV_K8S_19",
    "polaris hostPIDSet, hostIPCSet, hostNetworkSet",
    "Pod Security baseline",
    "NSA C-0038, C-0041",
    "CIS-5.2.3, CIS-5.2.4, CIS-5.2.5",
    "kube-linter host-pid, host-ipc, host-network",
  ],
  pod({ hostNetwork, hostPid, hostIpc }, { report }) {
    for (const shared of [hostNetwork, hostPid, hostIpc]) {
      if (shared?.value === true) report(shared, "must not be the host's");
    }
  },
});
