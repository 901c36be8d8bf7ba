import { define } from "../../engine/rule";

export const rule = define({
  title: "Writable memory and scratch directories have a size",
  severity: "medium",
  why: "A directory in memory without a size grows until the container is killed, one on disk until the node is full.",
  fix: "set sizeLimit (Kubernetes) or the tmpfs size (Docker)",
  references: ["Kyverno require-emptydir-requests-limits"],
  pod({ subject, field, containers }, { report }) {
    if (subject.world === "kubernetes") {
      for (const volume of field.get("volumes").items()) {
        const empty = volume.get("emptyDir");
        if (empty.present && !empty.get("sizeLimit").present)
          report(empty.get("sizeLimit"), "must be set");
      }
      return;
    }
    for (const { field: mount, from } of containers.flatMap((c) => c.mounts)) {
      if (from !== "memory") continue;
      const sized =
        typeof mount.raw === "string"
          ? /\bsize=/.test(mount.raw)
          : ["tmpfsOptions", "tmpfs"].some((key) =>
              ["sizeBytes", "size"].some((size) => mount.get(key, size).present),
            );
      if (!sized) report(mount, "must have a size");
    }
  },
});
