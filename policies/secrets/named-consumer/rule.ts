import { define } from "../../engine/rule";
import { isSecret, SecretUse } from "../../engine/secrets";
import { isDatabase, type Stack } from "../../engine/stack";
import type { Subject } from "../../engine/subject";

/** What is made to be shared: a certificate at several entrances, a registry's credentials. */
const SHARED = /^kubernetes\.io\/(?:tls|dockerconfigjson|dockercfg)$/;

export const rule = define({
  title: "A secret has one consumer",
  severity: "medium",
  why: "Who breaks into one service has what all of them have, and nobody can tell in a log which of them it was.",
  fix: "give each consumer an identity and a secret of its own",
  references: ["NIST SP 800-53 AC-6", "OWASP A01", "no peer checks it"],
  stack(stack, { report }) {
    const secrets = stack.subjects.filter((s) => isSecret(s) && !isShared(stack, s));
    if (secrets.length === 0) return;
    const use = new SecretUse(stack);
    for (const secret of secrets) {
      const consumers = use.readersOf(secret).filter((reader) => consumes(stack, reader));
      if (consumers.length > 1) {
        const names = consumers.map(({ name }) => name).join(", ");
        report(secret, { path: [], value: undefined }, `must have one consumer (it has ${names})`);
      }
    }
  },
});

/** Whether somebody runs for ever with it; what provides it, and jobs that prepare it, have to know it too. */
const consumes = (stack: Stack, reader: Subject): boolean =>
  stack.podsOf(reader).some((pod) => pod.runs !== "job" && !isDatabase(pod));

const isShared = (stack: Stack, secret: Subject): boolean =>
  SHARED.test(stack.field(secret).get("type").text ?? "");
