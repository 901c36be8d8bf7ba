import { Field } from "./field";
import { isDatabase, namespaceOf, type Stack } from "./stack";
import type { Subject } from "./subject";
import type { Pod } from "./view";

/** Whether a second instance may run beside the first while it is replaced. */
export function mayOverlap({ subject, containers }: Pod): boolean {
  const field = new Field(subject.props);
  if (subject.kind === "StatefulSet") return false;
  if (field.get("spec", "strategy", "type").raw === "Recreate") return false;
  if (field.get("updateConfig", "order").raw === "stop-first") return false;
  return !containers.some((c) => c.mounts.some((m) => m.from === "volume" && !m.readOnly));
}

/** The autoscaler that leads a workload of Kubernetes, where there is one. */
export const scaledBy = (stack: Stack, subject: Subject): Subject | undefined =>
  stack.kubernetes("HorizontalPodAutoscaler").find((hpa) => {
    const target = stack.field(hpa).get("spec", "scaleTargetRef");
    return (
      namespaceOf(hpa) === namespaceOf(subject) &&
      target.get("kind").raw === subject.kind &&
      target.get("name").raw === subject.name
    );
  });

/** A database whose data is on a volume: one in memory alone is a cache. */
export const keepsDatabase = (pod: Pod): boolean =>
  isDatabase(pod) &&
  (pod.containers.some((c) => c.mounts.some((m) => m.from === "volume" && !m.readOnly)) ||
    new Field(pod.subject.props).get("spec", "volumeClaimTemplates").present);

/** Whether a pod's settings name one of some hosts: its environment, its command, or a file that it mounts. */
export function speaksOf(stack: Stack, pod: Pod, names: readonly string[]): boolean {
  const word = new RegExp(`(?:^|[^a-z0-9])(?:${names.join("|")})(?:[^a-z0-9]|$)`);
  const volumes = JSON.stringify(pod.field.get("volumes").raw ?? []);
  const files = pod.field
    .get("volumes")
    .items()
    .map((v) => v.get("configMap", "name").text);
  return (
    pod.containers.some(
      (c) =>
        c.environment.some(({ at }) => word.test(at.value ?? "")) ||
        c.words.some((w) => word.test(w.value ?? "")),
    ) ||
    word.test(volumes) ||
    stack
      .kubernetes("ConfigMap")
      .some(
        (file) =>
          files.includes(file.name) &&
          Object.values(stack.field(file).get("data").map).some((text) => word.test(text)),
      )
  );
}
