import { define } from "../../engine/rule";

export const rule = define({
  title: "A variable of the environment is given once",
  severity: "low",
  why: "The last one counts, and the reader of the first does not see it.",
  fix: "remove one of them",
  references: ["kube-score environment-variable-key-duplication", "kube-linter duplicate-env-var"],
  container({ environment }, { report }) {
    const seen = new Set<string>();
    for (const { name, at } of environment) {
      if (seen.has(name)) report(at, `must be the only ${name}`);
      seen.add(name);
    }
  },
});
