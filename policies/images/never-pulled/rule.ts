import { define } from "../../engine/rule";
import { parseImage } from "../../engine/images";

export const rule = define({
  title: "A moving tag is asked for at every start",
  severity: "medium",
  why: "With a tag that moves, nodes run whatever they happened to pull first.",
  fix: "set Always, or pin the image by a version or a digest",
  references: ["kube-score container-image-pull-policy", "NSA C-0075"],
  container({ image, pullPolicy }, { report }) {
    if (pullPolicy === undefined || image.value === undefined) return;
    const { tag = "latest", digest } = parseImage(image.value);
    const moves = digest === undefined && !/\d/.test(tag);
    if (moves && /^(?:never|ifnotpresent|missing)$/i.test(pullPolicy.value ?? ""))
      report(pullPolicy, `must be Always for the tag ${tag}`, { mend: { value: "Always" } });
  },
});
