import { define } from "../../engine/rule";
import { parseImage } from "../../engine/images";

export const rule = define({
  title: "Images have a version",
  severity: "high",
  why: "What latest means changes under your feet: a restart brings another program, and there is no way back.",
  fix: "name the version, for example :1.4.2",
  references: [
    "CKV_K8S_14",
    "kube-score container-image-tag",
    "polaris tagNotSpecified",
    "Kyverno disallow-latest-tag",
    "NSA C-0075",
    "kube-linter latest-tag",
  ],
  image(image, { report }) {
    const { tag, digest } = parseImage(image.value ?? "");
    if (image.value === undefined || digest !== undefined) return;
    if (tag === undefined || tag === "") report(image, "must have a version");
    else if (/^latest\b/i.test(tag)) report(image, "must have a version other than latest");
  },
});
