import { define } from "../../engine/rule";
import { isSensitive, secretIn } from "../../engine/detect";
import { formatPath } from "../../engine/field";
import { allTexts } from "../../engine/texts";

export const rule = define({
  title: "No output of a stack is a secret in plain text",
  severity: "critical",
  why: "Outputs are printed by every update, and everybody who may read the stack may read them.",
  fix: "wrap it in pulumi.secret(…), or leave it out",
  references: ["OWASP A02", "CWE-532", "no peer checks it"],
  object(field, subject, { report }) {
    // A validation sees plain values: nobody can tell there what is kept as a secret.
    const sealed = subject.pulumi?.secretPaths;
    if (subject.type !== "pulumi:pulumi:Stack" || sealed === undefined) return;
    for (const { name, at, text } of allTexts(field, ({ path }) =>
      sealed.includes(formatPath(path)),
    )) {
      const seen = secretIn(text, isSensitive(name) ? name : undefined);
      if (seen !== undefined)
        report(at, `must not hold ${seen.what} (${seen.length} characters) in plain text`);
    }
  },
});
