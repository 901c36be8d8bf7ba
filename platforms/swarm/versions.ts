import { isHole, type Text } from "../../model/text";
import type { SwarmObject } from "./objects";

/**
 * Whether one resource may have an earlier content once more, so that its digest is no name for a version: an update that
 * failed leaves the old object under that name. Where it may not, a resource less is made, and every preview is the faster.
 * A service with other words is another resource; a secret with other words is the same one.
 *
 * @param lasts whether a secret never has an earlier value again
 */
export function mayRecur(
  type: SwarmObject["type"],
  content: Text,
  lasts: (secret: string) => boolean,
): boolean {
  const parts = typeof content === "string" ? [content] : content;
  return parts.some((part) => (isHole(part) ? !lasts(part.secret) : type === "secret"));
}
