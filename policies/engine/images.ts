import { type Field, type Placed, Setting } from "./field";
import type { Subject } from "./subject";

/** The image that a resource has an engine pull, which others then run by its id. */
export function pulled(field: Field, { type }: Subject): Placed<string>[] {
  // One that is built here has whatever name its program gives it.
  if (type !== "docker:index/remoteImage:RemoteImage" || field.get("build").present) return [];
  const name = field.get("name");
  return [new Setting(name.path, () => name.text)];
}

/** The parts of an image reference. */
export interface ImageReference {
  /** As Docker completes it: `docker.io` where none is named. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

/**
 * An engine's own id of an image has a digest and no name.
 * @example parseImage("ghcr.io/x/api:1.2@sha256:…")
 */
export function parseImage(reference: string): ImageReference {
  if (/^sha256:[0-9a-f]{64}$/.test(reference))
    return { registry: "", repository: "", digest: reference };
  const [named = "", digest] = reference.split("@");
  const parts = named.split("/");
  const first = parts[0] ?? "";
  const hasRegistry = parts.length > 1 && (/[.:]/.test(first) || first === "localhost");
  const path = hasRegistry ? parts.slice(1) : parts;
  const [last = "", tag] = (path.pop() ?? "").split(":");
  const repository = [...path, last].join("/");
  return {
    registry: hasRegistry ? first : "docker.io",
    repository: !hasRegistry && path.length === 0 ? `library/${repository}` : repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}
