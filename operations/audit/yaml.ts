import {
  boolYaml11Tag,
  constructFromEvents,
  CORE_SCHEMA,
  defineScalarTag,
  type Event,
  EVENT_ID,
  getScalarValue,
  intYaml11Tag,
  mergeTag,
  NOT_RESOLVED,
  parseEvents,
  YAMLException,
} from "js-yaml";
import type { Path } from "../../policies/engine/field";

/** Deeper than any object of any engine; the parser's own stack would end at some thousand. */
export const MAX_DEPTH = 100;

/** Values of one document once its aliases are followed: a bomb has billions, a large list a million. */
const MAX_VALUES = 5_000_000;

/** Numbers as kubectl reads them: octal by a leading zero, but `22:22` is a text and no number of base 60. */
const integer = defineScalarTag(intYaml11Tag.tagName, {
  ...intYaml11Tag,
  resolve: (source, explicit, tag) =>
    source.includes(":") ? NOT_RESOLVED : intYaml11Tag.resolve(source, explicit, tag),
});

/** YAML as kubectl and Docker read it: 1.2 with merge keys, and `yes`, `on`, `0400` of 1.1. */
const SCHEMA = CORE_SCHEMA.withTags(mergeTag, boolYaml11Tag, integer);

/** One document of a file. */
export interface Document {
  readonly value: unknown;
  readonly node: Node;
}

/** A part of a file that is no YAML. */
export interface Broken {
  /** From 1. */
  readonly line: number;
  /** In plain words; never a piece of the file, which could be a secret. */
  readonly reason: string;
  /** What stands there, for a closer look. */
  readonly text: string;
}

/**
 * All documents of a text. A broken one does not take the others with it: in YAML a line that begins with
 * `---` starts a document wherever it stands. JSON is YAML, too.
 */
export function parseDocuments(text: string): {
  readonly documents: readonly Document[];
  readonly broken: readonly Broken[];
} {
  const lines = new Lines(text);
  const documents: Document[] = [];
  const broken: Broken[] = [];
  for (const [start, end] of chunks(text)) {
    const source = text.slice(start, end);
    if (isBlank(source)) continue;
    try {
      const events = parseEvents(source, { maxDepth: MAX_DEPTH });
      const values = constructFromEvents(events, { source, schema: SCHEMA, json: true });
      const tree = new Tree(source, events, (offset) => lines.at(start + offset));
      tree.documents().forEach((node, i) => {
        const value = values[i];
        const problem = tree.hasAliases ? sizeProblem(value) : undefined;
        if (problem === undefined) documents.push({ value, node });
        else broken.push({ line: node.line, reason: problem, text: source });
      });
    } catch (error) {
      const at = error instanceof YAMLException ? (error.mark?.position ?? 0) : 0;
      broken.push({ line: lines.at(start + at), reason: plainReason(error), text: source });
    }
  }
  return { documents, broken };
}

/** Where documents begin and end. */
function* chunks(text: string): Generator<readonly [number, number]> {
  let start = 0;
  for (const { index } of text.matchAll(/^---(?=[ \t\r\n]|$)/gm)) {
    if (index > start) yield [start, index];
    start = index;
  }
  yield [start, text.length];
}

