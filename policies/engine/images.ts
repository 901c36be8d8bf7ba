/** The parts of an image reference. */
export interface ImageReference {
  /** As Docker completes it: `docker.io` where none is named. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

/** @example parseImage("ghcr.io/x/api:1.2@sha256:…") */
export function parseImage(reference: string): ImageReference {
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
