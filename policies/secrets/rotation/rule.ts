import { define } from "../../engine/rule";
import { factOf } from "../../engine/facts";
import { Setting } from "../../engine/field";
import { isSecret } from "../../engine/secrets";

const DAY = 86_400_000;

export const rule = define({
  title: "Secrets are changed before they are old",
  severity: "medium",
  why: "The older a secret is, the more people, laptops and backups have seen it.",
  fix: "change its value and the day in atalaya.dev/rotated",
  references: ["PCI DSS 8.6.3", "NIST SP 800-57", "no peer checks it"],
  object(field, subject, { config, now, report }) {
    if (!isSecret(subject)) return;
    const said = factOf(subject, "rotated");
    // In a cluster an object says itself when it was made.
    const made = said.value ?? field.get("metadata", "creationTimestamp").text;
    if (made === undefined) return;
    const days = Math.floor((now.getTime() - new Date(made).getTime()) / DAY);
    const most = config.thresholds.secretDays;
    const at = new Setting(said.path, () => made);
    if (Number.isNaN(days)) report(at, "must be a day, such as 2026-11-22");
    else if (days > most) report(at, `must be at most ${most} days ago (it is ${days})`);
  },
});
