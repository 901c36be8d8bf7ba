import { block, code, counted, folded, table, warning } from "../markdown";
import { events, plain, readEvents, type ResourceStep } from "./events";

/** A preview in numbers and names; no property's value is in it. */
export interface PreviewSummary {
  /** How many resources would be created, updated, …, the same. */
  readonly counts: Readonly<Record<string, number>>;
  /** What deletes, replaces or unprotects something that holds data. */
  readonly data: readonly DataChange[];
  readonly changes: readonly ResourceChange[];
  /** What stops it first. */
  readonly findings: readonly Finding[];
  /** Why it failed. */
  readonly errors: readonly string[];
}

/** One resource that would change. */
export interface ResourceChange {
  readonly op: string;
  readonly type: string;
  readonly name: string;
  /** Paths of properties that differ, or force a replacement. */
  readonly properties: readonly string[];
}

/** One that holds data. */
export interface DataChange extends ResourceChange {
  readonly why: string;
}

/** What a policy pack found. */
export interface Finding {
  readonly level: string;
  readonly policy: string;
  /** Of the resource; empty for the whole stack. */
  readonly name: string;
  readonly message: string;
  /** Of a resource that would be made or changed: what was there before and stays has it no other way. */
  readonly changing: boolean;
}

/** Kinds whose loss is a loss of data, protected or not. */
const HOLDS_DATA = new Set([
  "docker:index/volume:Volume",
  "kubernetes:core/v1:Namespace",
  "kubernetes:core/v1:PersistentVolume",
  "kubernetes:core/v1:PersistentVolumeClaim",
  "kubernetes:apps/v1:StatefulSet",
]);

/** The level of findings that nobody gets past. */
const STOPS = "mandatory";

/** The two halves of a `replace`, which is reported as well. */
const HALVES = new Set([
  "create-replacement",
  "delete-replaced",
  "discard-replaced",
  "read-replacement",
]);

/**
 * What a pull request is told of a preview, from the engine's own events (`--event-log`): `--json` leaves
 * out what policies found.
 */
export function previewSummary(log: string): PreviewSummary {
  const all = [...events(log)];
  const steps = all
    .flatMap(({ resourcePreEvent: told }) => told?.metadata ?? [])
    .filter(({ op, type }) => !HALVES.has(op) && !type.startsWith("pulumi:"));
  const changing = steps.filter(({ op }) => op !== "same");
  const touched = new Set(changing.map(({ urn }) => urn));
  const counts: Record<string, number> = {};
  for (const { op } of steps) counts[op] = (counts[op] ?? 0) + 1;
  return {
    counts,
    data: steps.flatMap((step) => {
      const why = atStake(step);
      return why === undefined ? [] : [{ ...resource(step), why }];
    }),
    changes: changing.map(resource),
    findings: unique(
      all
        .flatMap(({ policyEvent: told }) => told ?? [])
        .map((told) => ({
          level: told.enforcementLevel,
          policy: `${told.policyPackName}/${told.policyName}`,
          name: nameOf(told.resourceUrn ?? ""),
          message: plain(told.message),
          changing: touched.has(told.resourceUrn ?? ""),
        }))
        .sort((a, b) => Number(b.level === STOPS) - Number(a.level === STOPS)),
    ),
    errors: readEvents(log).errors.map(({ message }) => message),
  };
}

function resource({ op, type, urn, keys, diffs }: ResourceStep): ResourceChange {
  return {
    op,
    type,
    name: nameOf(urn),
    properties: [...new Set((op === "replace" ? keys : diffs) ?? [])],
  };
}

/** `urn:pulumi:<stack>::<project>::<types>::<name>`; a name may have colons itself. */
const nameOf = (urn: string): string => urn.split("::").slice(3).join("::");

function atStake({ op, type, old, new: fresh }: ResourceStep): string | undefined {
  if (!old) return undefined;
  const holds = HOLDS_DATA.has(type) || old.protect === true;
  if (!holds) return undefined;
  if (op === "delete" || op === "replace") {
    if (old.protect) return "protected: `up` refuses until somebody unprotects it";
    return old.retainOnDelete
      ? "not protected; Pulumi forgets it and leaves it there"
      : "not protected: `up` does it";
  }
  // What takes the protection away is the step before a deletion.
  return old.protect && fresh && !fresh.protect ? "would no longer be protected" : undefined;
}

const unique = <T>(all: readonly T[]): readonly T[] => [
  ...new Map(all.map((one) => [JSON.stringify(one), one])).values(),
];

/** Rows of a table that somebody reads. */
const ROWS = 200;

/** Lines of errors that say enough. */
const ERROR_LINES = 40;

/**
 * A preview as Markdown: data first, then findings and numbers; every change at a click.
 * @param title Markdown
 * @param ok whether the preview came to its end
 */
export function previewMarkdown(title: string, summary: PreviewSummary, ok: boolean): string {
  const { counts, data, changes, findings, errors } = summary;
  return [
    `### ${title}${ok ? "" : ": failed"}`,
    ...(data.length === 0
      ? []
      : [
          warning(
            `Data: look at ${counted(data.length, "resource")} before you merge`,
            data.map(({ op, type, name, properties, why }) =>
              [
                `**${op}** ${kind(type)} ${code(name)}`,
                ...(properties.length > 0 ? [` by ${properties.map(code).join(", ")}`] : []),
                `: ${why}`,
              ].join(""),
            ),
          ),
        ]),
    ...(errors.length > 0
      ? [block(errors.join("\n\n").split("\n").slice(0, ERROR_LINES).join("\n"))]
      : []),
    ...findingsMarkdown(findings),
    changes.length === 0
      ? ok
        ? "Nothing would change."
        : "It ended before it found a change; its log says more."
      : table(
          ["operation", "resources"],
          Object.entries(counts).map(([op, count]) => [op, String(count)]),
        ),
    ...(changes.length === 0
      ? []
      : [
          folded(
            counted(changes.length, "change"),
            rows(
              ["operation", "kind", "name", "properties"],
              changes.map(({ op, type, name, properties }) => [
                op,
                kind(type),
                code(name),
                properties.map(code).join(", "),
              ]),
            ),
          ),
        ]),
  ].join("\n\n");
}

/**
 * What stops it, for all to see; advice at a click, since there may be much of it: what is new, that is of
 * what would be made or changed, by itself.
 */
function findingsMarkdown(findings: readonly Finding[]): string[] {
  const head = ["policy", "resource", "message"];
  const of = (all: readonly Finding[]): string =>
    rows(
      head,
      all.map(({ policy, name, message }) => [code(policy), code(name), code(message)]),
    );
  const stopping = findings.filter(({ level }) => level === STOPS);
  const advice = findings.filter(({ level }) => level !== STOPS);
  const fresh = advice.filter(({ changing }) => changing);
  const others = advice.filter(({ changing }) => !changing);
  return [
    ...(stopping.length === 0
      ? []
      : [
          `**Policies: ${counted(stopping.length, "finding")} to mend before you merge**`,
          of(stopping),
        ]),
    ...[
      ["what this makes or changes", fresh] as const,
      ["what stays as it is, or of the whole stack", others] as const,
    ].flatMap(([about, list]) =>
      list.length === 0
        ? []
        : [folded(`Policies: ${counted(list.length, "finding")} of ${about}, as advice`, of(list))],
    ),
  ];
}

const kind = (type: string): string => code(type.split(":").at(-1)!);

function rows(head: readonly string[], all: readonly (readonly string[])[]): string {
  const shown = table(head, all.slice(0, ROWS));
  return all.length > ROWS ? `${shown}\n\n… and ${all.length - ROWS} more` : shown;
}
