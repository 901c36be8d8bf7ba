import { define } from "../../engine/rule";
import { parseImage } from "../../engine/images";

export const rule = define({
  title: "Images come from the registries that are allowed",
  severity: "high",
  why: "Anybody can push an image with a likely name to a public registry.",
  fix: "copy the image to one of the allowed registries, or add its registry to the configuration",
  references: ["NSA C-0001", "NSA C-0078", "Kyverno restrict-image-registries"],
  image(image, { config, report }) {
    if (config.registries.length === 0 || image.value === undefined) return;
    const { registry, repository } = parseImage(image.value);
    // An id: where it came from, whoever pulled it says.
    if (repository === "") return;
    const whole = `${registry}/${repository}`;
    const allowed = config.registries.some((prefix) => {
      const bare = prefix.replace(/\/?\*?$/, "");
      return whole === bare || whole.startsWith(`${bare}/`);
    });
    if (!allowed)
      report(image, `must come from ${config.registries.join(" or ")} (it is from ${registry})`);
  },
});
