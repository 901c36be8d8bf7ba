import { define } from "../../engine/rule";
import { formatPath, type Path } from "../../engine/field";
import { entriesOf, isSecret } from "../../engine/secrets";

export const rule = define({
  title: "A secret is one to Pulumi too",
  severity: "critical",
  why: "What Pulumi does not know to be a secret stands in plain text in the state, in its backups, and in every preview's output.",
  fix: "wrap it in pulumi.secret(…), or take it from config.requireSecret(…)",
  references: ["OWASP A02", "CWE-312", "no peer checks it"],
  object(_, subject, { report }) {
    const sealed = subject.pulumi?.secretPaths;
    if (!isSecret(subject) || sealed === undefined) return;
    for (const entry of entriesOf(subject)) {
      // One that a preview does not know yet has to be looked at later.
      if (entry.value === undefined || entry.value === "") continue;
      if (!covered(sealed, entry.path)) report(entry, "must be a secret to Pulumi");
    }
  },
});

/** Whether a property, or something that it is a part of, is kept as a secret. */
const covered = (sealed: readonly string[], path: Path): boolean =>
  path.some((_, i) => sealed.includes(formatPath(path.slice(0, i)))) ||
  sealed.includes(formatPath(path));
