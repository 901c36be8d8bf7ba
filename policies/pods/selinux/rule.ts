import { define } from "../../engine/rule";

/** As Pod Security's baseline has them. */
const TYPES = new Set(["container_t", "container_init_t", "container_kvm_t", "container_engine_t"]);

export const rule = define({
  title: "Nobody chooses an SELinux user, role or type of his own",
  severity: "medium",
  why: "Another type is a way around what the machine's policy forbids containers.",
  fix: "remove it, or use container_t",
  references: ["Pod Security baseline", "Kyverno disallow-selinux", "CIS-5.7.3"],
  container({ selinux }, { report }) {
    if (selinux === undefined || !selinux.present) return;
    for (const key of ["user", "role"]) {
      if ((selinux.get(key).text ?? "") !== "") report(selinux.get(key), "must not be set");
    }
    const type = selinux.get("type");
    if ((type.text ?? "") !== "" && !TYPES.has(type.text!))
      report(type, "must be one for containers");
  },
});
