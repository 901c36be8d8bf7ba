import { define } from "../../engine/rule";
import { bindingOf } from "../../engine/rbac";

/** Everybody, nobody in particular, or those whom no rule binds. */
const GROUPS = new Set([
  "system:masters",
  "system:authenticated",
  "system:unauthenticated",
  "system:serviceaccounts",
  "system:anonymous",
]);

export const rule = define({
  title: "Rights are given to somebody by name",
  severity: "critical",
  why: "system:authenticated is everybody with any account, the neighbours of a shared cloud included; system:masters cannot be taken back.",
  fix: "name the account or a group of your own",
  references: ["Kyverno restrict-binding-system-groups", "CIS-5.1.7"],
  object(_field, subject, { report }) {
    for (const who of bindingOf(subject)?.subjects ?? []) {
      const name = who.get("name");
      if (GROUPS.has(name.text ?? "")) report(name, `must not be ${name.text!}`);
    }
  },
});
