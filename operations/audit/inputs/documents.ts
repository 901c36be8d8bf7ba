import {
  fromManifest,
  listItems,
  type Source,
  type Subject,
} from "../../../policies/engine/subject";
import type { Gathered } from "../gathered";
import { isRecord } from "../values";
import { type Document, type Node, parseDocuments } from "../yaml";
import { gatherCompose, isCompose } from "./compose";
import { gatherConfig, isConfig } from "./stack-config";
import { gatherState, pathOfResources } from "./state";
import { isTemplate, withoutExpressions } from "./templates";

/** What a file is. */
export const KINDS = ["kubernetes", "compose", "state", "config"] as const;
export type Kind = (typeof KINDS)[number];

export interface TextOptions {
  /** What it is; found out where absent. */
  readonly as?: Kind;
  /** Somebody named this very file: then it has to be something that can be judged. */
  readonly named: boolean;
}

/** Reads all that stands in a text: YAML or JSON, one document or many. */
export function gatherText(
  text: string,
  file: string,
  into: Gathered,
  { as, named }: TextOptions,
): void {
  const { documents, broken } = parseDocuments(text);
  const before = into.subjects.length;
  let read = 0;
  const template = isTemplate(text);
  for (const { value, node } of documents) {
    if (value === undefined || value === null) continue;
    const known = template ? withoutExpressions(value) : value;
    if (gatherDocument({ value: known, node }, file, into, as)) read++;
    else if (named) {
      into.unreadable.push({ source: { file, line: node.line }, ...unknownKind(as) });
    }
  }
  if (broken.length > 0 && (named || before < into.subjects.length || looksLikeOurs(text))) {
    for (const { line, reason, text: part } of broken) {
      into.unreadable.push({ source: { file, line }, ...brokenReason(part, reason) });
    }
  } else if (read === 0) {
    if (!named) into.skipped++;
    else if (documents.every(({ value }) => value === undefined || value === null)) {
      into.unreadable.push({ source: { file }, reason: "it is empty" });
    }
  }
}

/** @returns whether it is anything that can be judged */
function gatherDocument(
  { value, node }: Document,
  file: string,
  into: Gathered,
  as?: Kind,
): boolean {
  const kind = as ?? kindOf(value);
  switch (kind) {
    case "kubernetes":
      return gatherManifest(value, into, { file, node });
    case "compose":
      gatherCompose(value, into, { file, node });
      return true;
    case "state":
      if (pathOfResources(value) === undefined) return false;
      gatherState(value, into, { file, node });
      return true;
    case "config":
      if (!isConfig(value)) return false;
      gatherConfig(value, into, { file, node });
      return true;
    case undefined:
      return false;
  }
}

function kindOf(value: unknown): Kind | undefined {
  if (manifestOf(value) !== undefined) return "kubernetes";
  // A list at the top, as some tools write JSON.
  if (Array.isArray(value))
    return value.some((item) => manifestOf(item) !== undefined) ? "kubernetes" : undefined;
  if (pathOfResources(value) !== undefined) return "state";
  if (isConfig(value)) return "config";
  return isCompose(value) ? "compose" : undefined;
}

/** One object, or the items of a list. */
export function gatherManifest(
  value: unknown,
  into: Gathered,
  place: { readonly file?: string; readonly node?: Node },
): boolean {
  const items =
    listItems(value) ?? (Array.isArray(value) ? (value as readonly unknown[]) : undefined);
  if (items === undefined) {
    return into.add(place, (source) => manifestOf(value, source)) !== undefined;
  }
  const nodes = (Array.isArray(value) ? place.node : place.node?.get("items"))?.items() ?? [];
  const list = Array.isArray(value) ? undefined : (value as { kind: string; apiVersion: string });
  items.forEach((item, i) => {
    // Items of a typed list (`DeploymentList`) leave out what the list says.
    const inherited =
      list !== undefined && list.kind !== "List" && isRecord(item) && !("kind" in item)
        ? { apiVersion: list.apiVersion, kind: list.kind.replace(/List$/, ""), ...item }
        : item;
    const at = nodes[i];
    const read = gatherManifest(inherited, into, {
      ...place,
      ...(at === undefined ? {} : { node: at }),
    });
    if (!read) {
      into.unreadable.push({
        source: { file: place.file ?? "", ...(at === undefined ? {} : { line: at.line }) },
        reason: `item ${i} of the list has no kind and apiVersion`,
      });
    }
  });
  return true;
}

/** What only looks like an object: settings of tools, which no cluster ever gets. */
const SETTINGS =
  /^(?:(?:kustomize\.config|kind\.x-k8s|config|kubeadm|audit|apiserver\.config)\.k8s\.io\/|kind\.x-k8s\.io\/|v1\/Config$)/;

function manifestOf(value: unknown, source?: Source): Subject | undefined {
  const subject = fromManifest(value, source);
  return subject === undefined || SETTINGS.test(subject.type) ? undefined : subject;
}

const unknownKind = (as: Kind | undefined): { reason: string; fix: string } =>
  as === undefined
    ? {
        reason: "it is no Kubernetes object, compose file, Pulumi state or configuration",
        fix: `say what it is with --as ${KINDS.join("|")}, or leave it out`,
      }
    : { reason: `it cannot be read as ${as}`, fix: "leave --as out to have it found out" };

const looksLikeOurs = (text: string): boolean =>
  /^[ \t]*["']?(?:apiVersion|services)["']?[ \t]*:/m.test(text);

function brokenReason(text: string, reason: string): { reason: string; fix?: string } {
  return isTemplate(text)
    ? {
        reason: `it is a template, not YAML (${reason})`,
        fix: "render it first: helm template … | atalaya audit -",
      }
    : { reason: `it is no YAML: ${reason}` };
}
