import { define } from "../../engine/rule";

export const rule = define({
  title: "Nobody joins an overlay network by hand",
  severity: "medium",
  why: "Whoever may start a container on one of the machines joins the network and reaches all that is on it.",
  fix: "set attachable to false",
  references: ["CIS Docker 7.4"],
  object(field, { type }, { report }) {
    if (type !== "docker:index/network:Network" && type !== "compose:network") return;
    const attachable = field.get("attachable");
    if (attachable.boolean === true)
      report(attachable, "must be false", { mend: { value: false } });
  },
});
