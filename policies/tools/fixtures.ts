import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, parseAllDocuments } from "yaml";
import type { ConfigInput } from "../engine/config";
import { type Json, type JsonObject, parsePath, UNKNOWN, withValue } from "../engine/field";
import {
  CONFIG,
  fromCompose,
  fromConfig,
  fromManifest,
  fromPulumi,
  type Subject,
} from "../engine/subject";

/** Where rules and the clean worlds are. */
export const POLICIES = join(__dirname, "..");

export type World = "kubernetes" | "docker" | "compose";

/** One change to a clean world (`clean/`), as a rule's `good`, `bad` and `exempt` files list them. */
export interface Case {
  /** What it shows. */
  readonly name?: string;
  /** @default "kubernetes" */
  readonly world?: World;
  /** By `Kind/name`: values by their path; null takes out, the text `(unknown)` is what a preview does not know. */
  readonly set?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Whole objects, as in the clean worlds. */
  readonly add?: readonly unknown[];
  readonly remove?: readonly string[];
  readonly config?: ConfigInput;
  /** Of `bad`: each finding as `Kind/name path`, in order. */
  readonly expect?: readonly string[];
  /** Of `bad`: other rules that cannot but see it too. */
  readonly also?: readonly string[];
  /** Of `exempt`: the exemption that is made for it. */
  readonly exemption?: {
    readonly resource: string;
    readonly reason: string;
    readonly owner: string;
    readonly expires: string;
  };
}

interface Written {
  readonly key: string;
  readonly props: JsonObject;
  readonly make: (props: JsonObject, facts: Facts) => Subject;
  readonly facts: Facts;
}

interface Facts {
  readonly protect?: boolean;
  readonly retainOnDelete?: boolean;
  readonly secretPaths?: readonly string[];
}

interface DockerDocument extends Facts {
  readonly type: string;
  readonly name: string;
  readonly props: JsonObject;
}

export const FIXTURES = ["good", "bad", "exempt"] as const;

export function readCases(id: string, file: (typeof FIXTURES)[number]): readonly Case[] {
  return parse(readFileSync(join(POLICIES, id, `${file}.yaml`), "utf8")) as readonly Case[];
}

/** The objects of a clean world with a case's change. */
export function subjectsOf(of: Case): Subject[] {
  const objects = new Map(
    cleanWorld(of.world ?? "kubernetes").map((object) => [object.key, object]),
  );
  for (const key of of.remove ?? []) {
    if (!objects.delete(key)) throw new Error(`there is no ${key} to remove`);
  }
  for (const document of of.add ?? []) {
    const object = written(of.world ?? "kubernetes", document);
    objects.set(object.key, object);
  }
  for (const [key, changes] of Object.entries(of.set ?? {})) {
    const object = objects.get(key);
    if (object === undefined) throw new Error(`there is no ${key} to change`);
    let { props, facts } = object;
    for (const [path, value] of Object.entries(changes)) {
      if (path.startsWith("$")) facts = { ...facts, [path.slice(1)]: value };
      else {
        const json = value === null ? undefined : value === "(unknown)" ? UNKNOWN : (value as Json);
        props = withValue(props, parsePath(path), json) as JsonObject;
      }
    }
    objects.set(key, { ...object, props, facts });
  }
  return [...objects.values()].map(({ make, props, facts }) => make(props, facts));
}

const worlds = new Map<World, readonly Written[]>();

function cleanWorld(world: World): readonly Written[] {
  let made = worlds.get(world);
  if (made === undefined) {
    const text = readFileSync(join(POLICIES, "clean", `${world}.yaml`), "utf8");
    worlds.set(world, (made = documents(world, text).map((document) => written(world, document))));
  }
  return made;
}

function documents(world: World, text: string): unknown[] {
  switch (world) {
    case "kubernetes":
      return parseAllDocuments(text).map((document) => document.toJS() as unknown);
    case "docker":
      return parse(text) as unknown[];
    case "compose":
      return Object.entries(parse(text) as Record<string, Record<string, unknown>>).flatMap(
        ([section, named]) =>
          Object.entries(named).map(([name, props]) => ({
            kind: section.replace(/s$/, ""),
            name,
            props: props ?? {},
          })),
      );
  }
}

function written(world: World, document: unknown): Written {
  switch (world) {
    case "kubernetes": {
      const props = document as JsonObject & { kind: string; metadata: { name: string } };
      return {
        key: `${props.kind}/${props.metadata.name}`,
        props,
        facts: {},
        make: (changed, facts) =>
          fromManifest(
            changed,
            undefined,
            Object.keys(facts).length === 0 ? undefined : pulumiFacts(props.metadata.name, facts),
          )!,
      };
    }
    case "docker": {
      const { type, name, props, ...facts } = document as DockerDocument;
      if (type === CONFIG)
        return {
          key: `Config/${name}`,
          props,
          facts,
          make: (changed) => fromConfig(name, changed),
        };
      return {
        key: `${type.split(":").at(-1)!}/${name}`,
        props,
        facts,
        make: (changed, now) =>
          fromPulumi({ type, name, props: changed, facts: pulumiFacts(`${type}::${name}`, now) }),
      };
    }
    case "compose": {
      const { kind, name, props } = document as {
        kind: Parameters<typeof fromCompose>[0];
        name: string;
        props: JsonObject;
      };
      return {
        key: `${kind[0]!.toUpperCase()}${kind.slice(1)}/${name}`,
        props,
        facts: {},
        make: (changed) => fromCompose(kind, name, changed),
      };
    }
  }
}

const pulumiFacts = (urn: string, facts: Facts): NonNullable<Subject["pulumi"]> => ({
  urn: `urn:pulumi:test::shop::${urn}`,
  protect: facts.protect ?? false,
  ...(facts.retainOnDelete === undefined ? {} : { retainOnDelete: facts.retainOnDelete }),
  ...(facts.secretPaths === undefined ? {} : { secretPaths: facts.secretPaths }),
});
