import { define } from "../../engine/rule";

export const rule = define({
  title: "Users and groups have numbers that nobody on the machine has",
  severity: "low",
  why: "A process with the number of one of the machine's users may read that user's files as soon as one is mounted.",
  fix: "choose a number from 10000 on, or lower the threshold for images that fix theirs",
  references: [
    "CKV_K8S_40",
    "kube-score container-security-context-user-group-id",
    "Kyverno restrict-usergroup-fsgroup-id",
  ],
  container({ user, group }, { config, report }) {
    const least = config.thresholds.userId;
    for (const id of [user, group]) {
      if (id === undefined) continue;
      if (typeof id.value === "number" && id.value < least) report(id, `must be at least ${least}`);
      else if (typeof id.value === "string")
        report(id, "must be a number: a name means what the image says");
    }
  },
});
