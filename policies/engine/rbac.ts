import { Field } from "./field";
import type { Subject } from "./subject";

/** One rule of a Role or a ClusterRole. */
export interface Grant {
  readonly field: Field;
  readonly groups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  /** Names that it is limited to; none means all. */
  readonly names: readonly string[];
}

/** What a Role or a ClusterRole grants; the roles that a cluster brings itself are its own business. */
export function grantsOf(subject: Subject): Grant[] {
  if (subject.world !== "kubernetes" || !/^(?:Cluster)?Role$/.test(subject.kind)) return [];
  if (/^system:|^(?:cluster-admin|admin|edit|view)$/.test(subject.name)) return [];
  return new Field(subject.props)
    .get("rules")
    .items()
    .map((field) => ({
      field,
      groups: field.get("apiGroups").texts,
      resources: field.get("resources").texts,
      verbs: field.get("verbs").texts,
      names: field.get("resourceNames").texts,
    }));
}

const has = (list: readonly string[], one: string): boolean =>
  list.includes(one) || list.includes("*");

/** Whether a rule allows one of some verbs on one of some resources, by `*` too. */
export const allows = (
  { resources, verbs }: Grant,
  wanted: { readonly resources: readonly string[]; readonly verbs: readonly string[] },
): boolean =>
  wanted.resources.some((r) => has(resources, r)) && wanted.verbs.some((v) => has(verbs, v));

/** Whether a rule has `*`: another rule speaks of that. */
export const isWildcard = ({ groups, resources, verbs }: Grant): boolean =>
  [groups, resources, verbs].some((list) => list.includes("*"));

/** Who gets a role by a binding. */
export interface Binding {
  readonly role: Field;
  readonly subjects: readonly Field[];
}

export function bindingOf(subject: Subject): Binding | undefined {
  if (subject.world !== "kubernetes" || !/^(?:Cluster)?RoleBinding$/.test(subject.kind))
    return undefined;
  if (/^system:|^cluster-admin$/.test(subject.name)) return undefined;
  const field = new Field(subject.props);
  return { role: field.get("roleRef", "name"), subjects: field.get("subjects").items() };
}
