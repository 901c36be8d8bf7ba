import type { Severity as PulumiSeverity } from "@pulumi/policy";
import type * as policy from "@pulumi/policy";
import * as proxy from "@pulumi/policy/proxy";

/**
 * What Pulumi's policy SDK has and does not declare: a violation under a name and a level of its own, and
 * what stands behind its proxies. The SDK's version is pinned, and the engine suite uses all of it.
 */
export interface Violation {
  readonly name: string;
  readonly message: string;
  readonly description?: string;
  readonly urn?: string;
  readonly enforcementLevel: "advisory" | "mandatory";
  readonly severity: PulumiSeverity;
}

export type Report = (violation: Violation) => void;

export const reportOf = (report: policy.ReportViolation): Report => report as unknown as Report;

interface Undeclared {
  readonly isSpecialProxy: string;
  readonly getSpecialProxyTarget: string;
}

const { isSpecialProxy, getSpecialProxyTarget } = proxy as unknown as Undeclared;

/** The properties themselves, without proxies, which throw at an unknown value and hide a secret one. */
export function unwrapped(props: Readonly<Record<string, unknown>>): unknown {
  let inner = props;
  while (inner[isSpecialProxy] === true) inner = inner[getSpecialProxyTarget] as typeof props;
  return inner;
}

const UNKNOWNS = new Set<unknown>(
  Object.entries(proxy)
    .filter(([name]) => /^unknown\w+Value$/.test(name))
    .map(([, mark]) => mark),
);

/** Whether a value is the engine's mark for one that a preview does not know. */
export const isUnknown = (value: unknown): boolean => UNKNOWNS.has(value);
