import { define } from "../../engine/rule";

/** RFC 1123 with dots and underscores: 63 characters. */
const VALUE = /^(?:[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?)?$/;
const KEY =
  /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?$/;

export const rule = define({
  title: "Labels are valid",
  severity: "medium",
  level: "mandatory",
  why: "The API server refuses the object when everything before it has been changed already.",
  fix: "use at most 63 letters, digits, hyphens, dots and underscores",
  references: ["kube-score label-values"],
  object(field, subject, { report }) {
    if (subject.world !== "kubernetes") return;
    const templates = [
      ["metadata"],
      ["spec", "template", "metadata"],
      ["spec", "jobTemplate", "spec", "template", "metadata"],
    ];
    for (const [key, at] of templates.flatMap((way) => field.get(...way, "labels").entries())) {
      if (!KEY.test(key)) report(at, "must have a valid key");
      else if (typeof at.raw !== "symbol" && !VALUE.test(String(at.text ?? "?")))
        report(at, "must be a valid value");
    }
  },
});