/** Nothing but comments and directives. */
const isBlank = (text: string): boolean => !/^[ \t]*[^\s#%]/m.test(text);

/** The parser's words without what they quote of the file. */
function plainReason(error: unknown): string {
  if (!(error instanceof YAMLException)) return "it cannot be read as YAML";
  if (/maxDepth/.test(error.reason)) return `it is nested more than ${MAX_DEPTH} deep`;
  return error.reason.replace(/\s*(?:"[^"]*"|'[^']*'|!?<[^>]*>|\([^)]*\))/g, "").trim();
}

/** Why a value with aliases, or from elsewhere, cannot be walked; undefined when it can. */
export function sizeProblem(value: unknown): string | undefined {
  const sizes = new Map<object, number>();
  const open = new Set<object>();
  const size = (of: unknown, depth: number): number => {
    if (typeof of !== "object" || of === null) return 1;
    if (open.has(of)) throw new TooMuch("an alias in it leads to itself");
    // What is shared is counted once and added wherever it is used.
    const known = sizes.get(of);
    if (known !== undefined) return known;
    if (depth > 2 * MAX_DEPTH) throw new TooMuch(`it is nested more than ${2 * MAX_DEPTH} deep`);
    open.add(of);
    let sum = 1;
    for (const part of Object.values(of)) sum += size(part, depth + 1);
    open.delete(of);
    if (sum > MAX_VALUES) throw new TooMuch("its aliases stand for millions of values");
    sizes.set(of, sum);
    return sum;
  };
  try {
    size(value, 0);
    return undefined;
  } catch (error) {
    if (error instanceof TooMuch) return error.message;
    throw error;
  }
}

class TooMuch extends Error {}

/** Line numbers of a text's offsets. */
class Lines {
  private readonly starts: readonly number[];

  constructor(text: string) {
    const starts = [0];
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
    this.starts = starts;
  }

  /** From 1. */
  at(offset: number): number {
    let low = 0;
    let high = this.starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.starts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  }
}

/** The events of one or more documents, in which properties are looked up only when somebody asks. */
class Tree {
  readonly hasAliases: boolean;
  private anchors: Map<string, number> | undefined;

  constructor(
    readonly source: string,
    readonly events: readonly Event[],
    readonly lineAt: (offset: number) => number,
  ) {
    this.hasAliases = events.some(({ type }) => type === EVENT_ID.ALIAS);
  }

  documents(): Node[] {
    const found: Node[] = [];
    for (let i = 0; i < this.events.length; i = this.after(i)) found.push(new Node(this, i + 1));
    return found;
  }

  /** The event behind a node and all in it. */
  after(index: number): number {
    let depth = 0;
    for (let i = index; i < this.events.length; i++) {
      const { type } = this.events[i]!;
      if (type === EVENT_ID.POP) depth--;
      else if (type !== EVENT_ID.SCALAR && type !== EVENT_ID.ALIAS) depth++;
      if (depth === 0) return i + 1;
    }
    return this.events.length;
  }

  /** Where an alias leads. An anchor may be given anew: the last one before counts. */
  target(index: number): number {
    const event = this.events[index]!;
    if (event.type !== EVENT_ID.ALIAS) return index;
    const name = this.source.slice(event.anchorStart, event.anchorEnd);
    if (this.anchors === undefined) {
      this.anchors = new Map();
      this.events.forEach((each, i) => {
        if ("valueStart" in each || "start" in each) {
          if (each.anchorStart >= 0) {
            this.anchors!.set(this.source.slice(each.anchorStart, each.anchorEnd), i);
          }
        }
      });
    }
    const known = this.anchors.get(name);
    return known === undefined || known > index ? index : known;
  }

  offset(index: number): number {
    const event = this.events[index];
    if (event === undefined) return 0;
    if ("valueStart" in event) return event.valueStart;
    if ("start" in event) return event.start;
    return "anchorStart" in event ? event.anchorStart : 0;
  }
}

/** A value in a file. */
export class Node {
  constructor(
    private readonly tree: Tree,
    private readonly index: number,
    /** Where it is named: the key of a mapping. */
    private readonly key = index,
  ) {}

  /** From 1: the line of its key, or its own. */
  get line(): number {
    return this.tree.lineAt(this.tree.offset(this.key));
  }

  /** The line of a property, or of the deepest part of its path that is there. */
  lineOf(path: Path): number {
    let at: Node = this; // eslint-disable-line @typescript-eslint/no-this-alias -- where the walk begins
    for (const part of path) {
      const next = at.get(part);
      if (next === undefined) break;
      at = next;
    }
    return at.line;
  }

  /** A property or an item. */
  get(part: string | number): Node | undefined {
    const { tree } = this;
    const index = tree.target(this.index);
    const event = tree.events[index];
    if (event?.type === EVENT_ID.SEQUENCE) {
      return typeof part === "number" ? new Node(tree, index).items()[part] : undefined;
    }
    if (event?.type !== EVENT_ID.MAPPING) return undefined;
    let found: Node | undefined;
    const merged: Node[] = [];
    for (let at = index + 1; tree.events[at]?.type !== EVENT_ID.POP;) {
      const value = tree.after(at);
      const key = tree.events[at]!;
      if (key.type === EVENT_ID.SCALAR) {
        const name = getScalarValue(tree.source, key);
        // Where a key stands twice, the last one counts.
        if (name === String(part)) found = new Node(tree, value, at);
        else if (name === "<<") merged.push(new Node(tree, value, at));
      }
      at = tree.after(value);
      if (at >= tree.events.length) break;
    }
    if (found !== undefined) return found;
    for (const from of merged) {
      const inside = from.get(part) ?? first(from.items(), (item) => item.get(part));
      if (inside !== undefined) return inside;
    }
    return undefined;
  }

  /** Items of a list, in order; one walk for all of them. */
  items(): readonly Node[] {
    const { tree } = this;
    const index = tree.target(this.index);
    if (tree.events[index]?.type !== EVENT_ID.SEQUENCE) return [];
    const found: Node[] = [];
    for (let at = index + 1; at < tree.events.length; at = tree.after(at)) {
      if (tree.events[at]!.type === EVENT_ID.POP) break;
      found.push(new Node(tree, at));
    }
    return found;
  }

  /** Properties of a mapping by their own names. */
  entries(): ReadonlyMap<string, Node> {
    const { tree } = this;
    const index = tree.target(this.index);
    const found = new Map<string, Node>();
    if (tree.events[index]?.type !== EVENT_ID.MAPPING) return found;
    for (let at = index + 1; at < tree.events.length && tree.events[at]!.type !== EVENT_ID.POP;) {
      const value = tree.after(at);
      const key = tree.events[at]!;
      if (key.type === EVENT_ID.SCALAR) {
        found.set(getScalarValue(tree.source, key), new Node(tree, value, at));
      }
      at = tree.after(value);
    }
    return found;
  }
}

function first<T, R>(items: readonly T[], of: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const made = of(item);
    if (made !== undefined) return made;
  }
  return undefined;
}
