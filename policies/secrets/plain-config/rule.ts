import { define } from "../../engine/rule";
import { isDefault, isSensitive, secretIn } from "../../engine/detect";
import { CONFIG } from "../../engine/subject";
import { allTexts } from "../../engine/texts";

export const rule = define({
  title: "No secret stands in a stack's configuration in plain text",
  severity: "critical",
  why: "A stack's file is in the repository: whoever may read that has it, and it stays in its history.",
  fix: "pulumi config set --secret KEY, without the value as an argument; then change the value, which others have seen",
  references: ["OWASP A02", "CWE-312", "no peer checks it"],
  object(field, { type }, { report }) {
    if (type !== CONFIG) return;
    // What is encrypted stands under `secure`.
    const texts = allTexts(field, ({ path }) => path.at(-1) === "secure");
    for (const { name, at, text } of texts) {
      // A key has its program's name before it.
      const own = name.slice(name.lastIndexOf(":") + 1);
      const seen = secretIn(text, isSensitive(own) ? own : undefined);
      if (seen !== undefined)
        report(at, `must not hold ${seen.what} (${seen.length} characters) in plain text`);
      else if (isSensitive(own) && isDefault(text))
        report(at, "must not be a password of everybody");
    }
  },
});
