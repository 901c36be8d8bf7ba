import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Manifest } from "../../platforms/kubernetes/objects";
import { must } from "../support/commands";
import type { Answer, Question } from "./traffic";

/** What cyclonus says about network policies. */
export interface Verdict {
  /** To each question. */
  readonly answers: readonly Answer[];
  /** What its linter has against how a policy is written. */
  readonly warnings: readonly string[];
}

/**
 * What the policies allow, computed by cyclonus from their text alone.
 * @param program what `tools/cyclonus` builds
 */
export async function judge(
  program: string,
  policies: readonly Manifest[],
  questions: readonly Question[],
): Promise<Verdict> {
  const folder = mkdtempSync(join(tmpdir(), "atalaya-cyclonus-"));
  const write = (name: string, content: unknown): string => {
    const file = join(folder, name);
    writeFileSync(file, JSON.stringify(content));
    return file;
  };
  try {
    const list = {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicyList",
      items: policies,
    };
    const said = await must(program, [
      write("policies.yaml", list),
      write("traffic.json", traffic(questions)),
    ]);
    const { sends, receives, warnings } = JSON.parse(said) as {
      readonly sends: readonly boolean[];
      readonly receives: readonly boolean[];
      readonly warnings: readonly string[];
    };
    return {
      answers: questions.map((_, i) => ({ sends: sends[i]!, receives: receives[i]! })),
      warnings,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** As `tools/cyclonus` reads it. */
function traffic(questions: readonly Question[]): object {
  const peers = [...new Set(questions.flatMap(({ from, to }) => [from, to]))];
  const places = new Map(peers.map((peer, place) => [peer, place]));
  return {
    Peers: peers.map(({ ip, pod }) => ({
      IP: ip,
      Internal:
        pod === undefined
          ? null
          : {
              Namespace: pod.namespace.name,
              NamespaceLabels: pod.namespace.labels,
              PodLabels: pod.labels,
            },
    })),
    Questions: questions.map(({ from, to, port, protocol }) => ({
      From: places.get(from),
      To: places.get(to),
      ResolvedPort: port,
      ResolvedPortName: to.pod?.ports.find((p) => p.containerPort === port)?.name ?? "",
      Protocol: protocol,
    })),
  };
}
