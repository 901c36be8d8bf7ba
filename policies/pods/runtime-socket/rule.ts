import { define } from "../../engine/rule";

/** Of Docker, containerd, CRI-O and Podman, wherever they are linked. */
const SOCKET = /(?:docker|containerd|crio|podman|cri-dockerd)\.sock\b/;

export const rule = define({
  title: "No container has the engine's socket",
  severity: "critical",
  why: "Whoever may talk to the engine starts a privileged container and owns the machine, read-only mount or not.",
  fix: "remove it; ask the engine through a proxy that allows the few calls that are needed",
  references: [
    "CKV_K8S_27",
    "Kyverno disallow-cri-sock-mount",
    "NSA C-0074",
    "kube-linter docker-sock",
    "OWASP Docker rule 1",
  ],
  pod({ subject, field, containers }, { report }) {
    const sources =
      subject.world === "kubernetes"
        ? field
            .get("volumes")
            .items()
            .map((v) => v.get("hostPath", "path"))
        : containers
            .flatMap((c) => c.mounts)
            .map(({ field: at, source }) => ({ path: at.path, value: source }));
    for (const source of sources) {
      if (typeof source.value === "string" && SOCKET.test(source.value))
        report(source, "must not be the engine's socket");
    }
  },
});
