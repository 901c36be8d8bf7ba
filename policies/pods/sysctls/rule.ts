import { define } from "../../engine/rule";

/** Namespaced and safe, as Pod Security's baseline lists them (Kubernetes 1.32). */
const SAFE = new Set([
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.ping_group_range",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_wmem",
]);

export const rule = define({
  title: "Only safe kernel settings are changed",
  severity: "medium",
  why: "Others change the machine under its neighbours, or stop the pod from being admitted.",
  fix: "remove it, or set it on the machines",
  references: ["Pod Security baseline", "Kyverno restrict-sysctls", "kube-linter unsafe-sysctls"],
  pod({ sysctls }, { report }) {
    for (const name of sysctls) {
      if (name.value !== undefined && !SAFE.has(name.value))
        report(name, `must not be ${name.value}`);
    }
  },
});
