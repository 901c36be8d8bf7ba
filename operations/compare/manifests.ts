import { createTwoFilesPatch } from "diff";
import { isDeepStrictEqual } from "node:util";

import type { Manifest } from "../../platforms/kubernetes/objects";
import { toYaml } from "../../platforms/kubernetes/render";

/** An object of one side, with what its file says of it. */
export interface Placed {
  readonly manifest: Manifest;
  /** The system that it belongs to. */
  readonly system: string;
  /** A secret whose value is part of protected data. */
  readonly kept?: boolean;
}

/** What happens to an object. */
export type Fate = "added" | "changed" | "replaced" | "removed";

/** One object that differs. */
export interface Change {
  readonly fate: Fate;
  readonly system: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Data is lost or at stake, and why. */
  readonly data?: string;
  /** The difference as a unified diff, or the whole object. */
  readonly diff: string;
}

/** Says why data is at stake when an object of this kind goes away. */
const HOLDS_DATA: Readonly<Record<string, string>> = {
  Namespace: "all that is in it goes with it",
  PersistentVolume: "the storage that claims are bound to",
  PersistentVolumeClaim: "its volume goes by the reclaim policy of its storage class",
  StatefulSet: "its pods stop; what they keep stays in its claims",
  CustomResourceDefinition: "all objects of its kind go with it",
};

/**
 * The fields of a spec that may change in place; any other change makes the object anew. From the API
 * server's own messages: “updates to statefulset spec for fields other than …”, “spec is immutable after
 * creation except …” (validation of apps/v1 and core/v1, Kubernetes 1.36).
 */
const IN_PLACE: Readonly<Record<string, readonly string[]>> = {
  PersistentVolumeClaim: ["resources", "volumeAttributesClassName"],
  StatefulSet: [
    ...["minReadySeconds", "ordinals", "persistentVolumeClaimRetentionPolicy", "replicas"],
    ...["revisionHistoryLimit", "template", "updateStrategy"],
  ],
};

/** A name ends in the digest of its content where the object cannot be changed. */
const DIGEST = /-[0-9a-f]{10}$/;

/**
 * What differs between two sets of objects, data first, then by system. An object whose name ends in the
 * digest of its content and which came with another digest is one that changed.
 */
export function compareManifests(
  before: readonly Placed[],
  after: readonly Placed[],
): readonly Change[] {
  const [old, fresh] = [byKey(before, identity), byKey(after, identity)];
  const gone = before.filter((one) => !fresh.has(identity(one)));
  const come = after.filter((one) => !old.has(identity(one)));
  const [goneByBase, comeByBase] = [byKey(gone, base), byKey(come, base)];
  const changes: Change[] = [];
  for (const one of after) {
    const other = old.get(identity(one)) ?? goneByBase.get(base(one));
    if (other === undefined) changes.push(change("added", undefined, one));
    else if (!isDeepStrictEqual(other, one))
      changes.push(change(kindOfChange(other, one), other, one));
  }
  for (const one of gone) {
    if (!comeByBase.has(base(one))) changes.push(change("removed", one, undefined));
  }
  const order = ({ data, system, kind, name }: Change): string =>
    [data === undefined ? "1" : "0", system, kind, name].join("\0");
  return changes.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

const identity = ({ manifest: { apiVersion, kind, metadata } }: Placed): string =>
  // Another version of the same API is the same object.
  [apiVersion.split("/").slice(0, -1).join("/"), kind, metadata.namespace, metadata.name].join(
    "\0",
  );

const base = (placed: Placed): string => identity(placed).replace(DIGEST, "");

const byKey = (
  all: readonly Placed[],
  key: (placed: Placed) => string,
): ReadonlyMap<string, Placed> => new Map(all.map((placed) => [key(placed), placed]));

function kindOfChange(old: Placed, fresh: Placed): Fate {
  const inPlace = IN_PLACE[fresh.manifest.kind];
  if (inPlace === undefined) return "changed";
  const rest = (spec: unknown): unknown =>
    Object.fromEntries(Object.entries(spec ?? {}).filter(([key]) => !inPlace.includes(key)));
  return isDeepStrictEqual(rest(old.manifest.spec), rest(fresh.manifest.spec))
    ? "changed"
    : "replaced";
}

function change(fate: Fate, old: Placed | undefined, fresh: Placed | undefined): Change {
  const placed = (fresh ?? old)!;
  const { kind, metadata } = placed.manifest;
  const data = atStake(fate, old, fresh);
  return {
    fate,
    system: placed.system,
    kind,
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    ...(data === undefined ? {} : { data }),
    diff: difference(old, fresh),
  };
}

function atStake(
  fate: Fate,
  old: Placed | undefined,
  fresh: Placed | undefined,
): string | undefined {
  if (old === undefined) return undefined;
  const { kind } = old.manifest;
  if (kind === "Secret") {
    const stays = isDeepStrictEqual(source(old), fresh && source(fresh));
    return old.kept && !stays ? "its value is part of the data, and is nowhere else" : undefined;
  }
  if (fate === "removed" || fate === "replaced") return HOLDS_DATA[kind];
  if (kind === "PersistentVolumeClaim" && fresh && requested(fresh) < requested(old)) {
    return "a claim cannot become smaller: the API refuses it";
  }
  return undefined;
}

/** Where a secret's value comes from, as `secrets.md` says it; who reads it changes no value. */
const source = ({ manifest: { spec }, kept }: Placed): unknown => {
  const { key, content } = (spec ?? {}) as Readonly<Record<string, unknown>>;
  return { key, content, kept };
};

/** Bytes that a claim asks for. */
function requested({ manifest: { spec } }: Placed): number {
  const { resources } = (spec ?? {}) as {
    readonly resources?: { readonly requests?: { readonly storage?: string | number } };
  };
  const [, number, unit = ""] =
    /^([\d.]+)([KMGTPE]i?|k)?$/.exec(String(resources?.requests?.storage ?? "")) ?? [];
  const power = " KMGTPE".indexOf(unit.charAt(0).toUpperCase() || " ");
  return Number(number) * (unit.endsWith("i") ? 1_024 : 1_000) ** power;
}

function difference(old: Placed | undefined, fresh: Placed | undefined): string {
  const text = (placed: Placed | undefined): string => (placed ? toYaml(placed.manifest) : "");
  const patch = createTwoFilesPatch("before", "after", text(old), text(fresh), "", "", {
    context: 2,
  });
  // Names of files that nobody has.
  return patch.split("\n").slice(3).join("\n");
}
