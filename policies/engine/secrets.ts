import { Field, type Json, type Path, UNKNOWN, UnknownValue } from "./field";
import { podsOrUnknown } from "./pods";
import { namespaceOf, type Stack } from "./stack";
import type { Subject } from "./subject";

/** Whether an object is there to hold a secret. */
export const isSecret = ({ type, world, kind }: Subject): boolean =>
  (world === "kubernetes" && kind === "Secret") ||
  type === "docker:index/secret:Secret" ||
  type === "compose:secret";

/** What a property says when it names a secret: `secretName`, `imagePullSecrets[0].name`, `tokenSecretRef.key`. */
const LEADS_TO_SECRET = /secret|credential|certificate/i;

/** Names of secrets, by what reads them; a name may be another thing's, which is nobody's harm. */
export class SecretUse {
  private readonly readers = new Map<string, Set<Subject>>();

  /** @throws UnknownValue where a preview does not know yet which secret somebody reads */
  constructor(stack: Stack) {
    for (const subject of stack.subjects) {
      const pods = podsOrUnknown(subject);
      if (pods instanceof UnknownValue) throw pods;
      if (!isSecret(subject)) this.read(subject, subject.props, [], false);
    }
  }

  readersOf(secret: Subject): readonly Subject[] {
    return [...(this.readers.get(keyOf(secret, secret.name)) ?? [])];
  }

  private read(subject: Subject, value: Json | undefined, path: Path, named: boolean): void {
    if (value === UNKNOWN && named) throw new UnknownValue(path);
    if (typeof value === "string" && named) {
      const key = keyOf(subject, value);
      const known = this.readers.get(key);
      if (known === undefined) this.readers.set(key, new Set([subject]));
      else known.add(subject);
    } else if (Array.isArray(value)) {
      value.forEach((item: Json, i) => this.read(subject, item, [...path, i], named));
    } else if (typeof value === "object" && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        // An id is known only once the secret is there; its name says the same.
        if (key === "annotations" || key === "labels" || key === "secretId") continue;
        this.read(subject, item, [...path, key], named || LEADS_TO_SECRET.test(key));
      }
    }
  }
}

/** Names of Kubernetes are a namespace's own; Docker's are the engine's. */
const keyOf = (subject: Subject, name: string): string =>
  subject.world === "kubernetes" ? `${namespaceOf(subject)}/${name}` : `${subject.world}//${name}`;

/** A secret's entries, each with its place. */
export function entriesOf(secret: Subject): Field[] {
  const field = new Field(secret.props);
  return secret.world === "kubernetes"
    ? ["data", "stringData"].flatMap((key) => {
        const at = field.get(key);
        return at.raw === UNKNOWN ? [at] : at.entries().map(([, entry]) => entry);
      })
    : [field.get("data")];
}
