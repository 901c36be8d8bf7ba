import type { Subject } from "./subject";
import { UnknownValue } from "./field";
import type { Pod } from "./view";
import { dockerPods } from "./views/docker";
import { kubernetesPods } from "./views/kubernetes";

const known = new WeakMap<Subject, readonly Pod[] | UnknownValue>();

/** The pods that an object brings, made once; none where nobody knows them yet. */
export function podsOf(subject: Subject): readonly Pod[] {
  const pods = podsOrUnknown(subject);
  return pods instanceof UnknownValue ? [] : pods;
}

/** As `podsOf`, or what stands in the way of knowing them. */
export function podsOrUnknown(subject: Subject): readonly Pod[] | UnknownValue {
  const before = known.get(subject);
  if (before !== undefined) return before;
  let made: readonly Pod[] | UnknownValue;
  try {
    made = subject.world === "kubernetes" ? kubernetesPods(subject) : dockerPods(subject);
  } catch (error) {
    if (!(error instanceof UnknownValue)) throw error;
    made = error;
  }
  known.set(subject, made);
  return made;
}
