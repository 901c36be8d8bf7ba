import { define } from "../../engine/rule";

/** They list processes or files, which says nothing of the program, and start a process each time. */
const WRONG = /^(?:ps|ls|jcmd|pgrep|pidof|kill|sleep|true|echo)$/;

export const rule = define({
  title: "A probe's command asks the program itself",
  severity: "low",
  why: "That a process is listed does not mean that it works.",
  fix: "ask the program: a route, a port, or its own command",
  references: ["Kyverno deny-commands-in-exec-probe"],
  container({ probes }, { report }) {
    for (const probe of [probes.live, probes.ready, probes.start]) {
      if (probe === undefined) continue;
      const command = probe.get("exec", "command").items();
      const docker = [...probe.get("tests").items(), ...probe.get("test").items()].slice(1);
      const first = [...command, ...docker][0];
      const word = first?.text
        ?.trim()
        .split(/[\s/]+/)
        .filter((part) => part !== "");
      if (
        first !== undefined &&
        WRONG.test(word?.find((part) => !/^(?:usr|bin|sbin)$/.test(part)) ?? "")
      ) {
        report(first, "must ask the program");
      }
    }
  },
});
