import type { Config, Environment, Level } from "./config";
import type { Field, Json, Path, Placed } from "./field";
import type { Stack } from "./stack";
import type { Subject } from "./subject";
import type { Container, Pod } from "./view";

export const SEVERITIES = ["low", "medium", "high", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What a rule says of itself, and what it looks at. Its id is its folder: `category/name`. */
export interface RuleArgs {
  /** What has to hold, as a short statement. @example "Containers have a memory limit" */
  readonly title: string;
  readonly severity: Severity;
  /** How it is enforced where a configuration says nothing. @default mandatory from `high` on, else advisory; contested rules are disabled */
  readonly level?: Exclude<Level, "remediate">;
  /** Where it holds. @default everywhere */
  readonly environments?: readonly Environment[];
  /** What happens to those who ignore it. */
  readonly why: string;
  /** What to do, as an instruction; ends a message's sentence. */
  readonly fix: string;
  /** Checks of others that mean the same, and standards: `CIS-5.2.5`, `CKV_K8S_16`. */
  readonly references: readonly string[];

  /** Judges each image that is run, and each that a resource pulls. */
  readonly image?: (image: Placed<string>, context: RuleContext) => void;
  /** Judges each container, init container, sidecar and ephemeral container by itself. */
  readonly container?: (container: Container, context: RuleContext) => void;
  /** Judges each pod, however it is embedded. */
  readonly pod?: (pod: Pod, context: RuleContext) => void;
  /** Judges each object by itself. */
  readonly object?: (field: Field, subject: Subject, context: RuleContext) => void;
  /** Judges what only all objects together show. */
  readonly stack?: (stack: Stack, context: StackContext) => void;
}

export interface Rule extends RuleArgs {
  /** `category/name` */
  readonly id: string;
  readonly category: string;
}

export interface RuleContext {
  readonly config: Config;
  readonly now: Date;
  /** @param must what has to hold there, for example `must be set`; never a secret's value */
  readonly report: (at: Placed, must: string, more?: Report) => void;
}

export interface StackContext extends Pick<RuleContext, "config" | "now"> {
  readonly report: (subject: Subject, at: Placed, must: string, more?: Report) => void;
}

export interface Report {
  /** Where the rule's own is not exact enough. */
  readonly fix?: string;
  /** The value that mends it, where that is safe: what `remediate` sets. `undefined` takes it out. */
  readonly mend?: { readonly value: Json | undefined; readonly path?: Path };
}

export const define = (rule: RuleArgs): RuleArgs => rule;

/** The level of a rule where nothing else is configured. */
export const defaultLevel = (rule: RuleArgs): Exclude<Level, "remediate"> =>
  rule.level ??
  (SEVERITIES.indexOf(rule.severity) >= SEVERITIES.indexOf("high") ? "mandatory" : "advisory");
