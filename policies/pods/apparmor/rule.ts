import { define } from "../../engine/rule";

export const rule = define({
  title: "Nobody switches AppArmor off",
  severity: "medium",
  why: "The engine's default profile forbids mounts and writes to the kernel's settings, whatever else is allowed.",
  fix: "remove it, or name a profile of your own",
  references: ["Kyverno restrict-apparmor-profiles", "Pod Security baseline", "CIS-5.7.3"],
  container({ apparmor }, { report }) {
    if (apparmor?.value === "Unconfined") report(apparmor, "must not be unconfined");
  },
});
