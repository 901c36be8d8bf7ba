import { define } from "../../engine/rule";

export const rule = define({
  title: "A probe asks a port that the container has",
  severity: "high",
  why: "A probe at a port that nobody listens on fails for ever: the pod never gets traffic, or is killed again and again.",
  fix: "correct the port or its name",
  references: ["kube-linter liveness-port, readiness-port, startup-port"],
  container({ ports, probes }, { report }) {
    for (const probe of [probes.live, probes.ready, probes.start]) {
      for (const kind of ["httpGet", "tcpSocket", "grpc"]) {
        const port = probe?.get(kind, "port");
        if (port === undefined || !port.present) continue;
        const number = port.number;
        // Numbers need not be declared; a container that declares some has them all.
        const known =
          number === undefined
            ? ports.some((p) => p.name === port.text)
            : ports.length === 0 || ports.some((p) => p.target.value === number);
        if (!known) report(port, "must be one of the container's ports");
      }
    }
  },
});
