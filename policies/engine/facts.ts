import { type Fact, FACTS } from "../../model/facts";
import { Field, type Placed, Setting } from "./field";
import type { Subject } from "./subject";
import type { Pod } from "./view";
import { labelsOf } from "./views/docker";

export { FACTS };

/** What an object says of itself (`model/facts.ts`), with the place where it would be said. */
export function factOf(subject: Subject, name: Fact): Placed<string> {
  const field = new Field(subject.props);
  const key = FACTS[name];
  if (subject.world !== "kubernetes") {
    const at = field.get("labels");
    return new Setting(at.path, () => labelsOf(at)[key]);
  }
  const annotation = field.get("metadata", "annotations", key);
  return new Setting(
    annotation.path,
    () => annotation.text ?? field.get("metadata", "labels", key).text,
  );
}

/** What a pod says of itself, in its template or on the object that brings it. */
export function podFact(pod: Pod, name: Fact): Placed<string> {
  const own = factOf(pod.subject, name);
  const said = pod.annotations[FACTS[name]] ?? pod.labels[FACTS[name]];
  return new Setting(own.path, () => said ?? own.value);
}
