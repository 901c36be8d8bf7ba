import { define } from "../../engine/rule";

/** Sockets have a rule of their own. */
const SOCKET = /\.sock$/;

export const rule = define({
  title: "No container mounts a path of its machine",
  severity: "high",
  why: "A mounted path is the machine's own: another node has other content, and a writable one is a way onto the machine.",
  fix: "use a volume, a secret or a config; where it has to be, mount it read-only and exempt it",
  references: [
    "CKV_K8S_27",
    "polaris hostPathSet",
    "Pod Security baseline",
    "NSA C-0048",
    "NSA C-0045",
    "CIS-5.2.12",
    "kube-linter sensitive-host-mounts, writable-host-mount",
    "Kyverno ensure-readonly-hostpath, limit-hostpath-type-pv",
  ],
  object(field, { world, kind }, { report }) {
    if (world !== "kubernetes" || kind !== "PersistentVolume") return;
    // A claim on it is the same path by another name.
    const path = field.get("spec", "hostPath", "path");
    if (path.present) report(path, "must not be a path of a machine");
  },
  pod({ subject, field, containers }, { report }) {
    if (subject.world === "kubernetes") {
      for (const volume of field.get("volumes").items()) {
        const path = volume.get("hostPath", "path");
        if (!volume.get("hostPath").present || SOCKET.test(path.text ?? "")) continue;
        const writable = containers.some((c) =>
          c.mounts.some((m) => m.field.get("name").raw === volume.get("name").raw && !m.readOnly),
        );
        report(path, writable ? "must not be mounted, and not writable" : "must not be mounted");
      }
      return;
    }
    for (const { field: at, from, source, readOnly } of containers.flatMap((c) => c.mounts)) {
      if (from !== "host" || SOCKET.test(source ?? "")) continue;
      // A file beside a compose file is how such a file brings its settings.
      if (subject.world === "compose" && readOnly && source?.startsWith("./") === true) continue;
      report(
        at,
        readOnly
          ? "must not be a path of the machine"
          : "must not be a writable path of the machine",
      );
    }
  },
});
