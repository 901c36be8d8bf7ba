import type { Path } from "../../policies/engine/field";

/**
 * A path that survives another order: items of a list are called by their own names.
 * @example "spec.containers[name=api].image"
 */
export function stablePath(props: unknown, path: Path): string {
  let at: unknown = props;
  let text = "";
  for (const part of path) {
    const next: unknown =
      typeof at === "object" && at !== null && Object.hasOwn(at, part)
        ? (at as Record<string | number, unknown>)[part]
        : undefined;
    text += typeof part === "number" ? `[${nameOf(next) ?? part}]` : `.${part}`;
    at = next;
  }
  return text;
}

/** What tells an item from its neighbours, as Kubernetes merges lists. */
function nameOf(item: unknown): string | undefined {
  if (typeof item !== "object" || item === null) return undefined;
  for (const key of ["name", "containerPort", "mountPath", "target", "key", "label"]) {
    const value = (item as Record<string, unknown>)[key];
    if (typeof value === "string" || typeof value === "number") return `${key}=${value}`;
  }
  return undefined;
}
