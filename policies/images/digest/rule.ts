import { define } from "../../engine/rule";
import { parseImage } from "../../engine/images";

export const rule = define({
  title: "Images in production are pinned by their digest",
  severity: "low",
  environments: ["prod"],
  why: "A tag can be pushed again, by mistake or by an intruder; a digest is the very image that was tested.",
  fix: "add @sha256:… of the image that was tested, from a lock file that a tool keeps",
  references: ["CKV_K8S_43", "Kyverno require-image-checksum"],
  image(image, { report }) {
    if (image.value !== undefined && parseImage(image.value).digest === undefined)
      report(image, "must have a digest");
  },
});
