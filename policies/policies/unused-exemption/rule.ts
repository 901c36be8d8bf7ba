import { define } from "../../engine/rule";

export const rule = define({
  title: "Every exemption is needed",
  severity: "low",
  why: "An exemption that nobody needs any more hides the next one who does the same.",
  fix: "remove it",
  references: ["Atalaya: enforcement that teams can live with"],
});
