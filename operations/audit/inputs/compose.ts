import { type Json, UNKNOWN } from "../../../policies/engine/field";
import { fromCompose } from "../../../policies/engine/subject";
import type { Gathered } from "../gathered";
import { isRecord, mapScalars } from "../values";
import type { Node } from "../yaml";

const SECTIONS = {
  services: "service",
  networks: "network",
  volumes: "volume",
  secrets: "secret",
  configs: "config",
} as const;

/** What a service leaves to another place. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  extends: "what it extends is not followed: audit the output of `docker compose config`",
  env_file:
    "variables in files of their own are not read: audit the output of `docker compose config`",
};

/** Whether a document can only be a compose file: services, one of which says what it runs. */
export const isCompose = (value: unknown): boolean =>
  isRecord(value) &&
  !("kind" in value) &&
  isRecord(value["services"]) &&
  Object.values(value["services"]).some(
    (service) => isRecord(service) && ["image", "build", "extends"].some((key) => key in service),
  );

/** The entries of a compose file. */
export function gatherCompose(
  value: unknown,
  into: Gathered,
  { file, node }: { readonly file: string; readonly node: Node },
): void {
  const filled = mapScalars(value, interpolated);
  if (!isRecord(filled)) return;
  const system = typeof filled["name"] === "string" ? { system: filled["name"] } : {};
  for (const [section, kind] of Object.entries(SECTIONS)) {
    const named = filled[section];
    if (!isRecord(named)) continue;
    const nodes = node.get(section)?.entries();
    for (const [name, props] of Object.entries(named)) {
      const at = nodes?.get(name) ?? node;
      const subject = into.add({ file, node: at, ...system }, (source) =>
        fromCompose(kind, name, props, source),
      );
      if (subject === undefined || kind !== "service") continue;
      for (const [path, reason] of Object.entries(ELSEWHERE)) {
        if (path in subject.props) into.unseen.push({ subject, path, reason });
      }
    }
  }
  if ("include" in filled) {
    into.unreadable.push({
      source: { file, line: node.lineOf(["include"]) },
      reason: "what it includes is not followed",
      fix: "audit the output of `docker compose config`",
    });
  }
}

/**
 * A text as compose reads it, with defaults in the place of variables: an audit does not depend on who
 * runs it where. What has no default is not known before somebody sets it.
 */
function interpolated(value: unknown): unknown {
  if (typeof value !== "string" || !value.includes("$")) return value;
  let known = true;
  const made = value.replace(
    /\$(?:(\$)|\{\w+(?:(:?-)([^{}]*))?(?:[^{}]*)\}|[A-Za-z_]\w*)/g,
    (_all, dollar?: string, hasDefault?: string, fallback?: string) => {
      if (dollar !== undefined) return "$";
      if (hasDefault === undefined) known = false;
      return fallback ?? "";
    },
  );
  return (known ? made : UNKNOWN) satisfies Json;
}
