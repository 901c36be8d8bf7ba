import type { Problem } from "../model/problems";
import { contentDigest } from "../model/text";

/** Of services, secrets and configs on Swarm; of what becomes a label or a host name on Kubernetes. */
export const MAX_NAME = 63;

/** An object of an engine by its key, with the length that its name will have there. */
export interface NameLength {
  readonly key: string;
  readonly length: number;
}

/** What would be refused by an engine for the length of its name. */
export const nameProblems = (names: readonly NameLength[]): Problem[] =>
  names
    .filter(({ length }) => length > MAX_NAME)
    .map(({ key, length }) => ({
      path: key,
      message: `its name on the engine has ${length} characters, at most ${MAX_NAME} are allowed`,
      fix: "shorten the stack's, the system's, the component's or the link's name",
    }));

/** A content's digest and the hyphen before it, at the end of a name. */
export const DIGEST_LENGTH = 1 + 10;

/**
 * What a name begins with that ends in a digest of its content. Where it would be too long it is cut,
 * and a digest of the whole keeps it apart from others that are cut at the same place.
 */
export function nameBase(name: string): string {
  const room = MAX_NAME - DIGEST_LENGTH;
  if (name.length <= room) return name;
  const whole = contentDigest(name);
  return `${name.slice(0, room - 1 - whole.length)}-${whole}`;
}
