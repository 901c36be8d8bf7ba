import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The versions that fit together; `toolchain/versions.json` is where they are written. */
export interface Versions {
  /** The Pulumi CLI, and the npm package `@pulumi/pulumi`. */
  readonly pulumi: string;
  /** The module from which the Node.js language host is built. */
  readonly languageNodejs: string;
  /** Resource plugins by name; the npm packages `@pulumi/<name>` have the same versions. */
  readonly plugins: Readonly<Record<string, string>>;
  /** The oldest Go that builds the toolchain. */
  readonly go: string;
  /** The oldest Node.js that everything here runs on. */
  readonly node: string;
}

/** Reads `toolchain/versions.json` of a checkout. */
export function readVersions(root: string): Versions {
  return JSON.parse(readFileSync(join(root, "toolchain", "versions.json"), "utf8")) as Versions;
}

/** Major, minor and patch of a version; whatever stands before or after them is ignored. */
export type Version = readonly [major: number, minor: number, patch: number];

/** Finds the version in a text such as `v3.259.0`, `go1.26.8` or `20.10.24+dfsg1`. */
export function parseVersion(text: string): Version | undefined {
  const match = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  if (!match) return undefined;
  return [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
}

/** Negative, zero or positive, as for sorting. An unreadable version is older than any other. */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [parseVersion(left), parseVersion(right)];
  if (!a || !b) return Number(Boolean(a)) - Number(Boolean(b));
  const first = a.findIndex((part, i) => part !== b[i]);
  return first < 0 ? 0 : a[first]! - b[first]!;
}

/** Whether a tool of that version does what a pinned one does: the same major, and no older minor. */
export function compatible(found: string, wanted: string): boolean {
  const [a, b] = [parseVersion(found), parseVersion(wanted)];
  return a !== undefined && b !== undefined && a[0] === b[0] && a[1] >= b[1];
}
