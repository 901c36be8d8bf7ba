import { define } from "../../engine/rule";
import { isSecret, SecretUse } from "../../engine/secrets";
import type { Stack } from "../../engine/stack";
import type { Subject } from "../../engine/subject";

/** Secrets that machines make and read themselves. */
const OWN =
  /^(?:kubernetes\.io\/service-account-token|bootstrap\.kubernetes\.io\/token|helm\.sh\/)/;

export const rule = define({
  title: "Every secret has a reader",
  severity: "low",
  why: "A secret that nobody needs is forgotten, never changed, and still opens its door.",
  fix: "delete it, and take back what it opens",
  references: ["CIS-5.4.1", "no peer checks it"],
  stack(stack, { report }) {
    const secrets = stack.subjects.filter((s) => isSecret(s) && !isOwn(stack, s));
    if (secrets.length === 0) return;
    const use = new SecretUse(stack);
    for (const secret of secrets) {
      if (use.readersOf(secret).length === 0)
        report(secret, { path: [], value: undefined }, "must be read by something");
    }
  },
});

const isOwn = (stack: Stack, secret: Subject): boolean =>
  OWN.test(stack.field(secret).get("type").text ?? "");
