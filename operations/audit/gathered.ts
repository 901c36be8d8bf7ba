import { UserError } from "../errors";
import type { JsonObject } from "../../policies/engine/field";
import type { Source, Subject } from "../../policies/engine/subject";
import type { Node } from "./yaml";

/** Where a subject came from. */
export interface Place {
  /** Absent for what runs. */
  readonly file?: string;
  readonly node?: Node;
  /** Where the object's own labels do not say it. */
  readonly system?: string;
}

/** Something that should have been judged and could not be read. */
export interface Unreadable {
  readonly source: Source;
  /** Never with a piece of what stands there: that could be a secret. */
  readonly reason: string;
  readonly fix?: string;
}

/** A part of an object that no rule can see. */
export interface Unseen {
  readonly subject: Subject;
  readonly path: string;
  readonly reason: string;
}

/**
 * Objects that are judged at once. Twenty findings for each of so many are half a million: 2 GB of memory and
 * as long a text as JavaScript can hold.
 */
export const MAX_OBJECTS = 25_000;

/** All that an audit has read, and what it could not. */
export class Gathered {
  readonly subjects: Subject[] = [];
  readonly unreadable: Unreadable[] = [];
  readonly unseen: Unseen[] = [];
  /** Files without anything that is judged, as most folders have them. */
  skipped = 0;
  private readonly places = new Map<Source, { readonly place: Place; subject?: Subject }>();

  /** @param make gives the subject its source, by which its findings are told apart later */
  add(place: Place, make: (source: Source) => Subject | undefined): Subject | undefined {
    const source: Source = {
      file: place.file ?? "",
      ...(place.node === undefined ? {} : { line: place.node.line }),
    };
    const subject = make(source);
    if (subject === undefined) return undefined;
    if (this.subjects.length >= MAX_OBJECTS) {
      this.tooMany(source);
      return subject;
    }
    this.subjects.push(subject);
    this.places.set(source, { place, subject });
    return subject;
  }

  private tooMany(source: Source): void {
    const last = this.unreadable.at(-1);
    if (last?.fix === TOO_MANY.fix && last.source.file === source.file) return;
    this.unreadable.push({ source, ...TOO_MANY });
  }

  /** What a finding's source stands for. */
  at(
    source: Source | undefined,
  ): { readonly place: Place; readonly subject?: Subject } | undefined {
    return source === undefined ? undefined : this.places.get(source);
  }

  /**
   * Takes out what others brought along: a Deployment's ReplicaSets and their pods would repeat each of its
   * findings.
   */
  withoutOwned(): void {
    const uids = new Set(this.subjects.flatMap(({ props }) => metadata(props).uid ?? []));
    if (uids.size === 0) return;
    const own = this.subjects.filter(
      ({ props }) =>
        !metadata(props).ownerReferences?.some((o) => o?.controller === true && uids.has(o.uid)),
    );
    this.subjects.splice(0, this.subjects.length, ...own);
  }
}

const TOO_MANY = {
  reason: `from here on nothing is judged: ${MAX_OBJECTS} objects are the most at once`,
  fix: "audit it in several parts",
};

interface Metadata {
  readonly uid?: string;
  readonly ownerReferences?: readonly ({
    readonly uid: string;
    readonly controller?: boolean;
  } | null)[];
}

function metadata(props: JsonObject): Metadata {
  const found: unknown = props["metadata"];
  if (typeof found !== "object" || found === null) return {};
  const { uid, ownerReferences } = found as Record<string, unknown>;
  return {
    ...(typeof uid === "string" ? { uid } : {}),
    ...(Array.isArray(ownerReferences)
      ? { ownerReferences: ownerReferences as Metadata["ownerReferences"] & object }
      : {}),
  };
}

/** The audit did not take place: exit code 2. */
export class CouldNotRun extends UserError {
  constructor(problem: string, fix: string, options?: ErrorOptions) {
    super(problem, fix, 2, options);
  }
}
