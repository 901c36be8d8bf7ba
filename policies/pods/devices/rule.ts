import { define } from "../../engine/rule";

export const rule = define({
  title: "No container gets a device of the machine",
  severity: "high",
  why: "A disk as a device is every file on it; memory as a device is every process.",
  fix: "remove it, or ask for it through the engine's generic resources",
  references: ["OWASP Docker rule 3", "CIS Docker 5.18"],
  object(field, { type }, { report }) {
    if (type !== "docker:index/container:Container" && type !== "compose:service") return;
    const devices = field.get("devices");
    if (devices.items().length > 0) report(devices, "must be empty");
  },
});
