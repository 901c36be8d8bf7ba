/** JSON as an engine's object has it, with a mark where a preview does not know a value yet. */
export type Json = string | number | boolean | null | typeof UNKNOWN | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

type Known = string | number | boolean | readonly Json[] | JsonObject;

/** Stands for a value that is known only after `up`. */
export const UNKNOWN: unique symbol = Symbol("not known yet");

/** Where something stands in an object: keys and indices. */
export type Path = readonly (string | number)[];

/** @example formatPath(["spec", "containers", 0, "image"]) // "spec.containers[0].image" */
export function formatPath(path: Path): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(part)) text += text === "" ? part : `.${part}`;
    else text += `["${part}"]`;
  }
  return text;
}

/** The same way back. @example parsePath('labels["a/b"].x[0]') // ["labels", "a/b", "x", 0] */
export function parsePath(text: string): Path {
  return [...text.matchAll(/\["(.*?)"\]|\[(\d+)\]|([^.[\]]+)/g)].map(([, quoted, index, plain]) =>
    index === undefined ? (quoted ?? plain)! : Number(index),
  );
}

/** Thrown when a rule looks at what a preview does not know: nobody can judge it yet. */
export class UnknownValue extends Error {
  constructor(readonly path: Path) {
    super(`${formatPath(path)} is not known yet`);
  }
}

/**
 * Does something with each of several values, so that one which nobody knows yet does not hide the others.
 * @throws UnknownValue at the end, of the first that is not known
 */
export function eachKnown<T>(values: Iterable<T>, judge: (value: T) => void): void {
  let unknown: UnknownValue | undefined;
  for (const value of values) {
    try {
      judge(value);
    } catch (error) {
      if (!(error instanceof UnknownValue)) throw error;
      unknown ??= error;
    }
  }
  if (unknown !== undefined) throw unknown;
}

/** What a rule can point at: a value with its place, whether it is there or not. */
export interface Placed<T = unknown> {
  readonly path: Path;
  /** @throws UnknownValue when nobody knows it yet */
  readonly value: T | undefined;
}

/**
 * A value in somebody's object, with its path. Foreign objects are anything at all, so every step is
 * safe: what is not there, or not of the type that is asked for, is `undefined`.
 */
export class Field implements Placed<Json> {
  constructor(
    readonly raw: Json | undefined,
    readonly path: Path = [],
  ) {}

  get value(): Known | undefined {
    if (this.raw === UNKNOWN) throw new UnknownValue(this.path);
    return this.raw ?? undefined;
  }

  /** Whether something stands here, known or not. */
  get present(): boolean {
    return this.raw !== undefined && this.raw !== null;
  }

  get text(): string | undefined {
    const { value } = this;
    return typeof value === "string" ? value : undefined;
  }

  /** A number, or a text that is one, as YAML often has it. */
  get number(): number | undefined {
    const { value } = this;
    if (typeof value === "number") return value;
    return typeof value === "string" && /^-?\d+(?:\.\d+)?$/.test(value) ? Number(value) : undefined;
  }

  get boolean(): boolean | undefined {
    const { value } = this;
    return typeof value === "boolean" ? value : undefined;
  }

  get texts(): string[] {
    return this.items().flatMap((item) => item.text ?? []);
  }

  get(...keys: Path): Field {
    // A loop over one object: this runs some hundred times for each resource.
    let raw: Json | undefined = this.raw;
    for (let i = 0; i < keys.length; i++) {
      if (raw === UNKNOWN) return new Field(UNKNOWN, [...this.path, ...keys.slice(0, i)]);
      const key = keys[i]!;
      if (typeof raw !== "object" || raw === null || !Object.hasOwn(raw, key)) {
        return new Field(undefined, [...this.path, ...keys]);
      }
      raw = (raw as Record<string | number, Json | undefined>)[key];
    }
    return new Field(raw, [...this.path, ...keys]);
  }

  items(): Field[] {
    const { value } = this;
    if (!Array.isArray(value)) return [];
    return (value as readonly Json[]).map((item, i) => new Field(item, [...this.path, i]));
  }

  entries(): [string, Field][] {
    const { value } = this;
    if (typeof value !== "object" || Array.isArray(value)) return [];
    return Object.entries(value as JsonObject).map(([key, item]) => [
      key,
      new Field(item, [...this.path, key]),
    ]);
  }

  /** A map of texts, such as labels; without what is not known yet. */
  get map(): Readonly<Record<string, string>> {
    const found: Record<string, string> = {};
    if (this.raw === UNKNOWN) return found;
    for (const [key, { raw }] of this.entries()) {
      if (typeof raw === "string") found[key] = raw;
      else if (typeof raw === "number" || typeof raw === "boolean") found[key] = String(raw);
    }
    return found;
  }
}

/** What an engine's own field means, in the terms that rules speak of. */
export class Setting<T> implements Placed<T> {
  constructor(
    readonly path: Path,
    private readonly read: () => T | undefined,
  ) {}

  get value(): T | undefined {
    return this.read();
  }
}

/** A copy of an object with one value set at a path; `undefined` takes it out. */
export function withValue(of: Json | undefined, path: Path, value: Json | undefined): Json {
  const [key, ...rest] = path;
  if (key === undefined) return value ?? null;
  if (typeof key === "number") {
    const list: Json[] = Array.isArray(of) ? [...(of as readonly Json[])] : [];
    if (rest.length === 0 && value === undefined) list.splice(key, 1);
    else list[key] = withValue(list[key], rest, value);
    return list;
  }
  const record: Record<string, Json | undefined> =
    typeof of === "object" && of !== null && !Array.isArray(of) ? { ...(of as JsonObject) } : {};
  if (rest.length === 0 && value === undefined) delete record[key];
  else record[key] = withValue(record[key], rest, value);
  return record;
}
