import {
  formatPath,
  type Json,
  type JsonObject,
  type Path,
  UNKNOWN,
} from "../../../policies/engine/field";

/** Marks a secret in a state, as Pulumi's wire format defines it. */
export const SIGNATURE = "4dabf18193072939515e22adb298388d";
export const SECRET = "1b47061264138c4ac30d75fd1eb44270";

/** Stands for what an interrupted run has not computed. */
const COMPUTED = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Stands where a sealed value stood. */
export const SEALED = "[secret]";

/**
 * A resource's properties without the values of secrets, encrypted or not, and where those were.
 */
export function sealed(props: unknown): {
  readonly props: JsonObject;
  readonly secretPaths: readonly string[];
} {
  const secretPaths: string[] = [];
  const walk = (value: unknown, path: Path): Json => {
    if (Array.isArray(value)) return value.map((item, i) => walk(item, [...path, i]));
    if (value === COMPUTED) return UNKNOWN;
    if (typeof value !== "object" || value === null) return value as Json;
    const record = value as Readonly<Record<string, unknown>>;
    if (record[SIGNATURE] === SECRET) {
      secretPaths.push(formatPath(path));
      return SEALED;
    }
    return Object.fromEntries(
      Object.entries(record).map(([key, item]) => [key, walk(item, [...path, key])]),
    );
  };
  const made = walk(props ?? {}, []);
  return {
    props:
      typeof made === "object" && made !== null && !Array.isArray(made) ? (made as JsonObject) : {},
    secretPaths,
  };
}
