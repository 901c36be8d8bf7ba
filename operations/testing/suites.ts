import type { Needs } from "../setup/prepare";

/**
 * Environment variable by which `atalaya test --retry` has a case of a slow suite that failed tried once more; any
 * value but the empty one.
 */
export const SECOND_TRY = "ATALAYA_TEST_SECOND_TRY";

/**
 * Environment variable with the moment (seconds since 1970) at which a run ends, whatever is left: a file of a slow
 * suite that would not fit before it is left out. CI has such a limit; without it all files run.
 */
export const DEADLINE = "ATALAYA_TEST_DEADLINE";

/** The same for the second run of files that failed: later, so that there is time for one. @default the first one's */
export const RETRY_DEADLINE = "ATALAYA_TEST_RETRY_DEADLINE";

/** One of the suites that `atalaya test` knows. */
export interface Suite {
  /** What it proves, for the heading. */
  readonly what: string;
  /** How long it takes, in words. */
  readonly time: string;
  /** The jest projects that it consists of. */
  readonly projects: readonly string[];
  /** What has to be set up first; nothing when absent. */
  readonly needs?: Omit<Needs, "yes">;
  /** Its files run one after another. */
  readonly serial: boolean;
  /** A file of it that passed is not run again while nothing that it depends on has changed. */
  readonly remembered?: true;
}

/** Names of the suites, in the order in which they run: the quick ones first. */
export type SuiteName = "unit" | "checks" | "manifests" | "engine" | "live" | "cluster";

/** All suites. */
export const suites: Readonly<Record<SuiteName, Suite>> = {
  unit: {
    what: "the pure core and its golden files, no network",
    time: "under 30 s",
    projects: ["unit"],
    serial: false,
  },
  checks: {
    what: "`atalaya audit` and `check` as a user runs them, with the real gitleaks, actionlint, hadolint, ShellCheck; the programs in our images",
    time: "about 2 minutes; the first time some more for the tools",
    projects: ["checks"],
    serial: true,
  },
  manifests: {
    what: "Kubernetes manifests against its API's schemas, network policies against the links",
    time: "about 90 s; the first time about 3 min more for the checkers",
    projects: ["manifests"],
    serial: false,
    remembered: true,
  },
  engine: {
    what: "the real Pulumi CLI with the real random plugin",
    time: "about 3 minutes; the first time some more for the toolchain",
    projects: ["engine"],
    needs: { engine: false, images: false },
    serial: true,
    remembered: true,
  },
  live: {
    what: "whole systems on a real Docker Swarm",
    time: "about 130 minutes; the first time some more for the images",
    projects: ["live"],
    needs: { engine: true, images: true },
    serial: true,
    remembered: true,
  },
  cluster: {
    what: "the same systems on a real Kubernetes node",
    time: "about 100 minutes; the first time 20 more for the cluster's programs",
    projects: ["cluster"],
    needs: { engine: true, images: true },
    serial: true,
    remembered: true,
  },
};
