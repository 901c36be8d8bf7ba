import { define } from "../../engine/rule";
import { isSensitive } from "../../engine/detect";

export const rule = define({
  title: "Generated passwords are long, and kept as secrets",
  severity: "high",
  why: "A short password is guessed offline as soon as its digest is stolen; a RandomString or RandomBytes has its value in plain text in the state.",
  fix: "use a RandomPassword with a greater length",
  references: ["NIST SP 800-63B", "OWASP A07", "no peer checks it"],
  object(field, { type, name }, { config, report }) {
    const least = config.thresholds.passwordLength;
    const length = field.get("length");
    switch (type) {
      case "random:index/randomPassword:RandomPassword":
        if ((length.number ?? 0) < least) report(length, `must be at least ${least}`);
        break;
      case "random:index/randomString:RandomString":
      case "random:index/randomBytes:RandomBytes":
        if (isSensitive(name)) report({ path: [], value: undefined }, "must be a RandomPassword");
        break;
    }
  },
});
