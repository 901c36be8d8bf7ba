import { ExitCode, UserError } from "../errors";
import { compatible } from "./versions";

/** Where the Pulumi CLI and its plugins come from. */
export type Source = "path" | "download" | "build";

/** All sources, in the order in which they are preferred. */
export const sources: readonly Source[] = ["path", "download", "build"];

/** What is known before anything is fetched. */
export interface ToolchainFacts {
  /** The value of `ATALAYA_TOOLCHAIN`. */
  readonly forced?: string;
  /** Version of the `pulumi` on the PATH. */
  readonly onPath?: string;
  /** The pinned CLI was downloaded before. */
  readonly downloaded: boolean;
  /** The pinned toolchain was built before, from the same inputs. */
  readonly built: boolean;
}

/**
 * The sources to try, in order. What is there already comes before what would have to be fetched, so
 * that a machine without downloads does not wait for them at every run.
 *
 * @param wanted the pinned version of the CLI
 * @throws UserError when `ATALAYA_TOOLCHAIN` is something else than a source, or forces a CLI on the
 * PATH that is not there or too old.
 */
export function sourcesToTry(facts: ToolchainFacts, wanted: string): readonly Source[] {
  const usable = facts.onPath !== undefined && compatible(facts.onPath, wanted);
  if (facts.forced) {
    const forced = sources.find((source) => source === facts.forced);
    if (!forced) {
      throw new UserError(
        `ATALAYA_TOOLCHAIN is “${facts.forced}”.`,
        `Use one of ${sources.join(", ")}, or unset it.`,
        ExitCode.usage,
      );
    }
    if (forced === "path" && !usable) {
      throw new UserError(
        facts.onPath === undefined
          ? "ATALAYA_TOOLCHAIN=path, but there is no `pulumi` on the PATH."
          : `ATALAYA_TOOLCHAIN=path, but the \`pulumi\` on the PATH is ${facts.onPath}; ${wanted} or a newer 3.x is needed.`,
        "Install it as https://www.pulumi.com/docs/install says, or unset ATALAYA_TOOLCHAIN.",
        ExitCode.missing,
      );
    }
    return [forced];
  }
  const there: readonly (Source | false)[] = [
    usable && "path",
    facts.downloaded && "download",
    facts.built && "build",
  ];
  return [...new Set([...there, "download" as const, "build" as const])].filter(
    (source): source is Source => source !== false,
  );
}
