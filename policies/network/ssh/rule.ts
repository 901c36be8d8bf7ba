import { define } from "../../engine/rule";

export const rule = define({
  title: "No container listens for SSH",
  severity: "medium",
  why: "A shell over the network is a second way in, with keys that nobody rotates.",
  fix: "remove it; use the engine's own exec, which is logged",
  references: ["NSA C-0042", "kube-linter ssh-port"],
  container({ ports }, { report }) {
    for (const { target } of ports) {
      if (target.value === 22) report(target, "must not be 22");
    }
  },
});
